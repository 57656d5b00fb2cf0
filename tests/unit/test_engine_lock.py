"""An engine's lock is deleted only if its holder is provably dead: by our note of it, else by our records."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import pytest

from vmops.core import host
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.core.processes import start_ticks
from vmops.engine.backend.lock_holder import living_holder, refuse_living_holder, refuse_running_engine
from vmops.engine.backend.notes import EngineNotes, Note, notes_directory
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.stack_records import StackRecords
from vmops.jobs.store import Store

TAKEN = 1_800_000_000.0
CUT_OFF = Operation(
    *("ours", Verb.PROVISION, "s", "local", "0", "group", "exp1", "ada"),
    state=State.FAILED,
    host=socket.gethostname(),
    started=TAKEN - 60,
    ended=TAKEN + 60,
    failure=Failure(FailureKind.INTERRUPTED, "died before it was done"),
)
"""A record of an earlier version, whose worker was killed."""


def refused_by(pid: int, hostname: str = "", since: float = TAKEN) -> str:
    """Give the engine's message about a held lock."""
    taken = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    holder = f"me@{hostname or socket.gethostname()} (pid {pid})"
    return f"error: the stack is currently locked by 1 lock(s)\n  a.json: created by {holder} at {taken}"


def stays(notes: EngineNotes, message: str) -> bool:
    """Tell whether a lock stays; then the refusal names its holder and the next step."""
    try:
        refuse_living_holder(message, notes)
    except OperationFailed as refusal:
        failure = refusal.failure
    else:
        return False
    assert failure.kind is FailureKind.LOCKED
    assert "the stack is locked by me on " in failure.message
    assert "`vmops recover NAME --break-lock`" in failure.next_step
    return True


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


@pytest.fixture
def notes(tmp_path: Path, store: Store) -> EngineNotes:
    """Give the notes of a stack without records."""
    return EngineNotes(tmp_path / "engines", "s", StackRecords(store, "s"))


@pytest.fixture
def dead() -> Iterator[int]:
    """Give the number of a dead process that was not reaped yet."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    zombie = psutil.Process(process.pid)
    assert poll_until(lambda: zombie.status() == psutil.STATUS_ZOMBIE or NotYet(0.01), timeout=60)
    yield process.pid
    process.wait()


def put(notes: EngineNotes, **changes: Any) -> Path:
    """Write a note of an engine as another host would."""
    noted = Note(host.identity(), socket.gethostname(), os.getpid(), start_ticks(os.getpid()) or 0, "")
    notes.directory.mkdir(exist_ok=True)
    path = notes.directory / "s@another.json"
    path.write_text(json.dumps(asdict(noted) | changes))
    return path


def test_the_lock_of_a_living_engine_stays(notes: EngineNotes) -> None:
    """Whatever the times of its lock and its process."""
    notes.write(os.getpid())
    assert [stays(notes, refused_by(os.getpid(), since=when)) for when in (0, TAKEN, 4_000_000_000)] == [True] * 3


def test_the_lock_of_a_dead_engine_is_deleted(notes: EngineNotes, dead: int) -> None:
    """Also if its process was not reaped yet."""
    put(notes, pid=dead, start_ticks=start_ticks(os.getpid()))
    assert not stays(notes, refused_by(dead))


def test_a_reused_process_number_is_another_process(notes: EngineNotes) -> None:
    """Numbers are used again."""
    put(notes, start_ticks=(start_ticks(os.getpid()) or 0) - 1)
    assert not stays(notes, refused_by(os.getpid()))


def test_a_host_name_alone_proves_nothing(notes: EngineNotes, dead: int) -> None:
    """Containers of one image may have the same name and the same process numbers."""
    assert stays(notes, refused_by(dead))
    put(notes, pid=dead, host_id="another")
    assert stays(notes, refused_by(dead))
    notes.write(dead)
    assert stays(notes, refused_by(dead)), "of two engines of that number only one is known to be dead"


def test_a_renamed_host_recognises_its_engines(notes: EngineNotes, dead: int) -> None:
    """By the identity in the note."""
    put(notes, pid=dead, hostname="before")
    assert not stays(notes, refused_by(dead, "before"))


def test_an_engine_of_this_state_directory_on_another_host_is_dead(notes: EngineNotes, store: Store, dead: int) -> None:
    """It ran in an earlier container, or before the last boot: this process now holds the VM's lock."""
    put(notes, pid=dead, host_id="another", hostname="another", operation="ours")
    assert stays(notes, refused_by(dead, "another"))
    store.insert(CUT_OFF)
    assert not stays(notes, refused_by(dead, "another"))


