"""The operation records: written before the first side effect, changed only by compare-and-set.

They are stored in a file of SQLite, or in PostgreSQL if hosts share them; both get the same statements. Any number of
threads and processes may use one store at once. At most one provision and one deprovision of a stack are in flight at
any time; the database itself guarantees that.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from vmops.core.errors import RecordsUnusable, StoreError
from vmops.core.failures import Failure
from vmops.core.state_dir import records_path
from vmops.jobs import rows
from vmops.jobs.made import MadeResources
from vmops.jobs.operation import TRANSITIONS, Operation, State, Verb
from vmops.jobs.refused import RefusedPlaces
from vmops.jobs.schema import STEPS
from vmops.jobs.sqlite import Database
from vmops.jobs.tables import Conflict, Rows, Tables

if TYPE_CHECKING:
    from vmops.jobs.cluster.postgres import PostgreSQL

_TABLES = {Verb.PROVISION: "operations", Verb.DEPROVISION: "operations", Verb.POWER: "switches"}
TABLES = tuple(dict.fromkeys(_TABLES.values()))
"""The tables whose rows are records."""
_NOTE_FAILURE = """INSERT INTO failures (stack, failure) VALUES (?, ?)
  ON CONFLICT (stack) DO UPDATE SET failure = excluded.failure"""
_STACKS = """SELECT DISTINCT substring(key from '/stacks/vmops/([^/]+-[0-9a-f]{8})\\.json$') AS stack FROM pulumi_state
  WHERE key LIKE '%/stacks/vmops/%.json'"""


class Store:
    """The records of one state directory, or those that it shares with other hosts."""

    def __init__(self, directory: Path, database_url: str | None = None, timeout: float = 0.0) -> None:
        """Open the records in PostgreSQL, if it is named, else those below ``directory``.

        The latter are created if there are none, and upgraded if they are old. While they cannot be read or written,
        they count as empty, and `unusable` says why. A server that cannot be reached is tried for ``timeout`` seconds.

        Raises: StoreError if the directory cannot be made or trusted, is on a network file system, or was used by a
        newer vmops whose records cannot be used; if PostgreSQL cannot be reached, or its schema's version does not fit.
        """
        self.directory = directory
        self._tables = _tables(directory, database_url, timeout)
        self._shared = bool(database_url)
        self._unrecorded: dict[str, Failure] = {}

    @property
    def is_shared(self) -> bool:
        """Tell whether other hosts share the records."""
        return self._shared

    def shared(self) -> "PostgreSQL":
        """Give the database that hosts share; only to be called if `is_shared`."""
        return cast("PostgreSQL", self._tables)

    def now(self) -> float:
        """Give the time to write into records, in seconds since the epoch; shared records use the server's clock."""
        if not self._shared:
            return time.time()
        (row,) = self._tables.select("SELECT extract(epoch FROM clock_timestamp()) AS now")
        return float(row["now"])

    def channel(self) -> int:
        """Give a descriptor that becomes readable when an operation's state changes after this call; 0 for none."""
        return self.shared().channel() if self._shared else 0

    def get_in(self, seen: Rows, operation_id: str) -> Operation:
        """Read an existing record, of any kind, inside a transaction."""
        columns = ", ".join(rows.COLUMNS)
        every = " UNION ALL ".join(f"SELECT {columns} FROM {table} WHERE id = :_id" for table in TABLES)  # noqa: S608
        return rows.record(seen.execute(every, {"_id": operation_id}).fetchone())

    def unusable(self) -> RecordsUnusable | None:
        """Say why nothing can be recorded now, and why what is read may be incomplete; None if all is well."""
        return self._tables.unusable()

    def require(self) -> None:
        """Check that records can be written. Raises: RecordsUnusable."""
        if why := self.unusable():
            raise why

    def insert(self, operation: Operation, beside: Callable[[Rows], object] = lambda _: None) -> bool:
        """Write a new record; False if another operation of the same kind is in flight on the stack.

        What ``beside`` writes is committed in the same transaction.

        Raises: RecordsUnusable if it cannot be written.
        """
        self.require()
        row = rows.of(operation)
        marks = ", ".join(f":{name}" for name in rows.COLUMNS)
        try:
            with self._tables.transaction() as database:
                into = f"INSERT INTO {_TABLES[operation.verb]} ({', '.join(rows.COLUMNS)})"
                database.execute(f"{into} VALUES ({marks})", row)
                beside(database)
        except Conflict:
            return False
        return True

    def transition(
        self, operation_id: str, state: State, *, origin: State | None = None, within: int | None = None, **changes: Any
    ) -> bool:
        """Move a record to ``state`` with ``changes``; False if its present state does not allow that.

        With an ``origin``, the present state must be that; with ``within``, the epoch in which it was started must be
        that.
        """
        before = [str(each) for each, following in TRANSITIONS.items() if state in following and origin in (None, each)]
        row = {name: rows.plain(value) for name, value in {**changes, "state": state}.items()}
        assignments = ", ".join(f"{name} = :{name}" for name in row)
        allowed = ", ".join(f"'{each}'" for each in before) or "''"
        begun = "" if within is None else " AND epoch = :_epoch"
        values = {**row, "_id": operation_id, **({} if within is None else {"_epoch": within})}
        with self._tables.transaction() as database:
            where = f"SET {assignments} WHERE id = :_id AND state IN ({allowed}){begun}"
            changed = (database.execute(f"UPDATE {table} {where}", values).rowcount for table in TABLES)
            return any(count == 1 for count in changed)

    def remember(self, operation_id: str, given: Mapping[str, Any]) -> None:
        """Replace the parameters that an operation's record gives, after a change that needed no deployment."""
        with self._tables.transaction() as database:
            database.execute("UPDATE operations SET given = ? WHERE id = ?", (json.dumps(dict(given)), operation_id))

    def place(self, operation_id: str, places: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
        """Replace the places of a running operation's VMs; False if it does not run, or they were not ``before``."""
        row = (json.dumps(dict(places)), operation_id, json.dumps(dict(before)))
        with self._tables.transaction() as database:
            query = "UPDATE operations SET places = ? WHERE id = ? AND state = 'running' AND places = ?"
            return database.execute(query, row).rowcount == 1

    def extend(self, operation_id: str, expires: float) -> None:
        """Set the expiry of the VM that an operation made, in seconds since the epoch; 0 for never."""
        with self._tables.transaction() as database:
            database.execute("UPDATE operations SET expires = ? WHERE id = ?", (expires, operation_id))

    def get(self, operation_id: str) -> Operation | None:
        """Give one record by its id, of any kind."""
        found = (self._select("WHERE id = ?", operation_id, table=table) for table in TABLES)
        return next((each for those in found for each in those), None)

    def latest(self, stack: str) -> Operation | None:
        """Give the newest record of a stack."""
        return next(iter(self._select("WHERE stack = ? ORDER BY number DESC LIMIT 1", stack)), None)

    def all(self) -> list[Operation]:
        """Give every record, the newest first."""
        return self._select("ORDER BY number DESC")

    def history(self, stack: str) -> list[Operation]:
        """Give every record of a stack, the newest first."""
        return self._select("WHERE stack = ? ORDER BY number DESC", stack)

    def life(self, stack: str) -> list[Operation]:
        """Give the records of a stack since it was last removed, the newest first."""
        removed = "SELECT max(number) FROM operations WHERE stack = ? AND verb = 'deprovision' AND state = 'succeeded'"
        return self._select(f"WHERE stack = ? AND number > coalesce(({removed}), 0) ORDER BY number DESC", stack, stack)

    def let_go(self, stack: str, hold: str) -> None:
        """Remove this holder's mark from the records of a stack."""
        with self._tables.transaction() as database:
            database.execute("UPDATE operations SET hold = '' WHERE stack = ? AND hold = ?", (stack, hold))

    def in_flight(self, stack: str, verb: Verb) -> Operation | None:
        """Give the operation of that kind of a stack that is in flight; there is at most one."""
        where = "WHERE stack = ? AND verb = ? AND state IN ('pending', 'running')"
        return next(iter(self._select(where, stack, verb, table=_TABLES[verb])), None)

    def standing(self, stack: str) -> list[Operation]:
        """Give the deployments of a stack that are in flight, and its newest one, the newest first."""
        newest = "SELECT max(number) FROM operations WHERE stack = ?"
        where = f"WHERE stack = ? AND (state IN ('pending', 'running') OR number = ({newest})) ORDER BY number DESC"
        return self._select(where, stack, stack)

    def queued(self, verb: Verb) -> dict[str, str]:
        """Give the stack of each operation of that kind that has not started, by its id, the oldest first."""
        query = f"SELECT id, stack FROM {_TABLES[verb]} WHERE verb = ? AND state = 'pending' ORDER BY number"  # noqa: S608
        return {row["id"]: row["stack"] for row in self._tables.select(query, (verb,))}

    def latest_of_each(self) -> list[Operation]:
        """Give the newest record of every stack, the newest first."""
        return self._select("WHERE number IN (SELECT max(number) FROM operations GROUP BY stack) ORDER BY number DESC")

    def live_provisions(self) -> list[Operation]:
        """Give the newest provision of every stack that has not been removed since, the newest first."""
        return self._select(
            "AS made WHERE number IN (SELECT max(number) FROM operations WHERE verb = 'provision' GROUP BY stack) "
            "AND NOT EXISTS (SELECT 1 FROM operations AS gone WHERE gone.stack = made.stack "
            "AND gone.number > made.number AND gone.verb = 'deprovision' AND gone.state = 'succeeded') "
            "ORDER BY number DESC"
        )

    def stacks_of_state(self) -> list[str]:
        """Give the names of the stacks in the shared backend of the engine; no engine is started for that."""
        return [row["stack"] for row in self._tables.select(_STACKS)]

    def refused(self, cloud: str, subscription: str) -> RefusedPlaces:
        """Give the remembered refusals of places in a subscription."""
        return RefusedPlaces(self._tables, cloud, subscription)

    def made(self, stack: str, owner: str) -> MadeResources:
        """Give the records of what was made of a stack for an owner."""
        return MadeResources(self._tables, stack, owner, self.now)

    def note_failure(self, stack: str, failure: Failure) -> None:
        """Record why the newest verb of a stack failed; if it cannot be written, keep it in this process."""
        self._unrecorded[stack] = failure
        with suppress(StoreError):
            with self._tables.transaction() as database:
                database.execute(_NOTE_FAILURE, (stack, rows.plain(failure)))
            if not self._tables.lost:
                del self._unrecorded[stack]

    def last_failure(self, stack: str) -> Failure | None:
        """Give the failure that `note_failure` recorded; None if there is none."""
        if stack in self._unrecorded:
            return self._unrecorded[stack]
        found = self._tables.select("SELECT failure FROM failures WHERE stack = ?", (stack,))
        return Failure.from_dict(json.loads(found[0]["failure"])) if found else None

    def _select(self, where: str, *values: str, table: str = "operations") -> list[Operation]:
        """Read records. Damaged ones are replaced by an empty file when they are read, so a second read succeeds."""
        try:
            return self._read(table, where, *values)
        except RecordsUnusable:
            return self._read(table, where, *values)

    def _read(self, table: str, where: str, *values: str) -> list[Operation]:
        found = self._tables.select(f"SELECT {', '.join(rows.COLUMNS)} FROM {table} {where}", values)  # noqa: S608
        return [rows.record(row) for row in found]


def _tables(directory: Path, database_url: str | None, timeout: float) -> Tables:
    if not database_url:
        return Database(records_path(directory), STEPS)
    from vmops.jobs.cluster.postgres import PostgreSQL

    return PostgreSQL(database_url, timeout)
