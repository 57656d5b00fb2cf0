"""The other stored objects, as JSON: faults, locks, role assignments, policies and deployments."""

import json
from collections.abc import Iterable

from vmops.local.arm.state.database import Database
from vmops.local.arm.state.resource import Json

SCHEMA = """
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL, key TEXT NOT NULL, position INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (kind, key));
"""
TABLE = "document"


class Documents:
    """Objects by kind and key; those of a kind keep their order of insertion."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of_kind(self, kind: str) -> list[tuple[str, Json]]:
        """List the keys and bodies of a kind."""
        rows = self._db.execute("SELECT key, body FROM document WHERE kind = ? ORDER BY position", (kind,))
        return [(key, json.loads(body)) for key, body in rows]

    def find(self, kind: str, key: str) -> Json | None:
        """Return a document; None if there is none of that kind and key."""
        row = self._db.execute("SELECT body FROM document WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return json.loads(row[0]) if row else None

    def put(self, kind: str, key: str, body: Json) -> bool:
        """Write a document, in its place or after all others; tell whether it is new."""
        changed = self._db.execute(
            "UPDATE document SET body = ? WHERE kind = ? AND key = ?", (json.dumps(body), kind, key)
        )
        if changed.rowcount:
            return False
        query = "INSERT INTO document SELECT ?1, ?2, coalesce(max(position), 0) + 1, ?3 FROM document WHERE kind = ?1"
        self._db.execute(query, (kind, key, json.dumps(body)))
        return True

    def remove(self, kind: str, key: str) -> bool:
        """Delete a document; tell whether it existed."""
        return bool(self._db.execute("DELETE FROM document WHERE kind = ? AND key = ?", (kind, key)).rowcount)

    def remove_below(self, key: str) -> None:
        """Delete documents of any kind whose keys extend a key, as the ids at a resource extend its id."""
        self._db.execute("DELETE FROM document WHERE key > ?1 || '/' AND key < ?1 || '0'", (key,))

    def replace(self, kind: str, bodies: Iterable[Json]) -> None:
        """Replace all documents of a kind; each new one has its number as its key."""
        self._db.execute("DELETE FROM document WHERE kind = ?", (kind,))
        for number, body in enumerate(bodies):
            self.put(kind, str(number), body)
