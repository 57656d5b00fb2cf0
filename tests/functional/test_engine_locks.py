"""The engine's lock of a stack: a dead engine's lock is removed at once, any other only by a person."""

import json
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.azure import Azure, begun, kill_all
from vmops import Status, VMOps
from vmops.cli import command_line
from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.core.state_dir import records_path
from vmops.engine import exclusive
from vmops.engine.backend import files
from vmops.engine.backend.notes import EngineNotes, notes_directory
from vmops.jobs.stack_records import StackRecords
from vmops.jobs.store import Store
from vmops.protocol import Params
from vmops.spec.target import Target

Deploy = Callable[[Params], dict[str, Any]]
PARAMS: Params = {"vmName": "exp1"}
STACK = Target.from_params(PARAMS).stack
NOBODY = 2**22 + 1
"""A process id that never exists. Source: proc(5), pid_max is at most 2^22."""

APART = ("unshare", "--pid", "--fork", "--mount-proc")
JUDGE = """
import sys
from pathlib import Path
from vmops import Settings
from vmops.engine.backend.files import lock_holders
from vmops.engine.backend.notes import EngineNotes, notes_directory
from vmops.jobs.stack_records import StackRecords
from vmops.jobs.store import Store

backend, place, stack = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
notes = EngineNotes(notes_directory(backend, place), stack, StackRecords(Store(place), stack))
print(len(lock_holders(backend, "vmops", notes)))
"""
"""Prints how many engines that may be alive hold a stack's lock, as seen by a host with its own state directory."""


@pytest.fixture
def backend(state_dir: Path) -> Path:
    """Give the directory of the engine's backend."""
    return state_dir / "backend"


def locks(backend: Path) -> list[Path]:
    """Give the engine's locks of the VM's stack."""
    return list((backend / ".pulumi" / "locks" / "organization" / "vmops" / STACK).glob("*.json"))


def notes(backend: Path) -> list[Path]:
    """Give our notes about engines."""
    return list((backend / ".vmops" / "engines").iterdir())


def put_lock(backend: Path, hostname: str, name: str = "0") -> Path:
    """Create a lock of an engine that is no process here and has no note."""
    lock = backend / ".pulumi" / "locks" / "organization" / "vmops" / STACK / f"{name}.json"
    lock.parent.mkdir(parents=True, exist_ok=True)
    who = {"pid": NOBODY, "username": "ada", "hostname": hostname, "timestamp": "2026-05-04T01:58:12Z"}
    lock.write_text(json.dumps(who))
    return lock


def logged(state_dir: Path, words: str) -> bool:
    """Tell whether a deployment's log has an event."""
    return any(words in path.read_text() for path in state_dir.glob("logs/*/*.jsonl"))


def cut_off(ops: VMOps, azure: Azure) -> None:
    """Provision a VM, and kill worker and engine while the engine holds its lock."""
    azure.stick("create")
    assert ops.vm_provision(PARAMS) == (Status.PENDING, {})
    assert poll_until(lambda: begun(azure), timeout=240)
    kill_all(ops.settings.state_dir)
    azure.let_go()


def as_earlier_code_left_it(backend: Path, state_dir: Path) -> None:
    """Delete the note about an engine, so that only the host's name and the record are left."""
    for note in notes(backend):
        note.unlink()
    with closing(sqlite3.connect(records_path(state_dir))) as records, records:
        records.execute(
            "UPDATE operations SET host_id = '', start_ticks = 0, host = ? WHERE pid != 0", (socket.gethostname(),)
        )


@pytest.mark.parametrize("hostname", ["another-host", socket.gethostname()], ids=["another", "of-the-same-name"])
def test_a_living_engines_lock_is_awaited(
    ops: VMOps, azure: Azure, state_dir: Path, backend: Path, provision: Deploy, hostname: str
) -> None:
    """An engine that was started by hand, or on another host, keeps its lock. The log names its holder."""
    provision(PARAMS)
    held = put_lock(backend, hostname)
    assert ops.vm_provision({**PARAMS, "vmSize": "Standard_B4ms"}) == (Status.PENDING, {})
    words = f"the stack is locked by ada on {hostname} (pid {NOBODY}) since 2026-05-04T01:58:12Z"
    assert poll_until(lambda: logged(state_dir, words) or NotYet(0.02), timeout=240)
    assert held.exists()
    held.unlink()
    assert ops.wait_vm_deployment(True, PARAMS)[0] is Status.SUCCEEDED, ops.last_failure(PARAMS)


@pytest.mark.parametrize("leave", [lambda *_: None, as_earlier_code_left_it], ids=["noted", "by-earlier-code"])
def test_a_killed_engines_lock_is_removed_at_once(
    ops: VMOps,
    azure: Azure,
    backend: Path,
    state_dir: Path,
    provision: Deploy,
    deprovision: Deploy,
    leave: Callable[[Path, Path], None],
) -> None:
    """The note, or else the record, shows that the engine is dead. Afterwards there is no note."""
    cut_off(ops, azure)
    assert (len(locks(backend)), len(notes(backend))) == (1, 1)
    leave(backend, state_dir)
    provision(PARAMS)
    assert not logged(state_dir, '"event": "waiting"')
    deprovision(PARAMS)
    assert (notes(backend), azure.resources()) == ([], [])


