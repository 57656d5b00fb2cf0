"""Admission: who may start a deployment, decided by lock, record and whether the recorded worker is alive."""

import dataclasses
import itertools
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from threading import Thread
from typing import Any

import pytest

from tests.unit.processes import ended, go_on, kill, line_of, start
from tests.unit.test_fence import Worker
from vmops.core import file_lock
from vmops.core.errors import OperationFailed, RecordsUnusable
from vmops.core.failures import FailureKind
from vmops.core.settings import Settings
from vmops.core.state_dir import liveness_lock_path, lock_path
from vmops.jobs import admission, sqlite
from vmops.jobs.admission import Admitted, admit, mark_if_dead
from vmops.jobs.cancel import cancel
from vmops.jobs.fence import find_worker
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store

STACK = "exp1-0a1b2c3d"
WORKER = """
from vmops.core import file_lock
from vmops.core.state_dir import lock_path
from vmops.jobs.operation import State
from vmops.jobs.store import Store
state_dir = Path(sys.argv[1])
held = file_lock.acquire(lock_path(state_dir, "exp1-0a1b2c3d"))
Store(state_dir).transition("first", State.RUNNING, pid=os.getpid(), host="here")
pause()
"""


def operation(name: str, **changes: Any) -> Operation:
    asked = Operation(name, Verb.PROVISION, STACK, "local", "0", "vmops-exp1", "exp1", "ada", created=1_700_000_000.0)
    return dataclasses.replace(asked, **changes)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture
def worker(tmp_path: Path, store: Store) -> Iterator["Popen[str]"]:
    """A living worker process of an operation; the operation is given first."""
    store.insert(operation("first"))
    process = start(WORKER, tmp_path)
    yield process
    kill(process)


@pytest.fixture
def verb() -> Verb:
    """Give the verb that the worker runs: a provision."""
    return Verb.PROVISION


@pytest.fixture
def bereft(tmp_path: Path, store: Store, verb: Verb) -> Iterator[Worker]:
    """Give a worker whose lock file was deleted while the worker and its engine hold the lock."""
    path = liveness_lock_path(tmp_path, "exp1-0", verb)
    path.parent.mkdir()
    busy = Worker(path, both=True)
    busy.operation = dataclasses.replace(busy.operation, verb=verb)
    store.insert(busy.operation)
    path.unlink()
    yield busy
    busy.end()


@pytest.fixture
def left(tmp_path: Path, store: Store) -> Iterator[Worker]:
    """Give a dead worker whose engine is alive."""
    path = lock_path(tmp_path, "exp1-0")
    path.parent.mkdir()
    dead = Worker(path, both=True)
    store.insert(dead.operation)
    dead.die()
    yield dead
    dead.end()


def admitted(store: Store, state_dir: Path, name: str, stack: str = STACK) -> Admitted:
    """Get admitted, and release the lock."""
    admission = admit(store, state_dir, operation(name, stack=stack))
    assert isinstance(admission, Admitted)
    os.close(admission.lock)
    return admission


def test_admission_takes_the_lock_and_writes_a_record(tmp_path: Path, store: Store) -> None:
    """Both exist before anything else happens, so that a later caller can see the interrupted operation."""
    asked = operation("first")
    found = admit(store, tmp_path, asked)
    assert isinstance(found, Admitted)
    assert (found.before, store.latest(STACK)) == (None, asked)
    assert file_lock.is_locked(lock_path(tmp_path, STACK))
    os.close(found.lock)