def test_a_record_of_another_stack_proves_nothing(notes: EngineNotes, store: Store, dead: int) -> None:
    """Its VM has another lock."""
    put(notes, pid=dead, host_id="another", operation="ours")
    store.insert(replace(CUT_OFF, stack="t"))
    assert stays(notes, refused_by(dead))


@pytest.mark.parametrize(
    ("record", "hostname", "left"),
    [
        (CUT_OFF, "", False),
        (replace(CUT_OFF, failure=Failure(FailureKind.TIMEOUT, "not over within 60 s")), "", False),
        (replace(CUT_OFF, host_id="another boot"), "", False),
        (replace(CUT_OFF, host="before"), "before", False),
        (CUT_OFF, "another", True),
        (replace(CUT_OFF, stack="t"), "", True),
        (replace(CUT_OFF, ended=TAKEN - 30), "", True),
        (replace(CUT_OFF, started=TAKEN + 30), "", True),
        (replace(CUT_OFF, host_id=host.identity()), "", True),
        (replace(CUT_OFF, failure=Failure(FailureKind.LOCKED, "the stack is locked by another")), "", True),
        (replace(CUT_OFF, state=State.SUCCEEDED, failure=None), "", True),
    ],
    ids=[
        *("cut off", "by its time-out", "of another boot", "before a new name", "elsewhere", "of another stack"),
        *("over before", "begun after", "of this boot", "refused", "went well"),
    ],
)
def test_a_lock_without_a_note_is_decided_by_the_records(
    notes: EngineNotes, store: Store, dead: int, record: Operation, hostname: str, left: bool
) -> None:
    """The note may be missing from an earlier version, or after a power loss; in doubt the lock stays."""
    store.insert(record)
    assert stays(notes, refused_by(dead, hostname)) is left


def test_a_possible_engine_process_keeps_its_lock(notes: EngineNotes, store: Store) -> None:
    """There is no note, and a process with its number was already running when the lock was taken."""
    begun = psutil.Process().create_time()
    store.insert(replace(CUT_OFF, started=begun - 600, ended=begun + 600))
    assert stays(notes, refused_by(os.getpid(), since=begun + 60))
    assert not stays(notes, refused_by(os.getpid(), since=begun - 60))


def test_a_lock_with_an_unknown_message_stays(notes: EngineNotes) -> None:
    """An unknown message does not prove that the holder is dead."""
    with pytest.raises(OperationFailed, match="locked by another engine"):
        refuse_living_holder("error: the stack is locked", notes)


def test_a_missing_lock_has_no_holder(notes: EngineNotes, tmp_path: Path) -> None:
    """An engine may have released it meanwhile."""
    assert not living_holder(tmp_path / "gone.json", notes)


def test_break_lock_refuses_while_an_engine_is_running(notes: EngineNotes, dead: int) -> None:
    """Of all other locks a person may know more."""
    put(notes, pid=dead, host_id="another")
    notes.write(dead)
    refuse_running_engine(notes)
    notes.write(os.getpid())
    with pytest.raises(OperationFailed, match=f"locked by process {os.getpid()} of this host"):
        refuse_running_engine(notes)


def test_only_notes_of_dead_engines_are_removed(notes: EngineNotes, dead: int) -> None:
    """And none of another stack with the same prefix; a truncated note counts as dead."""
    living, other = notes.write(os.getpid()), replace(notes, stack="s.t").write(dead)
    elsewhere = put(notes, host_id="another")
    half = notes.directory / "s@half.json"
    half.write_text('{"host')
    notes.write(dead)
    notes.forget(notes.of_the_dead())
    assert set(notes.directory.iterdir()) == {living, other, elsewhere}


def test_a_note_is_written_atomically(notes: EngineNotes, store: Store) -> None:
    """It has the newest operation of its stack."""
    for number, name in enumerate(("before", "now")):
        store.insert(replace(CUT_OFF, id=name, created=float(number)))
    path = notes.write(os.getpid())
    assert list(notes.directory.iterdir()) == [path]
    assert json.loads(path.read_text()) == {
        "host_id": host.identity(),
        "hostname": socket.gethostname(),
        "pid": os.getpid(),
        "start_ticks": start_ticks(os.getpid()),
        "operation": "now",
    }


@pytest.mark.parametrize(
    ("backend", "place"), [("file:///shared", "/shared/.vmops/engines"), ("postgres://lab/vmops", "/state/engines")]
)
def test_notes_are_in_the_file_backend(backend: str, place: str) -> None:
    """For other backends they are in the state directory."""
    assert notes_directory(backend, Path("/state")) == Path(place)
