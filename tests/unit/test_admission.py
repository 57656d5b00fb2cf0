"""Who may begin a deployment: told by the lock, the record and the dead."""

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
    """A living worker, in a process of its own, of an operation that is called first."""
    store.insert(operation("first"))
    process = start(WORKER, tmp_path)
    yield process
    kill(process)


@pytest.fixture
def verb() -> Verb:
    """Say what a worker works on: a provision."""
    return Verb.PROVISION


@pytest.fixture
def bereft(tmp_path: Path, store: Store, verb: Verb) -> Iterator[Worker]:
    """Give a worker whose lock file was deleted while it and its engine hold it."""
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
    """Give a worker that is dead, and whose engine lives."""
    path = lock_path(tmp_path, "exp1-0")
    path.parent.mkdir()
    dead = Worker(path, both=True)
    store.insert(dead.operation)
    dead.die()
    yield dead
    dead.end()


def admitted(store: Store, state_dir: Path, name: str, stack: str = STACK) -> Admitted:
    """Be admitted, and give the lock back."""
    admission = admit(store, state_dir, operation(name, stack=stack))
    assert isinstance(admission, Admitted)
    os.close(admission.lock)
    return admission


def test_whoever_is_admitted_holds_the_lock_and_has_a_record(tmp_path: Path, store: Store) -> None:
    """Both, before anything else: what happens next can be told from them whoever dies."""
    asked = operation("first")
    found = admit(store, tmp_path, asked)
    assert isinstance(found, Admitted)
    assert (found.before, store.latest(STACK)) == (None, asked)
    assert file_lock.is_locked(lock_path(tmp_path, STACK))
    os.close(found.lock)


