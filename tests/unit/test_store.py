"""The operation records: what processes, threads, forks and sudden death may do to them."""

import dataclasses
import itertools
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.processes import go_on, kill, line_of, race, run, start
from vmops.core.errors import StoreError
from vmops.core.failures import Failure, Kind
from vmops.jobs.operation import TRANSITIONS, Operation, State, Verb
from vmops.jobs.store import Store

STACK = "exp1-0a1b2c3d"
RECORDS = """
import os
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store

def record(name, stack="exp1-0a1b2c3d"):
    return Operation(name, Verb.PROVISION, stack, "local", "0", "vmops-exp1", "exp1", "ada")

store = Store(Path(sys.argv[1]))
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
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=8,
)
FAILURES = st.builds(Failure, st.sampled_from(Kind), TEXT, TEXT, TEXT)
OPERATIONS = st.builds(
    Operation,
    **dict.fromkeys(("id", "stack", "cloud", "subscription", "resource_group", "vm_name", "owner"), TEXT),
    **dict.fromkeys(("digest", "host"), TEXT),
    **dict.fromkeys(("expires", "created", "started", "ended"), TIMES),
    verb=st.sampled_from(Verb),
    state=st.sampled_from(State),
    pid=st.integers(0, 2**31),
    outputs=st.dictionaries(TEXT, JSON),
    failure=st.none() | FAILURES,
)


class Mount(NamedTuple):
    mountpoint: str
    fstype: str


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


@pytest.fixture(scope="module")
def any_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("records"))


def record(name: str, stack: str = STACK) -> Operation:
    return Operation(name, Verb.PROVISION, stack, "local", "0", "vmops-exp1", "exp1", "ada")


@settings(max_examples=50)
@given(operation=OPERATIONS)
def test_a_record_comes_back_as_it_went_in(any_store: Store, operation: Operation) -> None:
    """Outputs, failure and times are what another process tells its user: none may change on the way."""
    number = next(NUMBERS)
    operation = dataclasses.replace(operation, id=f"{operation.id}{number}", stack=f"{operation.stack}{number}")
    assert any_store.insert(operation)
    assert any_store.get(operation.id) == any_store.latest(operation.stack) == operation


@pytest.mark.parametrize("after", State)
@pytest.mark.parametrize("before", State)
def test_a_record_moves_along_the_transitions_only(store: Store, before: State, after: State) -> None:
    """No end is taken back, and no worker begins what is over."""
    store.insert(record("one"))
    assert all(store.advance("one", state) for state in WAYS[before])
    assert store.advance("one", after) == (after in TRANSITIONS[before])


def test_a_refused_move_changes_nothing(store: Store) -> None:
    """A settler that comes too late must not overwrite how a deployment ended."""
    store.insert(record("one"))
    store.advance("one", State.RUNNING, pid=7)
    store.advance("one", State.SUCCEEDED, ended=2.0, outputs={"publicIp": "203.0.113.7"})
    before = store.get("one")
    assert not store.advance("one", State.FAILED, ended=3.0, failure=Failure(Kind.INTERRUPTED, "died"), outputs={})
    assert store.get("one") == before


def test_what_is_not_known_is_none(store: Store) -> None:
    """A handle of another host, or of removed records, is an answer and no error."""
    assert not store.advance("nobody", State.RUNNING)
    assert (store.get("nobody"), store.latest("nobody"), store.last_failure("nobody")) == (None, None, None)


def test_one_operation_of_each_kind_is_in_flight_on_a_stack(store: Store) -> None:
    """The database itself holds it, so that no reading before the writing can go stale."""
    assert store.insert(record("one"))
    assert not store.insert(record("two"))
    assert store.insert(record("three", stack="exp2-00000000"))
    assert store.insert(dataclasses.replace(record("four"), verb=Verb.DEPROVISION))
    assert store.advance("one", State.FAILED)
    assert store.insert(record("two"))


def test_what_is_in_flight_is_found_by_its_kind(store: Store) -> None:
    """What is over is in flight no more, whichever is the newest."""
    store.insert(record("one"))
    store.insert(dataclasses.replace(record("two"), verb=Verb.DEPROVISION))
    assert store.in_flight(STACK, Verb.PROVISION) == store.get("one")
    assert store.in_flight(STACK, Verb.DEPROVISION) == store.get("two") == store.latest(STACK)
    store.advance("two", State.FAILED)
    assert store.in_flight(STACK, Verb.DEPROVISION) is None


def test_of_processes_that_begin_at_once_one_wins(tmp_path: Path) -> None:
    """Two provisions from two programs must not both start a worker."""
    code = RECORDS + "pause()\nprint(store.insert(record(sys.argv[2])))"
    assert sorted(race(code, tmp_path)) == ["False"] * 5 + ["True"]


def test_of_threads_that_begin_at_once_one_wins(store: Store) -> None:
    """A program may share one VMOps among its threads."""
    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(lambda number: store.insert(record(str(number))), range(64))) == 1


def test_of_two_ends_one_is_recorded(tmp_path: Path, store: Store) -> None:
    """A worker that succeeds and a waiter that thinks it dead: compare-and-set lets one of them speak."""
    store.insert(record("one"))
    store.advance("one", State.RUNNING)
    code = f"""{RECORDS}
