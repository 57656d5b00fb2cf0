"""The contract of the operation records, also for concurrent processes and threads, and for killed ones.

A new implementation is added to `IMPLEMENTATIONS` and must pass all tests of this module. The tests of SQLite's file
are in `tests/unit/test_store_file.py`.
"""

import dataclasses
import itertools
import os
import pkgutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.postgres import Postgres
from tests.unit.processes import go_on, kill, line_of, race, start
from vmops.core.failures import Failure, FailureKind
from vmops.jobs.cluster.postgres import PostgreSQL, upgrade
from vmops.jobs.operation import TRANSITIONS, Operation, State, Verb
from vmops.jobs.store import Store

Make = Callable[[Path], Store]
IMPLEMENTATIONS = ["vmops.jobs.store:Store", "tests.contract.records:shared"]
"""The function that opens the records of a directory, by a name that other processes import."""

STACK = "exp1-0a1b2c3d"
RECORDS = """
import os, pkgutil
from vmops.jobs.operation import Operation, State, Verb

def record(name, stack="exp1-0a1b2c3d"):
    return Operation(name, Verb.PROVISION, stack, "local", "0", "vmops-exp1", "exp1", "ada")

store = pkgutil.resolve_name("MAKER")(Path(sys.argv[1]))
"""
WAYS = {
    State.PENDING: [],
    State.RUNNING: [State.RUNNING],
    State.SUCCEEDED: [State.RUNNING, State.SUCCEEDED],
    State.FAILED: [State.FAILED],
}
NUMBERS = itertools.count()
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
TIMES = st.floats(0, 1e11)
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
"""Values of text columns: PostgreSQL stores no NUL in them, and no name or host contains one."""

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)
FAILURES = st.builds(Failure, st.sampled_from(FailureKind), TEXT, TEXT, TEXT)
OPERATIONS = st.builds(
    Operation,
    **dict.fromkeys(("id", "stack", "cloud", "subscription", "resource_group", "vm_name", "owner"), NAMES),
    **dict.fromkeys(("digest", "host", "host_id", "hold"), NAMES),
    **dict.fromkeys(("expires", "created", "started", "ended"), TIMES),
    verb=st.sampled_from(Verb),
    state=st.sampled_from(State),
    pid=st.integers(0, 2**31),
    start_ticks=st.integers(0, 2**62),
    outputs=st.dictionaries(TEXT, JSON),
    failure=st.none() | FAILURES,
)


