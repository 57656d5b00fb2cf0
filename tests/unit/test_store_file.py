"""The SQLite file of the records: forks, deletion, modes, network file systems."""

import errno
import os
import sqlite3
import stat
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.contract import test_store as contract
from tests.contract.test_store import record
from tests.unit.processes import ended, run, start
from vmops.core.errors import RecordsUnusable, StoreError
from vmops.core.failures import Failure, FailureKind
from vmops.jobs import damage, sqlite
from vmops.jobs.store import Store

RECORDS = contract.RECORDS.replace("MAKER", "vmops.jobs.store:Store")

TELLS_WHEN_IT_IS_TURNED_AWAY = """
import functools, sqlite3

told = []

class Telling(sqlite3.Connection):
    def execute(self, statement, *values):
        try:
            return super().execute(statement, *values)
        except sqlite3.OperationalError:
            told or told.append(print("here", flush=True))
            raise

sqlite3.connect = functools.partial(sqlite3.connect, factory=Telling)
"""


class Mount(NamedTuple):
    mountpoint: str
    fstype: str


def test_a_forked_child_and_its_parent_share_records(tmp_path: Path) -> None:
    """As with ``multiprocessing``."""
    code = f"""{RECORDS}
store.insert(record("before", "a"))
if not (child := os.fork()):
    os._exit(not (store.get("before") and store.insert(record("child", "b"))))
print(os.waitpid(child, 0)[1], store.get("child") is not None, store.insert(record("after", "c")))
"""
    assert run(code, tmp_path) == ["0 True True"]


def test_a_forked_childs_records_survive_its_parent(tmp_path: Path) -> None:
    """As of a program that daemonizes."""
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


def test_a_fork_during_a_threads_write_does_not_deadlock_the_child(tmp_path: Path) -> None:
    """A lock that another thread held at the fork has no owner in the child, and is never released."""
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


def test_opening_waits_while_another_process_creates_the_records(tmp_path: Path) -> None:
    """SQLite itself would fail at once."""
    with closing(sqlite3.connect(tmp_path / "operations.db", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        code = "from vmops.jobs.store import Store\nprint(Store(Path(sys.argv[1])).latest_of_each())"
        second = start(TELLS_WHEN_IT_IS_TURNED_AWAY + code, tmp_path)
        writer.execute("COMMIT")
    assert ended(second) == "[]"


def test_deleted_records_are_created_again(tmp_path: Path) -> None:
    """Also for a process that had them open."""
    before = Store(tmp_path)
    before.insert(record("first"))
    for file in tmp_path.glob("operations.db*"):
        file.unlink()
    since = Store(tmp_path)
    since.insert(record("second"))
    assert (before.get("first"), before.get("second")) == (None, record("second"))
    before.insert(record("third", stack="exp3-0a1b2c3d"))
    assert since.get("third") == record("third", stack="exp3-0a1b2c3d")


def test_records_are_readable_only_by_their_owner(tmp_path: Path) -> None:
    """Including the write-ahead log."""
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
    """SQLite's locks do not work there: two hosts would both start."""
    mounts = [Mount("/", "ext4"), Mount(str(tmp_path), kind), Mount(str(tmp_path / "sta"), "ext4")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    refusal = rf"^the state directory {tmp_path}/state is on a network file system \({kind}\)"
    with pytest.raises(StoreError, match=refusal):
        Store(tmp_path / "state")
    assert not list(tmp_path.glob("state/*"))


def test_a_local_disk_below_a_network_file_system_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The innermost mount of the resolved path decides."""
    mounts = [Mount("/", "nfs4"), Mount(str(tmp_path / "disk"), "xfs")]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: mounts)
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    assert Store(tmp_path / "link" / "state").insert(record("one"))


def test_an_unusable_state_directory_is_named(tmp_path: Path) -> None:
    """One sentence with the directory and the reason."""
    place = tmp_path / "file"
    place.write_text("")
    with pytest.raises(StoreError, match=rf"^the state directory {place} cannot hold records: "):
        Store(place)


def test_damaged_records_are_moved_aside_and_created_again(tmp_path: Path) -> None:
    """Only one of several processes moves them."""
    before = Store(tmp_path)
    before.insert(record("first"))
    with closing(sqlite3.connect(tmp_path / "operations.db")) as elsewhere:
        elsewhere.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (tmp_path / "operations.db").write_text("these are no records of ours, and there are many of them: " * 99)
    with ThreadPoolExecutor(8) as pool:
        since = list(pool.map(lambda _: Store(tmp_path), range(8)))
    assert [each.latest_of_each() for each in since] == [[]] * 8
    assert since[0].insert(record("second"))
    assert since[1].get("second") == record("second")
    before.note_failure("s", Failure(FailureKind.BUG, "said"))
    assert since[2].last_failure("s") == before.last_failure("s")
    assert len(list(tmp_path.glob("aside/operations.db.*"))) == 1


def test_truncated_open_records_are_created_again(tmp_path: Path) -> None:
    """Writes to the truncated file would be lost, because the next process would set that file aside."""
    store = Store(tmp_path)
    assert store.insert(record("before", "a"))
    os.truncate(tmp_path / "operations.db", 0)
    assert store.insert(record("after", "b"))
    assert Store(tmp_path).get("after") is not None
    assert store.get("after") is not None


def test_damaged_records_are_moved_aside_once(tmp_path: Path) -> None:
    """A second process leaves the new records alone."""
    stores = [Store(tmp_path) for _ in range(3)]
    stores[0].insert(record("first"))
    with closing(sqlite3.connect(tmp_path / "operations.db")) as elsewhere:
        elsewhere.execute("DROP TABLE operations")
    assert [store.latest_of_each() for store in stores[:2]] == [[], []]
    stores[0].insert(record("second"))
    assert [store.get("second") for store in stores] == [record("second")] * 3
    assert len(list(tmp_path.glob("aside/operations.db.*"))) == 1


def test_unreadable_records_count_as_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Writes raise; a failure is remembered in the process."""
    Store(tmp_path).insert(record("first"))
    monkeypatch.setattr(damage, "ensure_file", refuse)
    store = Store(tmp_path)
    assert (store.get("first"), store.live_provisions()) == (None, [])
    with pytest.raises(RecordsUnusable, match="no space left"):
        store.insert(record("second", stack="exp2-0"))
    store.note_failure("s", Failure(FailureKind.BUG, "said"))
    assert store.last_failure("s") == Failure(FailureKind.BUG, "said")
    monkeypatch.undo()
    assert (store.unusable(), store.get("first")) == (None, record("first"))
    assert store.last_failure("s") == Failure(FailureKind.BUG, "said")


def refuse(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, "no space left")


def test_too_little_disk_space_refuses_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker's writes need space, too."""
    store = Store(tmp_path)
    monkeypatch.setattr(sqlite, "_ROOM", 1 << 62)
    with pytest.raises(RecordsUnusable, match="no room"):
        store.insert(record("first"))
    assert store.get("first") is None