number = int(sys.argv[2])
pause()
print(store.advance("one", [State.SUCCEEDED, State.FAILED][number % 2], pid=number))
"""
    won = race(code, tmp_path)
    assert sorted(won) == ["False"] * 5 + ["True"]
    assert (seen := store.get("one")) is not None
    assert seen.pid == won.index("True")


def test_processes_that_open_new_records_at_once_all_succeed(tmp_path: Path) -> None:
    """The first use of a state directory may be ten programs started by one script."""
    code = RECORDS.replace("store =", "pause()\nstore =") + "print(store.insert(record(sys.argv[2], sys.argv[2])))"
    assert race(code, tmp_path / "new") == ["True"] * 6


def test_what_was_written_survives_the_sudden_death_of_its_writer(tmp_path: Path) -> None:
    """The record is there before the first side effect, whatever happens on the next line."""
    code = f"""{RECORDS}
pause()
for number in range(1_000_000):
    store.insert(record(f"op{{number}}", f"stack{{number}}"))
    print(f"op{{number}}", flush=True)
"""
    writer = start(code, tmp_path)
    go_on(writer)
    written = [line_of(writer) for _ in range(20)]
    kill(writer)
    store = Store(tmp_path)
    assert [name for name in written if store.get(name) is None] == []
    assert store.insert(record("after"))


def test_a_forked_child_and_its_parent_see_what_the_other_writes(tmp_path: Path) -> None:
    """A program may fork with the records already open, as ``multiprocessing`` does."""
    code = f"""{RECORDS}
store.insert(record("before", "a"))
if not (child := os.fork()):
    os._exit(not (store.get("before") and store.insert(record("child", "b"))))
print(os.waitpid(child, 0)[1], store.get("child") is not None, store.insert(record("after", "c")))
"""
    assert run(code, tmp_path) == ["0 True True"]


def test_what_a_forked_child_writes_after_its_parents_end_is_kept(tmp_path: Path) -> None:
    """A program that forks itself into the background leaves its parent behind, and may be killed like any other."""
    code = f"""{RECORDS}
store.insert(record("parent", "a"))
mine, childs = os.pipe()
alive, parents = os.pipe()
if os.fork():
    os.read(mine, 1)
    sys.exit()
