"""The store of the simulated cloud: SQLite, so that machines and running operations survive the process."""

import json
import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

from vmops.core import fast_json
from vmops.local.arm.state import documents
from vmops.local.arm.state.database import open_database
from vmops.local.arm.state.lro import Operation
from vmops.local.arm.state.resource import Resource
from vmops.local.arm.state.resource_id import ResourceId

_SCHEMA = """
CREATE TABLE IF NOT EXISTS resource (
    key TEXT PRIMARY KEY, id TEXT NOT NULL, type TEXT NOT NULL, subscription TEXT NOT NULL,
    container TEXT NOT NULL, parent TEXT, body TEXT NOT NULL, hidden TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS resource_by_type ON resource (type, subscription, key);
CREATE INDEX IF NOT EXISTS resource_by_container ON resource (container, key);
CREATE INDEX IF NOT EXISTS resource_by_parent ON resource (parent, key);
CREATE INDEX IF NOT EXISTS machine_by_size ON resource (
    subscription, json_extract(body, '$.location'), json_extract(body, '$.properties.hardwareProfile.vmSize'))
    WHERE type = 'microsoft.compute/virtualmachines';
CREATE TABLE IF NOT EXISTS reference (
    holder TEXT NOT NULL, target TEXT NOT NULL, via TEXT NOT NULL, PRIMARY KEY (holder, target, via));
CREATE INDEX IF NOT EXISTS reference_by_target ON reference (target);
CREATE TABLE IF NOT EXISTS address (
    pool TEXT NOT NULL, number INTEGER NOT NULL, holder TEXT NOT NULL, PRIMARY KEY (pool, number));
CREATE INDEX IF NOT EXISTS address_by_holder ON address (holder);
CREATE TABLE IF NOT EXISTS operation (
    id TEXT PRIMARY KEY, verb TEXT NOT NULL, target TEXT NOT NULL, target_key TEXT NOT NULL, location TEXT NOT NULL,
    started REAL NOT NULL, due REAL NOT NULL, ended REAL, status TEXT NOT NULL, error TEXT);
CREATE INDEX IF NOT EXISTS operation_running ON operation (due) WHERE ended IS NULL;
CREATE INDEX IF NOT EXISTS operation_by_target ON operation (target_key) WHERE ended IS NULL;
CREATE TABLE IF NOT EXISTS history (key TEXT PRIMARY KEY, created REAL NOT NULL, changed REAL NOT NULL);
"""
_TABLES = ("resource", "reference", "address", "operation", "history", documents.TABLE)
_KNOWN_UNTIL = ContextVar("_KNOWN_UNTIL", default=math.inf)
"""Resources that were made after this time are hidden from the reader; seconds since the epoch, one per request."""


