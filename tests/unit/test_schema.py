"""Records of other versions: migrated, shared with older code, or refused."""

import dataclasses
import sqlite3
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import count, islice, takewhile
from pathlib import Path
from typing import Any

import pytest

from tests.states import kept
from tests.unit.processes import ended, go_on, kill, line_of, race, run, start
from vmops.core.errors import StoreError
from vmops.core.failures import Failure, FailureKind
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.schema import STEPS
from vmops.jobs.sqlite import AGE
from vmops.jobs.store import Store

FIRST = "5486b2a"
NEWEST = max(STEPS)
RUNNING = "exp1-fcc44698"
"""The stack of a VM that is in its records."""

OPEN = "from vmops.jobs.store import Store\nstore = Store(Path(sys.argv[1]))\n"
STOPPED = """
import sqlite3
from functools import partial

def stop(statement):
    print(statement.partition("\\n")[0], flush=True)
    sys.stdin.readline()

class Stopped(sqlite3.Connection):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        self.set_trace_callback(stop)

sqlite3.connect = partial(sqlite3.connect, factory=Stopped)
pause()
"""
"""A program that tells of each statement before it is carried out, and waits for a line."""

LATER = """
import dataclasses
from vmops.jobs import operation
from vmops.jobs import schema

operation.Operation = dataclasses.make_dataclass(
    "Operation", [("later", str, "unknown")], bases=(operation.Operation,), frozen=True
)
schema.STEPS = {**schema.STEPS, max(schema.STEPS) + 1: ("ALTER TABLE operations ADD COLUMN later DEFAULT 'unknown'",)}
"""
"""The code as it may be one day: with one more field in a record, and the step for it."""

# The statements of the first version, unchanged.
COLUMNS = (
    "id, verb, stack, cloud, subscription, resource_group, vm_name, owner, digest, expires, state, host, pid, created, "
    "started, ended, outputs, failure"
)
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS operations (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  {COLUMNS.replace("id,", "id UNIQUE NOT NULL,", 1)}
);
CREATE UNIQUE INDEX IF NOT EXISTS one_in_flight ON operations (stack, verb) WHERE state IN ('pending', 'running');
CREATE INDEX IF NOT EXISTS by_stack ON operations (stack, number);
CREATE TABLE IF NOT EXISTS failures (stack TEXT PRIMARY KEY, failure TEXT NOT NULL);
"""
INSERT = f"INSERT INTO operations ({COLUMNS}) VALUES (:{COLUMNS.replace(', ', ', :')})"
ADVANCE = (
    "UPDATE operations SET ended = :ended, outputs = :outputs, state = :state WHERE id = :_id AND state IN ('running')"
)
EXTEND = "UPDATE operations SET expires = ? WHERE id = ?"
NOTE = "INSERT OR REPLACE INTO failures VALUES (?, ?)"
SELECT = f"SELECT {COLUMNS} FROM operations WHERE id = ?"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Give a directory with records of the first version."""
    kept.records(FIRST, tmp_path, "elsewhere")
    return tmp_path


def connected(directory: Path) -> sqlite3.Connection:
    """Open records as the first version does."""
    connection = sqlite3.connect(directory / "operations.db", timeout=30)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(SCHEMA)
    return connection


def shape(directory: Path) -> tuple[int, dict[str, Any]]:
    """Give the version of records, and the columns of all their tables and indexes."""
    with closing(sqlite3.connect(directory / "operations.db")) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        names = [(kind, name) for kind, name in database.execute("SELECT type, name FROM sqlite_master ORDER BY name")]
        return version, {name: database.execute(f"PRAGMA {kind}_xinfo({name})").fetchall() for kind, name in names}


def told(process: subprocess.Popen[str]) -> Iterator[str]:
    """Give each statement that a paused program is about to execute; asking for the next one executes it."""
    go_on(process)
    while statement := line_of(process):
        yield statement
        go_on(process)


def record(name: str, stack: str = "exp4-0a1b2c3d") -> Operation:
    return Operation(name, Verb.PROVISION, stack, "local", "0", "vmops-exp4", "exp4", "ada")


def test_records_of_the_first_version_are_read(old: Path) -> None:
    """New fields are unknown."""
    with closing(connected(old)) as database:
        rows = [dict(row) for row in database.execute(f"SELECT {COLUMNS} FROM operations ORDER BY number")]
    seen = [Store(old).get(row["id"]) for row in rows]
    assert [(each.id, each.verb, each.state, each.digest) for each in seen if each] == [
        (row["id"], row["verb"], row["state"], row["digest"]) for row in rows
    ]
    added = [field.name for field in dataclasses.fields(Operation) if field.name not in COLUMNS.split(", ")]
    unknown = Operation("", Verb.PROVISION, "", "", "", "", "", "")
    assert all(getattr(each, name) == getattr(unknown, name) for each in seen for name in added)


def test_new_and_migrated_records_have_the_same_schema(old: Path) -> None:
    """There is one way to make the tables: the steps."""
    Store(old), Store(old / "new")
    assert shape(old) == shape(old / "new")
    assert shape(old)[0] == NEWEST


def test_each_field_of_a_record_has_its_column(tmp_path: Path) -> None:
    """A field without a step would break all records that there are."""
    Store(tmp_path)
    _, tables = shape(tmp_path)
    names = {name for _, name, *_ in tables["operations"]}
    assert names == {"number", *(field.name for field in dataclasses.fields(Operation))}