os.close(parents)
store.insert(record("child", "b"))
os.write(childs, b"!")
os.read(alive, 1)
print(store.insert(record("orphan", "c")), flush=True)
os._exit(0)
"""
    assert run(code, tmp_path) == ["True"]
    assert Store(tmp_path).get("orphan") is not None


def test_a_child_forked_while_a_thread_writes_is_not_stuck(tmp_path: Path) -> None:
    """A lock that another thread held at the fork is nobody's in the child, and never given back."""
    code = f"""{RECORDS}
import signal

def write():
    for number in range(1_000_000):
        store.insert(record(str(number), str(number)))

def child():
    signal.alarm(120)
    os._exit(store.get("0") is None)

threading.Thread(target=write, daemon=True).start()
while store.get("0") is None:
    pass
children = [os.fork() or child() for _ in range(8)]
print(*(os.waitpid(child, 0)[1] for child in children), flush=True)
os._exit(0)
"""
    assert run(code, tmp_path) == ["0 0 0 0 0 0 0 0"]


def test_records_that_were_deleted_begin_anew(tmp_path: Path) -> None:
    """Whoever had them open before sees what is written since, and writes where the others look."""
    before = Store(tmp_path)
    before.insert(record("first"))
    for file in tmp_path.glob("operations.db*"):
        file.unlink()
    since = Store(tmp_path)
    since.insert(record("second"))
    assert (before.get("first"), before.get("second")) == (None, record("second"))
    before.insert(record("third", stack="exp3-0a1b2c3d"))
    assert since.get("third") == record("third", stack="exp3-0a1b2c3d")


def test_the_records_are_for_their_owner_only(tmp_path: Path) -> None:
    """Addresses and failures are nobody else's business, in the write-ahead log no more than in the database."""
    before = os.umask(0o022)
    try:
        store = Store(tmp_path / "state")
        store.insert(record("one"))
    finally:
        os.umask(before)
    modes = {path.name: stat.filemode(path.stat().st_mode) for path in [tmp_path / "state", *tmp_path.glob("state/*")]}
    assert modes.pop("state") == "drwx------"
    assert modes == dict.fromkeys(modes, "-rw-------")


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "CIFS", "fuse.sshfs"])
def test_a_network_file_system_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """SQLite's locks do not hold there: two hosts would both begin."""
    mounts = [Mount("/", "ext4"), Mount(str(tmp_path), kind), Mount(str(tmp_path / "sta"), "ext4")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    refusal = rf"^the state directory {tmp_path}/state is on a network file system \({kind}\)"
    with pytest.raises(StoreError, match=refusal):
        Store(tmp_path / "state")
    assert not list(tmp_path.glob("state/*"))


def test_a_local_disk_mounted_below_a_network_file_system_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The innermost mount decides, on the resolved path."""
    mounts = [Mount("/", "nfs4"), Mount(str(tmp_path / "disk"), "xfs")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert Store(tmp_path / "link" / "state").insert(record("one"))


def test_a_place_that_cannot_hold_records_is_named(tmp_path: Path) -> None:
    """One sentence with the directory and the reason, for a file in the way and for records that are none."""
    (tmp_path / "file").write_text("")
    (tmp_path / "operations.db").write_text("these are no records of ours, and there are many of them: " * 99)
    for directory in (tmp_path / "file", tmp_path):
        with pytest.raises(StoreError, match=rf"^the state directory {directory} cannot hold records: "):
            Store(directory)


def test_the_newest_operation_of_each_stack_is_listed_first(store: Store) -> None:
    """The order is that of being asked for, whatever clocks say."""
    for name, stack in [("one", "a"), ("two", "b"), ("three", "a")]:
        store.insert(record(name, stack))
        store.advance(name, State.FAILED)
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
        store.advance(name, State.RUNNING)
        store.advance(name, ending)
    assert [operation.id for operation in store.provisioned()] == ["six", "two"]


def test_the_expiry_of_what_was_made_can_be_moved(store: Store) -> None:
    """After its end too, and without any other change."""
    store.insert(record("one"))
    store.advance("one", State.RUNNING)
    store.advance("one", State.SUCCEEDED)
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