class Store:
    """Stores resources, references, addresses and operations in one SQLite file.

    A write survives the death of the process once its transaction has ended. There is one writer at a time.
    """

    def __init__(self, database: Path, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._db = open_database(database, _SCHEMA + documents.SCHEMA)
        self.documents = documents.Documents(self._db)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write everything in a block, or nothing if it raises; transactions may be nested."""
        part = self._db.in_transaction
        self._db.execute("SAVEPOINT part" if part else "BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK TO part" if part else "ROLLBACK")
            raise
        finally:
            if self._db.in_transaction:
                self._db.execute("RELEASE part" if part else "COMMIT")

    def clear(self) -> None:
        """Delete everything."""
        for table in _TABLES:
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names are ours

    # resources

    def get(self, rid: ResourceId) -> Resource | None:
        """Return the resource of that id, if it exists."""
        return next(iter(self._resources("key = ?", (rid.key,))), None)

    @contextmanager
    def seen_until(self, instant: float) -> Iterator[None]:
        """Read resources in a block like a replica without the resources that were made after an instant."""
        token = _KNOWN_UNTIL.set(instant)
        try:
            yield
        finally:
            _KNOWN_UNTIL.reset(token)

    def save(self, resource: Resource) -> None:
        """Write a resource, new or changed."""
        rid, parent = resource.id, resource.id.parent
        self._db.execute(
            "INSERT OR REPLACE INTO resource VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                rid.key,
                str(rid),
                rid.type.lower(),
                rid.subscription.lower(),
                rid.container.key,
                parent.key if parent else None,
                json.dumps(resource.body),
                json.dumps(resource.hidden),
            ),
        )
        self._db.execute(
            "INSERT INTO history VALUES (?1, ?2, ?2) ON CONFLICT (key) DO UPDATE SET changed = ?2",
            (rid.key, self._now()),
        )

    def history(self, rid: ResourceId) -> tuple[float, float]:
        """Return the times of the first and the last write of an existing resource, in seconds since the epoch."""
        row: tuple[float, float] = self._db.execute(
            "SELECT created, changed FROM history WHERE key = ?", (rid.key,)
        ).fetchone() or (0.0, 0.0)
        return row

    def remove(self, rid: ResourceId) -> None:
        """Delete a resource with its references, its addresses, and its role assignments."""
        self._db.execute("DELETE FROM resource WHERE key = ?", (rid.key,))
        self._db.execute("DELETE FROM history WHERE key = ?", (rid.key,))
        self._db.execute("DELETE FROM reference WHERE holder = ?", (rid.key,))
        self._db.execute("DELETE FROM address WHERE holder = ?", (rid.key,))
        self.documents.remove_below(rid.key)

    def of_type(self, kind: str, subscription: str = "") -> list[Resource]:
        """List the resources of one type, by key: of one subscription, or of all."""
        where = "type = ?1 AND (?2 = '' OR subscription = ?2)"
        return self._resources(where, (kind.lower(), subscription.lower()))

    def within(self, group: ResourceId) -> list[Resource]:
        """List everything in a resource group, children included, by key; not the group itself."""
        return self._resources("container = ?1 AND key != ?1", (group.key,))

    def children(self, parent: ResourceId) -> list[Resource]:
        """List the children of a resource, by key."""
        return self._resources("parent = ?", (parent.key,))

    def everything(self, subscription: str = "") -> list[Resource]:
        """List all resources and resource groups, of one subscription or of all."""
        return self._resources("?1 = '' OR subscription = ?1", (subscription.lower(),))

    def machine_sizes(self, subscription: str, location: str) -> list[tuple[str, str | None, int]]:
        """Count the machines of a subscription in a location by size and priority."""
        query = """SELECT json_extract(body, '$.properties.hardwareProfile.vmSize'),
            json_extract(body, '$.properties.priority'), count(*) FROM resource
            WHERE type = 'microsoft.compute/virtualmachines' AND subscription = ?
            AND json_extract(body, '$.location') = ? GROUP BY 1, 2"""
        return list(self._db.execute(query, (subscription.lower(), location)))

    def subscriptions(self) -> list[str]:
        """List the subscriptions with any resources."""
        return [row[0] for row in self._db.execute("SELECT DISTINCT subscription FROM resource ORDER BY 1")]

    def _resources(self, where: str, values: tuple[str, ...]) -> list[Resource]:
        known = "NOT EXISTS (SELECT 1 FROM history WHERE history.key = resource.key AND created > ?)"
        query = f"SELECT id, body, hidden FROM resource WHERE ({where}) AND {known} ORDER BY key"  # noqa: S608 - ours
        return [_resource(row) for row in self._db.execute(query, (*values, _KNOWN_UNTIL.get()))]

    # what refers to what

    def refer(self, holder: ResourceId, targets: Iterable[tuple[ResourceId, str]]) -> None:
        """Replace the references of a resource; each target comes with the id of the part that refers to it."""
        self._db.execute("DELETE FROM reference WHERE holder = ?", (holder.key,))
        rows = [(holder.key, target.key, via) for target, via in targets]
        self._db.executemany("INSERT OR IGNORE INTO reference VALUES (?, ?, ?)", rows)

    def referrers(self, target: ResourceId, kind: str = "") -> list[str]:
        """List the ids of the parts that refer to a resource, on request only of holders of one type."""
        query = (
            "SELECT via FROM reference JOIN resource ON resource.key = holder "
            "WHERE target = ? AND (? = '' OR type = ?) ORDER BY via"
        )
        return [row[0] for row in self._db.execute(query, (target.key, kind.lower(), kind.lower()))]

    # addresses

    def addresses(self, pool: str) -> dict[int, str]:
        """Return the addresses taken in a pool and the keys of their holders."""
        return dict(self._db.execute("SELECT number, holder FROM address WHERE pool = ?", (pool,)))

    def take(self, pool: str, number: int, holder: ResourceId) -> None:
        """Assign a free address to a resource."""
        self._db.execute("INSERT INTO address VALUES (?, ?, ?)", (pool, number, holder.key))

    def release(self, holder: ResourceId) -> None:
        """Release all addresses of a resource."""
        self._db.execute("DELETE FROM address WHERE holder = ?", (holder.key,))

    # operations

    def save_operation(self, operation: Operation) -> None:
        """Write an operation, new or changed."""
        self._db.execute(
            "INSERT OR REPLACE INTO operation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                operation.id,
                operation.verb,
                str(operation.target),
                operation.target.key,
                operation.location,
                operation.started,
                operation.due,
                operation.ended,
                operation.status,
                json.dumps(operation.error) if operation.error else None,
            ),
        )

    def operation(self, operation_id: str) -> Operation | None:
        """Return the operation of that id, if there is one."""
        return self._operation("id = ?", (operation_id,))

    def next_due(self, now: float) -> Operation | None:
        """Return the running operation that is overdue the longest, if any; of several, the one written first."""
        return self._operation("ended IS NULL AND due <= ? ORDER BY due, rowid", (now,))

    def running(self, rid: ResourceId) -> Operation | None:
        """Return the operation that runs on a resource or one of its children; of several, the first to end."""
        following = "substr(target_key, length(?1) + 1, 1)"
        where = f"ended IS NULL AND target_key BETWEEN ?1 AND ?1 || '0' AND {following} IN ('', '/') ORDER BY due"
        return self._operation(where, (rid.key,))

    def free_stuck(self, now: float) -> None:
        """Make stuck operations due now."""
        self._db.execute("UPDATE operation SET due = ? WHERE ended IS NULL AND due = ?", (now, math.inf))

    def _operation(self, where: str, values: tuple[str | float, ...]) -> Operation | None:
        columns = "id, verb, target, location, started, due, ended, status, error"
        query = f"SELECT {columns} FROM operation WHERE {where} LIMIT 1"  # noqa: S608 - ours
        row = self._db.execute(query, values).fetchone()
        if row is None:
            return None
        name, verb, target, location, started, due, ended, status, error = row
        cause = fast_json.loads(error) if error else None
        return Operation(name, verb, ResourceId.parse(target), location, started, due, ended, status, cause)


def _resource(row: tuple[str, str, str]) -> Resource:
    return Resource(ResourceId.parse(row[0]), fast_json.loads(row[1]), fast_json.loads(row[2]))