def test_a_new_field_needs_one_migration(old: Path) -> None:
    """Code of this version that has the file open continues."""
    before = Store(old)
    code = f"""{LATER}{OPEN}
print([each.later for each in store.latest_of_each()])
print(store.insert(operation.Operation("later", "provision", "exp5", "local", "0", "g", "exp5", "ada", later="known")))
print(store.get("later").later)
"""
    assert run(code, old) == ["['unknown', 'unknown', 'unknown']", "True", "known"]
    assert before.insert(record("now"))
    after = Store(old)
    assert after.get("now") == before.get("now") == record("now")
    assert (
        after.get("later")
        == before.latest("exp5")
        == dataclasses.replace(record("later", "exp5"), resource_group="g", vm_name="exp5")
    )
    assert run(f"{LATER}{OPEN}print(store.get('now').later)", old) == ["unknown"]
    assert shape(old)[0] == NEWEST + 1


def test_the_first_version_works_beside_this(old: Path) -> None:
    """Its fork server and workers may still run after an update."""
    first = connected(old)
    store = Store(old)
    (running,) = (
        each for each in store.latest_of_each() if each.state is State.RUNNING and each.verb is Verb.PROVISION
    )
    failure = Failure(FailureKind.QUOTA, "no cores left")
    values = {**vars(record("first")), "outputs": "{}", "failure": None}
    for database in (first, connected(old)):
        with database:
            database.execute("DELETE FROM operations WHERE id = 'first'")
            database.execute(INSERT, values)
            database.execute(ADVANCE, {"ended": 2.0, "outputs": "{}", "state": "succeeded", "_id": running.id})
            database.execute(EXTEND, (7.0, running.id))
            database.execute(
                NOTE, (running.stack, '{"kind": "quota", "message": "no cores left", "code": "", "resource": ""}')
            )
        assert store.get("first") == record("first")
        assert store.get(running.id) == dataclasses.replace(running, state=State.SUCCEEDED, ended=2.0, expires=7.0)
        assert store.last_failure(running.stack) == failure
        store.insert(record("now", "exp5"))
        assert database.execute(SELECT, ("now",)).fetchone()["stack"] == "exp5"
        database.close()


@pytest.mark.parametrize("version", [NEWEST + 1, AGE - 1])
def test_compatible_later_records_are_used_unchanged(old: Path, version: int) -> None:
    """Later versions only add columns."""
    Store(old)
    with closing(sqlite3.connect(old / "operations.db")) as database:
        database.execute(f"PRAGMA user_version = {version}")
    assert Store(old).insert(record("now"))
    assert shape(old)[0] == version


@pytest.mark.parametrize("version", [AGE, 3 * AGE + 7])
def test_incompatible_later_records_are_refused(old: Path, version: int) -> None:
    """They are not changed, and the message has a next step."""
    with closing(sqlite3.connect(old / "operations.db")) as database:
        database.execute(f"PRAGMA user_version = {version}")
    before = shape(old)
    with pytest.raises(
        StoreError, match=rf"operations.db was written by a newer vmops .*{version}.*; install that, or set"
    ):
        Store(old)
    assert shape(old) == before


def test_racing_processes_migrate_old_records(old: Path) -> None:
    """The first call after an update may be ten programs started by one script."""
    code = f"pause()\n{OPEN}from vmops.jobs.operation import *\n" + (
        "print(store.insert(Operation(sys.argv[2], Verb.PROVISION, sys.argv[2], 'local', '0', 'g', 'exp', 'ada')))"
    )
    assert race(code, old) == ["True"] * 6
    Store(old / "new")
    assert shape(old) == shape(old / "new")


def test_a_second_process_waits_for_the_migration(old: Path) -> None:
    """A process that opens the records meanwhile migrates nothing, and sees the complete migration."""
    first, second = start(STOPPED + OPEN, old), start(STOPPED + OPEN, old)
    steps, others = told(first), told(second)
    assert "BEGIN IMMEDIATE" in list(takewhile(lambda statement: statement != "COMMIT", steps))
    assert "COMMIT" not in list(takewhile(lambda statement: statement != "BEGIN IMMEDIATE", others))
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(list, others)
        assert list(steps) == ["PRAGMA user_version"]
    assert waiting.result() == ["PRAGMA user_version", "COMMIT", "PRAGMA user_version"]
    assert ended(first) == ended(second) == ""


def test_a_kill_during_migration_leaves_all_steps_or_none(tmp_path: Path) -> None:
    """At any statement; the next process migrates."""
    kept.records(FIRST, tmp_path, "elsewhere")
    before = shape(tmp_path)
    Store(tmp_path / "new")
    after = shape(tmp_path / "new")
    for number in count(1):
        directory = tmp_path / str(number)
        kept.records(FIRST, directory, "elsewhere")
        process = start(STOPPED + OPEN, directory)
        statements = list(islice(told(process), number))
        kill(process)
        assert shape(directory) == (after if "COMMIT" in statements[:-1] else before), statements[-1]
        assert Store(directory).latest(RUNNING)
        assert shape(directory) == after
        if len(statements) < number:
            break
    assert number > len(STEPS)
