"""The operation records: SQLite, written before the first side effect, changed only by compare-and-set.

Any number of threads and processes may use one store at once. A stack has at most one provision and one deprovision in
flight; the database itself enforces that.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

from vmops.core.errors import RecordsUnusable
from vmops.core.failures import Failure
from vmops.core.processes import has_room
from vmops.core.state_dir import records_path
from vmops.jobs.made import MadeResources
from vmops.jobs.operation import TRANSITIONS, Operation, State, Verb
from vmops.jobs.refused import RefusedPlaces
from vmops.jobs.schema import STEPS
from vmops.jobs.sqlite import Conflict, Database, Row

_ROOM = 2 << 20
"""Bytes that a deployment writes: records and their log, the engine's state with its copies, logs. Source: measured."""

_COLUMNS = tuple(column.name for column in fields(Operation))
_MAPPINGS = ("outputs", "given", "secrets", "places")


class Store:
    """The records of one state directory."""

    def __init__(self, directory: Path) -> None:
        """Open the records below ``directory``, creating or updating them as needed.

        Records that cannot be read or written count as missing (`unusable`), until they can.

        Raises: StoreError if the directory cannot be created or trusted, is on a network file system, or was used by a
        vmops that is too new.
        """
        self.directory = directory
        self._database = Database(records_path(directory), STEPS)
        self._unrecorded: dict[str, Failure] = {}

    def unusable(self) -> RecordsUnusable | None:
        """Say why nothing can be recorded now, and why what is read may be incomplete; None if all is well."""
        try:
            with self._database.transaction():
                pass
        except RecordsUnusable as error:
            return error
        if self._database.lost or has_room(self.directory, _ROOM):
            return self._database.lost
        return RecordsUnusable(f"there is no room left on the disk of {self.directory}, or it cannot be written to")

    def require(self) -> None:
        """Check that what is done can be recorded. Raises: RecordsUnusable."""
        if why := self.unusable():
            raise why

    def insert(self, operation: Operation) -> bool:
        """Write a new record; False if another operation of the same kind is in flight on the stack.

        Raises: RecordsUnusable if it cannot be written.
        """
        self.require()
        row = _to_row(operation)
        marks = ", ".join(f":{name}" for name in _COLUMNS)
        try:
            with self._database.transaction() as database:
                database.execute(f"INSERT INTO operations ({', '.join(_COLUMNS)}) VALUES ({marks})", row)  # noqa: S608
        except Conflict:
            return False
        return True

    def transition(self, operation_id: str, state: State, *, origin: State | None = None, **changes: Any) -> bool:
        """Move a record to ``state`` with ``changes``; False if it is no longer where that may follow.

        With an ``origin`` it may follow from there only.
        """
        before = [str(each) for each, following in TRANSITIONS.items() if state in following and origin in (None, each)]
        row = {name: _plain(value) for name, value in {**changes, "state": state}.items()}
        assignments = ", ".join(f"{name} = :{name}" for name in row)
        allowed = ", ".join(f"'{each}'" for each in before)
        with self._database.transaction() as database:
            cursor = database.execute(
                f"UPDATE operations SET {assignments} WHERE id = :_id AND state IN ({allowed})",  # noqa: S608
                {**row, "_id": operation_id},
            )
            return cursor.rowcount == 1

    def remember(self, operation_id: str, given: Mapping[str, Any]) -> None:
        """Record the present request for what an operation made, where the change needed no deployment."""
        with self._database.transaction() as database:
            database.execute("UPDATE operations SET given = ? WHERE id = ?", (json.dumps(dict(given)), operation_id))

    def place(self, operation_id: str, places: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
        """Note where the VMs of an operation are tried from now on; False unless it runs, and was as ``before``."""
        row = (json.dumps(dict(places)), operation_id, json.dumps(dict(before)))
        with self._database.transaction() as database:
            query = "UPDATE operations SET places = ? WHERE id = ? AND state = 'running' AND places = ?"
            return database.execute(query, row).rowcount == 1

    def extend(self, operation_id: str, expires: float) -> None:
        """Set the expiry of what an operation made, in seconds since the epoch; 0 for never."""
        with self._database.transaction() as database:
            database.execute("UPDATE operations SET expires = ? WHERE id = ?", (expires, operation_id))

    def get(self, operation_id: str) -> Operation | None:
        """Give one record by its id."""
        return next(iter(self._select("WHERE id = ?", operation_id)), None)

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
        with self._database.transaction() as database:
            database.execute("UPDATE operations SET hold = '' WHERE stack = ? AND hold = ?", (stack, hold))

    def in_flight(self, stack: str, verb: Verb) -> Operation | None:
        """Give the operation of that kind of a stack that is not over; at most one is."""
        return next(
            iter(self._select("WHERE stack = ? AND verb = ? AND state IN ('pending', 'running')", stack, verb)), None
        )

    def queued(self, verb: Verb) -> dict[str, str]:
        """Name the operations of that kind whose work has not begun, the oldest first, and the stack of each."""
        with self._database.transaction() as database:
            query = "SELECT id, stack FROM operations WHERE verb = ? AND state = 'pending' ORDER BY number"
            return {row["id"]: row["stack"] for row in database.execute(query, (verb,))}

    def latest_of_each(self) -> list[Operation]:
        """Give the newest record of every stack, the newest first."""
        return self._select("WHERE number IN (SELECT max(number) FROM operations GROUP BY stack) ORDER BY number DESC")

    def live_provisions(self) -> list[Operation]:
        """Give the newest provision of every stack that no deprovision has removed since, the newest first."""
        return self._select(
            "AS made WHERE number IN (SELECT max(number) FROM operations WHERE verb = 'provision' GROUP BY stack) "
            "AND NOT EXISTS (SELECT 1 FROM operations AS gone WHERE gone.stack = made.stack "
            "AND gone.number > made.number AND gone.verb = 'deprovision' AND gone.state = 'succeeded') "
            "ORDER BY number DESC"
        )

    def refused(self, cloud: str, subscription: str) -> RefusedPlaces:
        """Give what Azure has refused where, in a subscription."""
        return RefusedPlaces(self._database, cloud, subscription)

    def made(self, stack: str, owner: str) -> MadeResources:
        """Give what was ever made of a stack for an owner."""
        return MadeResources(self._database, stack, owner)

    def note_failure(self, stack: str, failure: Failure) -> None:
        """Record why the newest verb of a stack failed; if that is impossible, keep it in this process."""
        self._unrecorded[stack] = failure
        with suppress(RecordsUnusable):
            with self._database.transaction() as database:
                rows = "INSERT OR REPLACE INTO failures (stack, failure) VALUES (?, ?)"
                database.execute(rows, (stack, _plain(failure)))
            if not self._database.lost:
                del self._unrecorded[stack]

    def last_failure(self, stack: str) -> Failure | None:
        """Give what `note_failure` recorded."""
        if stack in self._unrecorded:
            return self._unrecorded[stack]
        with self._database.transaction() as database:
            row = database.execute("SELECT failure FROM failures WHERE stack = ?", (stack,)).fetchone()
        return Failure.from_dict(json.loads(row["failure"])) if row else None

    def _select(self, where: str, *values: str) -> list[Operation]:
        """Read records; if they turn out to be damaged, new ones have been started, and are read instead."""
        try:
            return self._read(where, *values)
        except RecordsUnusable:
            return self._read(where, *values)

    def _read(self, where: str, *values: str) -> list[Operation]:
        with self._database.transaction() as database:
            rows = database.execute(f"SELECT {', '.join(_COLUMNS)} FROM operations {where}", values)  # noqa: S608
            return [_from_row(row) for row in rows.fetchall()]


def _plain(value: Any) -> Any:
    if isinstance(value, Failure):
        return json.dumps(value.as_dict())
    return json.dumps(value) if isinstance(value, dict) else value


def _to_row(operation: Operation) -> dict[str, Any]:
    plain = {name: _plain(getattr(operation, name)) for name in _COLUMNS}
    return {**plain, **{name: json.dumps(dict(getattr(operation, name))) for name in _MAPPINGS}}


def _from_row(row: Row) -> Operation:
    plain = dict(row)
    failure = plain["failure"]
    plain.update(
        verb=Verb(plain["verb"]),
        state=State(plain["state"]),
        failure=Failure.from_dict(json.loads(failure)) if failure else None,
        **{name: json.loads(plain[name]) for name in _MAPPINGS},
    )
    return Operation(**plain)
