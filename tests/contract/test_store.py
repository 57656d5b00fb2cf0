"""The contract of the operation records: what they hold, and what processes, threads and sudden death may do to them.

Whoever keeps records in another way adds a name to `IMPLEMENTATIONS` and runs through all of this. What only a file of
SQLite promises is in `tests/unit/test_store_file.py`.
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
"""What makes the records of a directory, by a name that other processes can resolve."""

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
"""What stands in a column of its own: PostgreSQL keeps no NUL there, and no name or host has one."""

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
    """Give what makes records; those of a server are in a database of this module's."""
    with pytest.MonkeyPatch.context() as environment:
        if request.param.startswith("tests"):
            server: Postgres = request.getfixturevalue("postgres")
            for name, value in {**server.environment, "TEST_DATABASE": server.database()}.items():
                environment.setenv(name, value)
            upgrade(os.environ["TEST_DATABASE"])
        yield str(request.param)


@pytest.fixture(autouse=True)
def empty(maker: str) -> None:
    """Have no records in a database that is not this test's alone."""
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
    """Give the beginning of a program that has the records of its first argument."""
    return RECORDS.replace("MAKER", maker)


def record(name: str, stack: str = STACK) -> Operation:
    return Operation(name, Verb.PROVISION, stack, "local", "0", "vmops-exp1", "exp1", "ada")


@settings(max_examples=50)
@given(operation=OPERATIONS)
def test_a_record_comes_back_as_it_went_in(any_store: Store, operation: Operation) -> None:
    """Outputs, failure and times are what another process tells its user; what switches power is no deployment."""
    number = next(NUMBERS)
    operation = dataclasses.replace(operation, id=f"{operation.id}{number}", stack=f"{operation.stack}{number}")
    assert any_store.insert(operation)
    assert any_store.get(operation.id) == operation
    assert any_store.latest(operation.stack) == (None if operation.verb is Verb.POWER else operation)


@pytest.mark.parametrize("after", State)
@pytest.mark.parametrize("before", State)
def test_a_record_moves_along_the_transitions_only(any_store: Store, before: State, after: State) -> None:
    """No end is taken back, and no worker begins what is over."""
    one = f"{before} to {after}"
    any_store.insert(record(one, stack=one))
    assert all(any_store.transition(one, state) for state in WAYS[before])
    assert any_store.transition(one, after) == (after in TRANSITIONS[before])


def test_a_refused_move_changes_nothing(store: Store) -> None:
    """A settler that comes too late must not overwrite how a deployment ended."""
    store.insert(record("one"))
    store.transition("one", State.RUNNING, pid=7)
    store.transition("one", State.SUCCEEDED, ended=2.0, outputs={"publicIp": "203.0.113.7"})
    before = store.get("one")
    assert not store.transition(
        "one", State.FAILED, ended=3.0, failure=Failure(FailureKind.INTERRUPTED, "died"), outputs={}
    )
    assert store.get("one") == before


def test_a_move_may_be_from_one_state_only(store: Store) -> None:
    """Whoever cancels what waits must not end a worker that has begun meanwhile."""
    store.insert(record("one"))
    store.insert(record("two", stack="exp2-00000000"))
    store.transition("one", State.RUNNING)
    assert [store.transition(name, State.FAILED, origin=State.PENDING) for name in ("one", "two")] == [False, True]
    assert (seen := store.get("one")) is not None
    assert seen.state is State.RUNNING


def test_what_is_not_known_is_none(store: Store) -> None:
    """A handle of another host, or of removed records, is an answer and no error."""
    assert not store.transition("nobody", State.RUNNING)
    assert (store.get("nobody"), store.latest("nobody"), store.last_failure("nobody")) == (None, None, None)


def test_one_operation_of_each_kind_is_in_flight_on_a_stack(store: Store) -> None:
    """The database itself holds it, so that no reading before the writing can go stale."""
    assert store.insert(record("one"))
    assert not store.insert(record("two"))
    assert store.insert(record("three", stack="exp2-00000000"))
    assert store.insert(dataclasses.replace(record("four"), verb=Verb.DEPROVISION))
    assert store.transition("one", State.FAILED)
    assert store.insert(record("two"))


def test_what_is_in_flight_is_found_by_its_kind(store: Store) -> None:
    """What is over is in flight no more, whichever is the newest."""
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


def test_what_waits_is_named_in_the_order_of_the_asking(store: Store) -> None:
    """By this list they begin in turn: what has begun, or is over, or is of the other kind stands before nobody."""
    for name in ("one", "two", "three", "four"):
        store.insert(record(name, stack=f"of {name}"))
    store.insert(dataclasses.replace(record("five", stack="of five"), verb=Verb.DEPROVISION))
    store.transition("one", State.FAILED)
    store.transition("three", State.RUNNING)
    assert list(store.queued(Verb.PROVISION).items()) == [("two", "of two"), ("four", "of four")]
    assert store.queued(Verb.DEPROVISION) == {"five": "of five"}


def test_of_processes_that_begin_at_once_one_wins(program: str, tmp_path: Path) -> None:
    """Two provisions from two programs must not both start a worker."""
    code = program + "pause()\nprint(store.insert(record(sys.argv[2])))"
    assert sorted(race(code, tmp_path)) == ["False"] * 5 + ["True"]


def test_of_threads_that_begin_at_once_one_wins(store: Store) -> None:
    """A program may share one VMOps among its threads."""
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(lambda number: store.insert(record(str(number))), range(64))) == 1


def test_of_two_ends_one_is_recorded(program: str, tmp_path: Path, store: Store) -> None:
    """A worker that succeeds and a waiter that thinks it dead: compare-and-set lets one of them speak."""
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
    """The first use of a state directory may be ten programs started by one script."""
    code = program.replace("store =", "pause()\nstore =") + "print(store.insert(record(sys.argv[2], sys.argv[2])))"
    assert race(code, tmp_path / "new") == ["True"] * 6


def test_what_was_written_survives_the_sudden_death_of_its_writer(program: str, make: Make, tmp_path: Path) -> None:
    """The record is there before the first side effect, whatever happens on the next line."""
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
    """The order is that of being asked for, whatever clocks say."""
    for name, stack in [("one", "a"), ("two", "b"), ("three", "a")]:
        store.insert(record(name, stack))
        store.transition(name, State.FAILED)
    assert [operation.id for operation in store.latest_of_each()] == ["three", "two"]
    assert [store.latest("a"), store.latest("b")] == store.latest_of_each()


def test_what_was_made_and_not_removed_is_listed(store: Store) -> None:
    """By this list things expire: a removal that failed leaves its VM on it, one that succeeded does not."""
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


def test_a_life_begins_after_the_last_removal(store: Store) -> None:
    """By its records it is judged who holds a VM: what was before is of another, and a failed removal ends nothing."""
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


def test_the_expiry_of_what_was_made_can_be_moved(store: Store) -> None:
    """After its end too, and without any other change."""
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
    """Verbs that leave no record, a start or a stop, can still be asked why they failed."""
    any_store.note_failure("a", first)
    any_store.note_failure("b", first)
    any_store.note_failure("a", second)
    assert (any_store.last_failure("a"), any_store.last_failure("b")) == (second, first)
