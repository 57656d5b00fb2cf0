"""An engine's lock is broken only when whoever took it is provably dead: by our note of it, else by our records."""

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
from vmops.engine.backend.lock_holder import living_holder, refuse_living_holder, refuse_seen_holder
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
    """Give the engine's words for a lock that is held."""
    taken = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    holder = f"me@{hostname or socket.gethostname()} (pid {pid})"
    return f"error: the stack is currently locked by 1 lock(s)\n  a.json: created by {holder} at {taken}"


def stays(notes: EngineNotes, message: str) -> bool:
    """Tell whether a lock stays; who holds it is named then, and what a person may do."""
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
    """Give the notes of a stack, of which this state directory has no records."""
    return EngineNotes(tmp_path / "engines", "s", StackRecords(store, "s"))


@pytest.fixture
def dead() -> Iterator[int]:
    """Give the number of a process that has ended, and that nobody has asked for yet."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    zombie = psutil.Process(process.pid)
    assert poll_until(lambda: zombie.status() == psutil.STATUS_ZOMBIE or NotYet(0.01), timeout=60)
    yield process.pid
    process.wait()


def put(notes: EngineNotes, **changes: Any) -> Path:
    """Leave a note of an engine as others would."""
    noted = Note(host.identity(), socket.gethostname(), os.getpid(), start_ticks(os.getpid()) or 0, "")
    notes.directory.mkdir(exist_ok=True)
    path = notes.directory / "s@another.json"
    path.write_text(json.dumps(asdict(noted) | changes))
    return path


def test_the_lock_of_an_engine_that_lives_stays(notes: EngineNotes) -> None:
    """Whatever the clock says of its lock and its process."""
    notes.write(os.getpid())
    assert [stays(notes, refused_by(os.getpid(), since=when)) for when in (0, TAKEN, 4_000_000_000)] == [True] * 3


def test_the_lock_of_an_engine_that_is_gone_does_not(notes: EngineNotes, dead: int) -> None:
    """A process that has ended and that nobody has asked for yet is as dead as one that is gone."""
    put(notes, pid=dead, start_ticks=start_ticks(os.getpid()))
    assert not stays(notes, refused_by(dead))


def test_a_younger_process_of_the_same_number_is_another(notes: EngineNotes) -> None:
    """Numbers are used again."""
    put(notes, start_ticks=(start_ticks(os.getpid()) or 0) - 1)
    assert not stays(notes, refused_by(os.getpid()))


def test_nothing_is_told_by_a_name_that_several_hosts_have(notes: EngineNotes, dead: int) -> None:
    """Containers of one image may have one name and the same numbers, and so may who works by hand."""
    assert stays(notes, refused_by(dead))
    put(notes, pid=dead, host_id="another")
    assert stays(notes, refused_by(dead))
    notes.write(dead)
    assert stays(notes, refused_by(dead)), "of two engines of that number only one is known to be dead"


def test_a_host_that_has_another_name_now_knows_its_engines(notes: EngineNotes, dead: int) -> None:
    """By the name that it had, and by itself."""
    put(notes, pid=dead, hostname="before")
    assert not stays(notes, refused_by(dead, "before"))


def test_what_this_state_directory_began_elsewhere_is_dead(notes: EngineNotes, store: Store, dead: int) -> None:
    """In a container before this one, or before the last boot: the VM's lock is ours by now."""
    put(notes, pid=dead, host_id="another", hostname="another", operation="ours")
    assert stays(notes, refused_by(dead, "another"))
    store.insert(CUT_OFF)
    assert not stays(notes, refused_by(dead, "another"))


def test_what_is_a_record_of_another_stack_is_not_of_this(notes: EngineNotes, store: Store, dead: int) -> None:
    """Its VM's lock is another, which nobody holds here."""
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
def test_a_lock_without_a_note_is_judged_by_the_records(
    notes: EngineNotes, store: Store, dead: int, record: Operation, hostname: str, left: bool
) -> None:
    """What an earlier version has left, or one whose note went with the power, is no dead end; in doubt it stays."""
    store.insert(record)
    assert stays(notes, refused_by(dead, hostname)) is left


def test_a_process_that_may_be_the_engine_keeps_its_lock(notes: EngineNotes, store: Store) -> None:
    """One without a note, whose number a process has that was there when the lock was taken."""
    begun = psutil.Process().create_time()
    store.insert(replace(CUT_OFF, started=begun - 600, ended=begun + 600))
    assert stays(notes, refused_by(os.getpid(), since=begun + 60))
    assert not stays(notes, refused_by(os.getpid(), since=begun - 60))


def test_a_lock_that_nobody_can_read_stays(notes: EngineNotes) -> None:
    """What the engine says in other words than those that are known is no proof of anybody's death."""
    with pytest.raises(OperationFailed, match="locked by another engine"):
        refuse_living_holder("error: the stack is locked", notes)


def test_a_lock_that_is_gone_is_nobodys(notes: EngineNotes, tmp_path: Path) -> None:
    """An engine may have given it back meanwhile."""
    assert not living_holder(tmp_path / "gone.json", notes)


def test_a_person_breaks_no_lock_of_an_engine_that_is_seen_to_live(notes: EngineNotes, dead: int) -> None:
    """Of all others a person may know more."""
    put(notes, pid=dead, host_id="another")
    notes.write(dead)
    refuse_seen_holder(notes)
    notes.write(os.getpid())
    with pytest.raises(OperationFailed, match=f"locked by process {os.getpid()} of this host"):
        refuse_seen_holder(notes)


def test_only_the_notes_of_the_dead_are_forgotten(notes: EngineNotes, dead: int) -> None:
    """And none of another stack, whatever its name begins with; what a loss of power has cut says nothing."""
    living, other = notes.write(os.getpid()), replace(notes, stack="s.t").write(dead)
    elsewhere = put(notes, host_id="another")
    half = notes.directory / "s@half.json"
    half.write_text('{"host')
    notes.write(dead)
    notes.forget(notes.of_the_dead())
    assert set(notes.directory.iterdir()) == {living, other, elsewhere}


def test_a_note_is_put_there_whole(notes: EngineNotes, store: Store) -> None:
    """With the newest operation of its stack; whoever looks meanwhile reads all of it or none."""
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
def test_notes_are_where_other_hosts_look(backend: str, place: str) -> None:
    """Where a backend has no files, they are only for this one."""
    assert notes_directory(backend, Path("/state")) == Path(place)
