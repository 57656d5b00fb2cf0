"""What is kept beside the resources, each as a JSON object: the faults in force, locks, policies, capacity."""

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
    """Objects by kind and key, those of a kind in the order in which they came."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of_kind(self, kind: str) -> list[tuple[str, Json]]:
        """List the keys and bodies of a kind."""
        rows = self._db.execute("SELECT key, body FROM document WHERE kind = ? ORDER BY position", (kind,))
        return [(key, json.loads(body)) for key, body in rows]

    def get(self, kind: str, key: str) -> Json | None:
        """Return a document, if there is one."""
        row = self._db.execute("SELECT body FROM document WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

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
        """Forget a document; tell whether there was one."""
        return bool(self._db.execute("DELETE FROM document WHERE kind = ? AND key = ?", (kind, key)).rowcount)

    def replace(self, kind: str, bodies: Iterable[Json]) -> None:
        """Put documents in the place of all of a kind, each with its number as its key."""
        self._db.execute("DELETE FROM document WHERE kind = ?", (kind,))
        for number, body in enumerate(bodies):
            self.put(kind, str(number), body)