def test_admission_returns_the_operation_in_flight(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """The caller joins it if it is for the same thing, and is refused if not."""
    assert admit(store, tmp_path, operation("second")) == store.get("first")
    assert store.get("second") is None


def test_admission_marks_a_dead_workers_record_interrupted(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """The next caller is admitted at once, and gets the previous record."""
    kill(worker)
    before = admitted(store, tmp_path, "second").before
    assert before is not None
    assert (before.id, before.state, before.ended > before.created) == ("first", State.FAILED, True)
    assert before.failure is not None
    assert before.failure.kind is FailureKind.INTERRUPTED
    assert before.failure.message == (
        f"the worker of this provision (pid {worker.pid} on here) died before it was done"
    )


def test_admission_marks_a_pending_record_of_a_dead_caller_interrupted(tmp_path: Path, store: Store) -> None:
    """A caller that dies before its worker starts leaves a PENDING record and a free lock."""
    code = WORKER.replace('Store(state_dir).transition("first", State.RUNNING, pid=os.getpid(), host="here")\n', "")
    store.insert(operation("first"))
    kill(start(code, tmp_path))
    before = admitted(store, tmp_path, "second").before
    assert before is not None
    assert str(before.failure).startswith("interrupted: the worker of this provision died before it was done; ")


def test_admission_waits_for_the_lock_of_a_finished_operation(
    tmp_path: Path, store: Store, worker: "Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker has recorded the end and is about to exit."""
    monkeypatch.setattr(admission, "_LOCK_TIMEOUT", 120.0)
    store.transition("first", State.SUCCEEDED)
    leaving = Thread(target=kill, args=[worker])
    leaving.start()
    assert admitted(store, tmp_path, "second").before == store.get("first")
    leaving.join()


def test_admission_refuses_after_the_lock_timeout(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that hangs after its operation has ended still holds the lock."""
    stranger = file_lock.acquire(lock_path(tmp_path, STACK))
    assert stranger is not None
    seconds = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert admit(store, tmp_path, operation("first")) is None
    assert store.get("first") is None
    os.close(stranger)


def test_a_deprovision_is_admitted_while_a_provision_runs(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """The worker of the deprovision cancels the provision."""
    running = store.get("first")
    found = admit(store, tmp_path, operation("second", verb=Verb.DEPROVISION))
    assert isinstance(found, Admitted)
    assert (found.before, store.get("first")) == (running, running)
    os.close(found.lock)


def test_provision_is_refused_while_a_deprovision_runs(tmp_path: Path, store: Store) -> None:
    """It gets the deprovision's record, and is admitted once that has ended."""
    removing = admit(store, tmp_path, operation("first", verb=Verb.DEPROVISION))
    assert isinstance(removing, Admitted)
    assert admit(store, tmp_path, operation("second")) == store.get("first")
    store.transition("first", State.RUNNING)
    store.transition("first", State.SUCCEEDED)
    os.close(removing.lock)
    assert admitted(store, tmp_path, "second").before == store.get("first")


@pytest.mark.parametrize("verb", Verb)
def test_admission_of_any_verb_marks_dead_workers_interrupted(tmp_path: Path, store: Store, verb: Verb) -> None:
    """Otherwise a dead removal would look as if it was still running."""
    store.insert(operation("first", verb=Verb.DEPROVISION))
    store.transition("first", State.RUNNING)
    found = admit(store, tmp_path, operation("second", verb=verb))
    assert isinstance(found, Admitted)
    os.close(found.lock)
    assert (settled := store.get("first")) is not None
    assert settled.state is State.FAILED


def test_one_of_many_racing_processes_is_admitted(tmp_path: Path, store: Store) -> None:
    """All others get its operation."""
    code = """
from vmops.jobs import admission
from vmops.jobs.admission import Admitted, admit
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.store import Store
state_dir, name = Path(sys.argv[1]), sys.argv[2]
store = Store(state_dir)
asked = Operation(name, Verb.PROVISION, "exp1-0a1b2c3d", "local", "0", "vmops-exp1", "exp1", "ada")
admission._LOCK_TIMEOUT = 120.0
pause()
found = admit(store, state_dir, asked)
print(name if isinstance(found, Admitted) else found.id, isinstance(found, Admitted))
pause()
"""
    callers = [start(code, tmp_path, f"op{number}") for number in range(6)]
    for caller in callers:
        go_on(caller)
    found = [line_of(caller).split() for caller in callers]
    for caller in callers:
        kill(caller)
    assert sorted(admitted for _, admitted in found) == ["False"] * 5 + ["True"]
    assert len({name for name, _ in found}) == 1


def test_admission_releases_the_lock_when_the_record_cannot_be_written(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk refuses one call; it must not lock the VM for the life of the program."""
    monkeypatch.setattr(sqlite, "_ROOM", 1 << 62)
    with pytest.raises(RecordsUnusable):
        admit(store, tmp_path, operation("first"))
    assert not file_lock.is_locked(lock_path(tmp_path, STACK))


def test_reading_leaves_a_living_worker_alone(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """Reading the operation in flight changes nothing."""
    running = store.get("first")
    assert running is not None
    assert mark_if_dead(store, tmp_path, operation("first")) == running
    assert running.state is State.RUNNING


def test_any_reader_detects_a_dead_worker(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """A free lock shows that the worker is dead; there is no heartbeat."""
    kill(worker)
    seen = mark_if_dead(store, tmp_path, operation("first"))
    assert (seen.state, seen) == (State.FAILED, store.get("first"))
    assert seen.failure is not None
    assert seen.failure.retryable


@pytest.mark.parametrize("asks", [False, True])
def test_readers_and_callers_kill_a_dead_workers_engine(tmp_path: Path, store: Store, left: Worker, asks: bool) -> None:
    """The orphaned engine still holds the lock, which would hide the death of its worker."""
    if asks:
        found = admit(store, tmp_path, operation("second", stack="exp1-0"))
        assert isinstance(found, Admitted)
        os.close(found.lock)
    else:
        mark_if_dead(store, tmp_path, left.operation)
    assert (seen := store.get("id")) is not None
    assert seen.failure is not None
    assert seen.failure.kind is FailureKind.INTERRUPTED
    assert not left.engine_answers()
    assert not file_lock.is_locked(left.path)


@pytest.mark.parametrize("made_anew", [False, True])
def test_a_living_worker_is_in_flight_without_its_lock_file(
    tmp_path: Path, store: Store, bereft: Worker, made_anew: bool
) -> None:
    """The lock of a deleted file counts as free, while its worker and engine continue."""
    if made_anew:
        bereft.path.touch()
    assert admit(store, tmp_path, operation("second", stack="exp1-0")) == bereft.operation
    assert mark_if_dead(store, tmp_path, bereft.operation) == bereft.operation
    assert store.get("second") is None
    assert bereft.engine_answers()


@pytest.mark.parametrize("verb", [Verb.DEPROVISION])
def test_provision_is_refused_during_a_removal_without_its_lock_file(
    tmp_path: Path, store: Store, bereft: Worker
) -> None:
    """A removal has a lock file of its own, which may be deleted as well."""
    assert admit(store, tmp_path, operation("second", stack="exp1-0")) == bereft.operation
    bereft.die()
    assert admitted(store, tmp_path, "second", "exp1-0").before == store.get("id")


@pytest.mark.parametrize("asks", [False, True])
def test_engine_of_a_dead_worker_is_killed_without_the_lock_file(
    tmp_path: Path, store: Store, bereft: Worker, asks: bool
) -> None:
    """No new deployment may start beside a running engine."""
    bereft.die()
    if asks:
        admitted(store, tmp_path, "second", "exp1-0")
    else:
        mark_if_dead(store, tmp_path, bereft.operation)
    assert (seen := store.get("id")) is not None
    assert seen.state is State.FAILED
    assert not bereft.engine_answers()


@pytest.mark.parametrize(
    "change", [{"host_id": "another"}, {"start_ticks": 1}], ids=["another boot", "another process"]
)
def test_a_record_of_another_host_or_boot_is_decided_by_the_lock(
    tmp_path: Path, store: Store, bereft: Worker, change: dict[str, Any]
) -> None:
    """A process with the worker's number on this host is another one."""
    elsewhere = dataclasses.replace(bereft.operation, id="elsewhere", stack="exp2-0", **change)
    store.insert(elsewhere)
    assert mark_if_dead(store, tmp_path, elsewhere).state is State.FAILED
    assert bereft.engine_answers()


def test_cancel_ends_a_living_worker_without_its_lock_file(tmp_path: Path, store: Store, bereft: Worker) -> None:
    """Afterwards neither the worker nor its engine is running."""
    assert cancel(store, tmp_path, "exp1-0", Verb.PROVISION)
    assert find_worker(bereft.operation, bereft.path) is None
    assert not bereft.engine_answers()
    assert (seen := store.get("id")) is not None
    assert seen.failure is not None
    assert seen.failure.message.endswith("was cancelled")


def test_vm_lock_is_released_after_the_block(tmp_path: Path, store: Store) -> None:
    """Also after an exception, because a lock that stays would refuse every later call."""

    def fail() -> None:
        with admission.vm_lock(store, Settings(state_dir=tmp_path), STACK) as (held, _):
            assert os.fstat(held).st_ino == lock_path(tmp_path, STACK).stat().st_ino
            assert file_lock.is_locked(lock_path(tmp_path, STACK))
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert not file_lock.is_locked(lock_path(tmp_path, STACK))


def test_vm_lock_is_refused_while_a_deployment_runs(
    tmp_path: Path, store: Store, worker: "Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repair must not touch files that a running engine writes."""
    monkeypatch.setattr(admission, "_LOCK_TIMEOUT", 0.0)
    with (
        pytest.raises(OperationFailed, match=r"^locked: ada has a provision of exp1 in flight since "),
        admission.vm_lock(store, Settings(state_dir=tmp_path), STACK),
    ):
        pytest.fail("it has the lock of another")


def test_marking_dead_keeps_the_end_of_a_finished_operation(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """A worker that has recorded its result was not interrupted, even if the caller has an older copy of the record."""
    store.transition("first", State.SUCCEEDED, outputs={"publicIp": "203.0.113.7"})
    kill(worker)
    assert mark_if_dead(store, tmp_path, operation("first")) == store.get("first")
    assert mark_if_dead(store, tmp_path, operation("first")).state is State.SUCCEEDED


def test_marking_dead_twice_gives_one_record(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """The second caller reads what the first has recorded."""
    kill(worker)
    code = """
from vmops.jobs.admission import mark_if_dead
from vmops.jobs.store import Store
store = Store(Path(sys.argv[1]))
before = store.get("first")
pause()
print(mark_if_dead(store, Path(sys.argv[1]), before))
"""
    watchers = [start(code, tmp_path) for _ in range(4)]
    for watcher in watchers:
        go_on(watcher)
    assert {ended(watcher) for watcher in watchers} == {str(store.get("first"))}


def test_lock_conflict_names_verb_holder_and_start() -> None:
    """The refused caller knows the holder and the operation to wait for."""
    refusal = admission.lock_conflict(operation("first", pid=4711, host="lab1", verb=Verb.DEPROVISION))
    assert (refusal.kind, refusal.retryable) == (FailureKind.LOCKED, True)
    assert re.fullmatch(
        "ada has a deprovision of exp1 in flight since 2023-11-14.22:13:20Z, pid 4711 on lab1", refusal.message
    )
    assert admission.lock_conflict(operation("first")).message.endswith("22:13:20Z")
    assert admission.lock_conflict(None).message == "another process holds the VM's lock"