def test_what_is_in_flight_is_given_back(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """The caller joins it if it is for the same thing, and says who has the VM if it is not."""
    assert admit(store, tmp_path, operation("second")) == store.get("first")
    assert store.get("second") is None


def test_the_record_of_a_dead_worker_becomes_interrupted(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """The next one is admitted at once, and told what came before."""
    kill(worker)
    before = admitted(store, tmp_path, "second").before
    assert before is not None
    assert (before.id, before.state, before.ended > before.created) == ("first", State.FAILED, True)
    assert before.failure is not None
    assert before.failure.kind is FailureKind.INTERRUPTED
    assert before.failure.message == (
        f"the worker of this provision (pid {worker.pid} on here) died before it was done"
    )


def test_a_caller_that_died_before_its_worker_began_is_settled_too(tmp_path: Path, store: Store) -> None:
    """It leaves a record that is PENDING and a lock that is free."""
    code = WORKER.replace('Store(state_dir).transition("first", State.RUNNING, pid=os.getpid(), host="here")\n', "")
    store.insert(operation("first"))
    kill(start(code, tmp_path))
    before = admitted(store, tmp_path, "second").before
    assert before is not None
    assert str(before.failure).startswith("interrupted: the worker of this provision died before it was done; ")


def test_a_lock_whose_operation_is_over_is_waited_for(
    tmp_path: Path, store: Store, worker: "Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker has recorded the end and is on its way out: nobody is refused for the sake of a moment."""
    monkeypatch.setattr(admission, "_LOCK_TIMEOUT", 120.0)
    store.transition("first", State.SUCCEEDED)
    leaving = Thread(target=kill, args=[worker])
    leaving.start()
    assert admitted(store, tmp_path, "second").before == store.get("first")
    leaving.join()


def test_a_lock_that_nobody_explains_is_not_waited_for_for_ever(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that hangs on its way out holds the VM: the caller is told so."""
    stranger = file_lock.acquire(lock_path(tmp_path, STACK))
    assert stranger is not None
    seconds = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(time, "sleep", lambda _: None)
    assert admit(store, tmp_path, operation("first")) is None
    assert store.get("first") is None
    os.close(stranger)


def test_a_deprovision_is_admitted_while_a_provision_runs(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """Whoever wants a VM gone need not wait until it is there; ending the provision is its worker's work."""
    running = store.get("first")
    found = admit(store, tmp_path, operation("second", verb=Verb.DEPROVISION))
    assert isinstance(found, Admitted)
    assert (found.before, store.get("first")) == (running, running)
    os.close(found.lock)


def test_nothing_is_made_while_it_is_being_removed(tmp_path: Path, store: Store) -> None:
    """A provision is given the deprovision that stands in its way, and is admitted once that is over."""
    removing = admit(store, tmp_path, operation("first", verb=Verb.DEPROVISION))
    assert isinstance(removing, Admitted)
    assert admit(store, tmp_path, operation("second")) == store.get("first")
    store.transition("first", State.RUNNING)
    store.transition("first", State.SUCCEEDED)
    os.close(removing.lock)
    assert admitted(store, tmp_path, "second").before == store.get("first")


@pytest.mark.parametrize("verb", Verb)
def test_a_dead_worker_is_settled_whatever_is_asked_next(tmp_path: Path, store: Store, verb: Verb) -> None:
    """A record that says RUNNING for ever is read as a VM that is still being removed."""
    store.insert(operation("first", verb=Verb.DEPROVISION))
    store.transition("first", State.RUNNING)
    found = admit(store, tmp_path, operation("second", verb=verb))
    assert isinstance(found, Admitted)
    os.close(found.lock)
    assert (settled := store.get("first")) is not None
    assert settled.state is State.FAILED


def test_of_processes_that_ask_at_once_one_is_admitted(tmp_path: Path, store: Store) -> None:
    """All the others are given its operation."""
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


def test_the_lock_comes_free_when_the_record_cannot_be_written(
    tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full refuses one call, and must not lock the VM for as long as the program lives."""
    monkeypatch.setattr(sqlite, "_ROOM", 1 << 62)
    with pytest.raises(RecordsUnusable):
        admit(store, tmp_path, operation("first"))
    assert not file_lock.is_locked(lock_path(tmp_path, STACK))


def test_a_living_worker_is_left_alone(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """A look at what is in flight changes nothing."""
    running = store.get("first")
    assert running is not None
    assert mark_if_dead(store, tmp_path, operation("first")) == running
    assert running.state is State.RUNNING


def test_a_dead_worker_is_noticed_by_whoever_looks(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """No heartbeat and no time-out: the lock is free, so it is dead."""
    kill(worker)
    seen = mark_if_dead(store, tmp_path, operation("first"))
    assert (seen.state, seen) == (State.FAILED, store.get("first"))
    assert seen.failure is not None
    assert seen.failure.retryable


@pytest.mark.parametrize("asks", [False, True])
def test_what_a_dead_worker_left_is_ended_by_whoever_looks_or_asks(
    tmp_path: Path, store: Store, left: Worker, asks: bool
) -> None:
    """Its engine holds the lock on: nobody would begin, or learn of the death, before that ends by itself."""
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
def test_who_lives_is_in_flight_whatever_the_lock_says(
    tmp_path: Path, store: Store, bereft: Worker, made_anew: bool
) -> None:
    """A lock file that was deleted, and maybe made anew, is free: its worker and its engine work on."""
    if made_anew:
        bereft.path.touch()
    assert admit(store, tmp_path, operation("second", stack="exp1-0")) == bereft.operation
    assert mark_if_dead(store, tmp_path, bereft.operation) == bereft.operation
    assert store.get("second") is None
    assert bereft.engine_answers()


@pytest.mark.parametrize("verb", [Verb.DEPROVISION])
def test_nothing_is_made_while_it_is_being_removed_whatever_the_lock_says(
    tmp_path: Path, store: Store, bereft: Worker
) -> None:
    """That of the removal is another one, and may be deleted as well."""
    assert admit(store, tmp_path, operation("second", stack="exp1-0")) == bereft.operation
    bereft.die()
    assert admitted(store, tmp_path, "second", "exp1-0").before == store.get("id")


@pytest.mark.parametrize("asks", [False, True])
def test_what_holds_a_lock_that_was_deleted_is_ended_once_its_worker_is_dead(
    tmp_path: Path, store: Store, bereft: Worker, asks: bool
) -> None:
    """Nobody begins beside an engine that goes on."""
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
def test_a_record_of_another_host_or_boot_is_judged_by_the_lock_alone(
    tmp_path: Path, store: Store, bereft: Worker, change: dict[str, Any]
) -> None:
    """Whoever has its worker's number here is another."""
    elsewhere = dataclasses.replace(bereft.operation, id="elsewhere", stack="exp2-0", **change)
    store.insert(elsewhere)
    assert mark_if_dead(store, tmp_path, elsewhere).state is State.FAILED
    assert bereft.engine_answers()


def test_a_cancel_ends_who_lives_whatever_the_lock_says(tmp_path: Path, store: Store, bereft: Worker) -> None:
    """Nobody works on the VM afterwards: neither its worker nor the engine that outlives that."""
    assert cancel(store, tmp_path, "exp1-0", Verb.PROVISION)
    assert find_worker(bereft.operation, bereft.path) is None
    assert not bereft.engine_answers()
    assert (seen := store.get("id")) is not None
    assert seen.failure is not None
    assert seen.failure.message.endswith("was cancelled")


def test_who_is_no_deployment_holds_the_lock_and_gives_it_back(tmp_path: Path, store: Store) -> None:
    """Also when it fails: a lock that stays refuses everybody after it."""

    def fail() -> None:
        with admission.vm_lock(store, Settings(state_dir=tmp_path), STACK) as (held, _):
            assert os.fstat(held).st_ino == lock_path(tmp_path, STACK).stat().st_ino
            assert file_lock.is_locked(lock_path(tmp_path, STACK))
            raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        fail()
    assert not file_lock.is_locked(lock_path(tmp_path, STACK))


def test_who_is_no_deployment_is_refused_where_there_is_one(
    tmp_path: Path, store: Store, worker: "Popen[str]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """What looks at files that an engine is writing mends what is not broken."""
    monkeypatch.setattr(admission, "_LOCK_TIMEOUT", 0.0)
    with (
        pytest.raises(OperationFailed, match=r"^locked: ada has a provision of exp1 in flight since "),
        admission.vm_lock(store, Settings(state_dir=tmp_path), STACK),
    ):
        pytest.fail("it has the lock of another")


def test_what_is_over_stays_as_it_ended(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """A worker that says how it ended and is gone was not interrupted, whatever an older copy of its record says."""
    store.transition("first", State.SUCCEEDED, outputs={"publicIp": "203.0.113.7"})
    kill(worker)
    assert mark_if_dead(store, tmp_path, operation("first")) == store.get("first")
    assert mark_if_dead(store, tmp_path, operation("first")).state is State.SUCCEEDED


def test_many_who_notice_a_death_agree(tmp_path: Path, store: Store, worker: "Popen[str]") -> None:
    """Whoever comes second reads what the first has recorded."""
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


def test_a_refusal_says_who_what_and_since_when() -> None:
    """Whoever is refused knows whom to ask, or what to wait for."""
    refusal = admission.lock_conflict(operation("first", pid=4711, host="lab1", verb=Verb.DEPROVISION))
    assert (refusal.kind, refusal.retryable) == (FailureKind.LOCKED, True)
    assert re.fullmatch(
        "ada has a deprovision of exp1 in flight since 2023-11-14.22:13:20Z, pid 4711 on lab1", refusal.message
    )
    assert admission.lock_conflict(operation("first")).message.endswith("22:13:20Z")
    assert admission.lock_conflict(None).message == "another process holds the VM's lock"