@pytest.fixture(scope="module", params=IMPLEMENTATIONS)
def maker(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the function that opens records; those on a server are in a database of this module."""
    with pytest.MonkeyPatch.context() as environment:
        if request.param.startswith("tests"):
            server: Postgres = request.getfixturevalue("postgres")
            for name, value in {**server.environment, "TEST_DATABASE": server.database()}.items():
                environment.setenv(name, value)
            upgrade(os.environ["TEST_DATABASE"])
        yield str(request.param)


@pytest.fixture(autouse=True)
def empty(maker: str) -> None:
    """Delete all records of a database that other tests use, too."""
    if url := os.environ.get("TEST_DATABASE"):
        with PostgreSQL(url).transaction() as rows:
            rows.execute("TRUNCATE operations, failures, made")


@pytest.fixture(scope="module")
def make(maker: str) -> Make:
    made: Make = pkgutil.resolve_name(maker)
    return made


@pytest.fixture
def store(make: Make, tmp_path: Path) -> Store:
    return make(tmp_path)


@pytest.fixture(scope="module")
def any_store(make: Make, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return make(tmp_path_factory.mktemp("records"))


@pytest.fixture(scope="module")
def program(maker: str) -> str:
    """Give the start of a program that opens the records of its first argument."""
    return RECORDS.replace("MAKER", maker)


def record(name: str, stack: str = STACK) -> Operation:
    return Operation(name, Verb.PROVISION, stack, "local", "0", "vmops-exp1", "exp1", "ada")


@settings(max_examples=50)
@given(operation=OPERATIONS)
def test_a_record_is_read_as_it_was_written(any_store: Store, operation: Operation) -> None:
    """Another process shows the outputs, the failure and the times; a power operation is no deployment."""
    number = next(NUMBERS)
    operation = dataclasses.replace(operation, id=f"{operation.id}{number}", stack=f"{operation.stack}{number}")
    assert any_store.insert(operation)
    assert any_store.get(operation.id) == operation
    assert any_store.latest(operation.stack) == (None if operation.verb is Verb.POWER else operation)


@pytest.mark.parametrize("after", State)
@pytest.mark.parametrize("before", State)
def test_only_the_defined_transitions_are_possible(any_store: Store, before: State, after: State) -> None:
    """A final state stays, and no worker starts an operation that is done."""
    one = f"{before} to {after}"
    any_store.insert(record(one, stack=one))
    assert all(any_store.transition(one, state) for state in WAYS[before])
    assert any_store.transition(one, after) == (after in TRANSITIONS[before])


def test_a_refused_transition_changes_nothing(store: Store) -> None:
    """A late `mark_if_dead` must not overwrite the result of a deployment."""
    store.insert(record("one"))
    store.transition("one", State.RUNNING, pid=7)
    store.transition("one", State.SUCCEEDED, ended=2.0, outputs={"publicIp": "203.0.113.7"})
    before = store.get("one")
    assert not store.transition(
        "one", State.FAILED, ended=3.0, failure=Failure(FailureKind.INTERRUPTED, "died"), outputs={}
    )
    assert store.get("one") == before


def test_a_transition_may_require_a_state(store: Store) -> None:
    """A cancel of a queued operation must not end a worker that has started meanwhile."""
    store.insert(record("one"))
    store.insert(record("two", stack="exp2-00000000"))
    store.transition("one", State.RUNNING)
    assert [store.transition(name, State.FAILED, origin=State.PENDING) for name in ("one", "two")] == [False, True]
    assert (seen := store.get("one")) is not None
    assert seen.state is State.RUNNING


def test_an_unknown_operation_is_none(store: Store) -> None:
    """A handle of another host, or of removed records, is no error."""
    assert not store.transition("nobody", State.RUNNING)
    assert (store.get("nobody"), store.latest("nobody"), store.last_failure("nobody")) == (None, None, None)


def test_one_operation_of_each_kind_is_in_flight_on_a_stack(store: Store) -> None:
    """The database enforces it, so there is no race between reading and writing."""
    assert store.insert(record("one"))
    assert not store.insert(record("two"))
    assert store.insert(record("three", stack="exp2-00000000"))
    assert store.insert(dataclasses.replace(record("four"), verb=Verb.DEPROVISION))
    assert store.transition("one", State.FAILED)
    assert store.insert(record("two"))


def test_an_operation_in_flight_is_found_by_its_kind(store: Store) -> None:
    """An operation that is done is not in flight, even if it is the newest."""
    store.insert(record("one"))
    store.insert(dataclasses.replace(record("two"), verb=Verb.DEPROVISION))
    assert store.in_flight(STACK, Verb.PROVISION) == store.get("one")
    assert store.in_flight(STACK, Verb.DEPROVISION) == store.get("two") == store.latest(STACK)
    store.transition("two", State.FAILED)
    assert store.in_flight(STACK, Verb.DEPROVISION) is None
    assert store.standing(STACK) == [store.get("two"), store.get("one")]
    store.transition("one", State.FAILED)
    assert store.standing(STACK) == [store.get("two")]
    assert store.standing("nobody") == []


def test_queued_operations_are_listed_in_the_order_of_their_requests(store: Store) -> None:
    """They start in this order; operations that are running, done, or of the other kind are not in the list."""
    for name in ("one", "two", "three", "four"):
        store.insert(record(name, stack=f"of {name}"))
    store.insert(dataclasses.replace(record("five", stack="of five"), verb=Verb.DEPROVISION))
    store.transition("one", State.FAILED)
    store.transition("three", State.RUNNING)
    assert list(store.queued(Verb.PROVISION).items()) == [("two", "of two"), ("four", "of four")]
    assert store.queued(Verb.DEPROVISION) == {"five": "of five"}


def test_of_processes_that_start_an_operation_at_once_one_wins(program: str, tmp_path: Path) -> None:
    """Two provisions from two programs must not both start a worker."""
    code = program + "pause()\nprint(store.insert(record(sys.argv[2])))"
    assert sorted(race(code, tmp_path)) == ["False"] * 5 + ["True"]


def test_of_threads_that_start_an_operation_at_once_one_wins(store: Store) -> None:
    """Threads of a program may share one VMOps."""
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(lambda number: store.insert(record(str(number))), range(64))) == 1


def test_only_the_first_of_two_results_is_recorded(program: str, tmp_path: Path, store: Store) -> None:
    """A worker succeeds while a wait marks it as dead: compare-and-set accepts one of them."""
    store.insert(record("one"))
    store.transition("one", State.RUNNING)
    code = f"""{program}
number = int(sys.argv[2])
pause()
print(store.transition("one", [State.SUCCEEDED, State.FAILED][number % 2], pid=number))
"""
    won = race(code, tmp_path)
    assert sorted(won) == ["False"] * 5 + ["True"]
    assert (seen := store.get("one")) is not None
    assert seen.pid == won.index("True")


def test_processes_that_open_new_records_at_once_all_succeed(program: str, tmp_path: Path) -> None:
    """A script may start ten programs with a new state directory."""
    code = program.replace("store =", "pause()\nstore =") + "print(store.insert(record(sys.argv[2], sys.argv[2])))"
    assert race(code, tmp_path / "new") == ["True"] * 6


def test_a_written_record_survives_the_kill_of_its_writer(program: str, make: Make, tmp_path: Path) -> None:
    """The record exists before the first side effect, whatever happens on the next line."""
    code = f"""{program}
pause()
for number in range(1_000_000):
    store.insert(record(f"op{{number}}", f"stack{{number}}"))
    print(f"op{{number}}", flush=True)
"""
    writer = start(code, tmp_path)
    go_on(writer)
    written = [line_of(writer) for _ in range(20)]
    kill(writer)
    store = make(tmp_path)
    assert [name for name in written if store.get(name) is None] == []
    assert store.insert(record("after"))


def test_the_newest_operation_of_each_stack_is_listed_first(store: Store) -> None:
    """The order is that of the requests, whatever the clocks show."""
    for name, stack in [("one", "a"), ("two", "b"), ("three", "a")]:
        store.insert(record(name, stack))
        store.transition(name, State.FAILED)
    assert [operation.id for operation in store.latest_of_each()] == ["three", "two"]
    assert [store.latest("a"), store.latest("b")] == store.latest_of_each()


def test_vms_that_were_made_and_not_removed_are_listed(store: Store) -> None:
    """The sweep uses this list: a VM stays in it after a failed removal, and not after a successful one."""
    for name, stack, verb, ending in [
        ("one", "a", Verb.PROVISION, State.SUCCEEDED),
        ("two", "b", Verb.PROVISION, State.FAILED),
        ("three", "a", Verb.DEPROVISION, State.SUCCEEDED),
        ("four", "b", Verb.DEPROVISION, State.FAILED),
        ("five", "c", Verb.PROVISION, State.SUCCEEDED),
        ("six", "c", Verb.PROVISION, State.SUCCEEDED),
    ]:
        store.insert(dataclasses.replace(record(name, stack), verb=verb))
        store.transition(name, State.RUNNING)
        store.transition(name, ending)
    assert [operation.id for operation in store.live_provisions()] == ["six", "two"]


def test_the_life_of_a_vm_starts_after_its_last_removal(store: Store) -> None:
    """The records of a VM's present life show its holder; a failed removal does not end a life."""
    for name, stack, verb, ending in [
        ("one", "a", Verb.PROVISION, State.SUCCEEDED),
        ("two", "a", Verb.DEPROVISION, State.SUCCEEDED),
        ("three", "a", Verb.PROVISION, State.FAILED),
        ("four", "b", Verb.DEPROVISION, State.SUCCEEDED),
        ("five", "a", Verb.DEPROVISION, State.FAILED),
        ("six", "a", Verb.PROVISION, State.SUCCEEDED),
    ]:
        store.insert(dataclasses.replace(record(name, stack), verb=verb, hold=f"by {name}"))
        store.transition(name, State.RUNNING)
        store.transition(name, ending)
    assert [operation.id for operation in store.life("a")] == ["six", "five", "three"]
    assert store.life("b") == store.life("c") == []
    store.let_go("a", "by six")
    store.let_go("b", "by five")
    assert [operation.hold for operation in store.life("a")] == ["", "by five", "by three"]


def test_the_expiry_of_a_vm_can_be_changed(store: Store) -> None:
    """Also after its deployment has ended, and nothing else changes."""
    store.insert(record("one"))
    store.transition("one", State.RUNNING)
    store.transition("one", State.SUCCEEDED)
    before = store.get("one")
    assert before is not None
    store.extend("one", 2_000_000_000.0)
    assert store.get("one") == dataclasses.replace(before, expires=2_000_000_000.0)


@settings(max_examples=20)
@given(first=FAILURES, second=FAILURES)
def test_the_newest_failure_of_a_stack_is_remembered(any_store: Store, first: Failure, second: Failure) -> None:
    """The failure of verbs without a record, such as a start or a stop, can be read."""
    any_store.note_failure("a", first)
    any_store.note_failure("b", first)
    any_store.note_failure("a", second)
    assert (any_store.last_failure("a"), any_store.last_failure("b")) == (second, first)