def test_a_living_engines_lock_is_kept_in_a_container_of_the_same_host_name(
    ops: VMOps, azure: Azure, state_dir: Path, backend: Path, tmp_path: Path
) -> None:
    """The container cannot see the process. On the host itself, another state directory sees that it is alive."""
    judge = [sys.executable, "-c", JUDGE, f"file://{backend}"]
    azure.stick("create")
    assert ops.vm_provision(PARAMS) == (Status.PENDING, {})
    assert poll_until(lambda: begun(azure), timeout=240)
    assert subprocess.check_output([*judge, tmp_path / "beside", STACK], text=True) == "1\n"
    if shutil.which("unshare") and not subprocess.run([*APART, "true"], check=False, capture_output=True).returncode:
        assert subprocess.check_output([*APART, *judge, tmp_path / "apart", STACK], text=True) == "1\n"
    kill_all(state_dir)
    azure.let_go()
    assert len(locks(backend)) == 1
    assert subprocess.check_output([*judge, tmp_path / "beside", STACK], text=True) == "0\n"


def test_break_lock_removes_a_lock_of_an_unknown_holder(
    ops: VMOps, azure: Azure, backend: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """Only on request, and not in a dry run. Each time the holder is named."""
    provision(PARAMS)
    held = put_lock(backend, "another-host")
    for broken in ({}, {"dry_run": True}, {"dry_run": True, "break_lock": True}):
        status, told = ops.recover(PARAMS, **broken)
        assert (status, held.exists()) == (Status.SUCCEEDED, True)
        assert told["locks"] == [f"ada on another-host (pid {NOBODY}) since 2026-05-04T01:58:12Z"]
    assert ops.recover(PARAMS, break_lock=True) == (Status.SUCCEEDED, told)
    assert not held.exists()
    assert ops.recover(PARAMS)[1]["locks"] == []
    deprovision(PARAMS)
    assert azure.resources() == []


def test_a_lock_without_a_stack_is_removed(
    ops: VMOps, azure: Azure, backend: Path, provision: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine may die before its stack exists. The refusal suggests a command, which removes the lock."""
    monkeypatch.setattr(exclusive, "LOCK_TIMEOUT", 0.0)
    held = put_lock(backend, "another-host")
    with pytest.raises(OperationFailed, match=r"the stack is locked by ada on another-host") as refusal:
        ops.plan(PARAMS)
    assert refusal.value.failure.kind is FailureKind.LOCKED
    assert "`vmops recover NAME --break-lock`" in refusal.value.failure.next_step
    assert ops.recover(PARAMS, break_lock=True)[0] is Status.SUCCEEDED
    assert not held.exists()
    provision(PARAMS)


def test_an_engine_killed_before_its_stack_existed_is_recovered(ops: VMOps, azure: Azure, backend: Path) -> None:
    """The next engine of the stack removes the lock, although the engine's own command does not find it."""
    held = put_lock(backend, "before")
    note = backend / ".vmops" / "engines" / f"{STACK}@before.json"
    note.parent.mkdir(parents=True)
    noted = {"host_id": "before", "hostname": "before", "pid": NOBODY, "start_ticks": 1, "operation": "first"}
    note.write_text(json.dumps(noted))
    ops.settings.state_dir.mkdir(exist_ok=True)
    with closing(sqlite3.connect(records_path(ops.settings.state_dir))) as records, records:
        columns = "id, verb, stack, state, cloud, subscription, resource_group, vm_name, owner, outputs"
        row = f"'first', 'provision', '{STACK}', 'failed', 'local', '0', 'group', 'exp1', 'tester', '{{}}'"
        records.execute(
            f"INSERT INTO operations ({columns}, created, started, ended, host, pid) VALUES ({row}, 0, 0, 0, '', 0)"
        )
    assert ops.plan(PARAMS)
    assert (held.exists(), note.exists()) == (False, False)


def test_an_engine_killed_while_removing_its_stack_leaves_no_lock_and_no_note(backend: Path, state_dir: Path) -> None:
    """Its lock and note are removed with the stack; those of an engine that may be alive stay."""
    engines = EngineNotes(notes_directory(backend.as_uri(), state_dir), STACK, StackRecords(Store(state_dir), STACK))
    dead = engines.write(NOBODY)
    held, living = put_lock(backend, socket.gethostname()), put_lock(backend, "another-host", "1")
    assert files.retire(backend.as_uri(), "vmops", engines)
    assert (held.exists(), dead.exists(), living.exists()) == (False, False, True)


@pytest.fixture
def shell(azure: Azure, state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Give a function that makes a call in a shell; ``says`` is the answer to a question."""
    monkeypatch.setenv("VMOPS_OWNER", "tester")

    def call(*arguments: str, says: str = "") -> Any:
        return CliRunner().invoke(command_line(), ["recover", "exp1", "--break-lock", *arguments], input=says)

    return call


def test_break_lock_asks_first(shell: Callable[..., Any], backend: Path, provision: Deploy) -> None:
    """The question names the holder and the danger; no answer counts as no."""
    provision(PARAMS)
    held = put_lock(backend, "another-host")
    for answer in ("", "n\n"):
        asked = shell(says=answer)
        assert (asked.exit_code, held.exists()) == (1, True)
        assert f"held by ada on another-host (pid {NOBODY}) since 2026-05-04T01:58:12Z (if that" in asked.stderr
    assert shell("--dry-run").stdout == f"  locked by  ada on another-host (pid {NOBODY}) since 2026-05-04T01:58:12Z\n"
    assert held.exists()
    assert shell(says="y\n").exit_code == 0
    assert not held.exists()


def test_break_lock_with_yes_does_not_ask(shell: Callable[..., Any], backend: Path, provision: Deploy) -> None:
    """As in a script; stdout is one JSON value."""
    provision(PARAMS)
    held = put_lock(backend, "another-host")
    told = shell("--yes", "--json")
    assert (told.exit_code, len(json.loads(told.stdout)["locks"]), held.exists()) == (0, 1, False)
