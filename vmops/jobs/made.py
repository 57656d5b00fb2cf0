"""The resources that were made for one VM, until they are seen to be gone: the table ``made`` of the records."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from vmops.azure.ownership import CHANGING
from vmops.jobs.tables import Tables

_INTEND = f"""INSERT INTO made (stack, arm_id, owner, last_write) VALUES (?, ?, ?, ?)
  ON CONFLICT (stack, arm_id) DO UPDATE SET last_write = excluded.last_write, owner = excluded.owner,
    seen_gone = 0, identity = CASE
    WHEN made.seen_gone > 0 OR made.identity = '' OR made.owner <> excluded.owner THEN ''
    ELSE '{CHANGING}' || ltrim(made.identity, '{CHANGING}') END"""  # noqa: S608
_NOTE = """INSERT INTO made (stack, arm_id, owner, last_write, identity) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (stack, arm_id) DO UPDATE SET identity = excluded.identity, owner = excluded.owner,
    last_write = excluded.last_write, seen_gone = 0"""
_RUN = """INSERT INTO made (stack, arm_id, owner, last_write, ran) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT (stack, arm_id) DO UPDATE SET ran = excluded.ran, owner = excluded.owner, seen_gone = 0"""
_THERE = "stack = ? AND owner = ? AND seen_gone = 0"


@dataclass(frozen=True)
class MadeResources:
    """The rows of one stack and owner; ids are written in lower case, times are seconds since the epoch."""

    database: Tables
    stack: str
    owner: str
    now: Callable[[], float]

    def intend(self, ids: Iterable[str]) -> None:
        """Record what is about to be made or changed; its identity in Azure counts as unknown until it is noted."""
        now = self.now()
        with self.database.transaction() as rows:
            rows.executemany(_INTEND, [(self.stack, arm_id.lower(), self.owner, now) for arm_id in ids])

    def note(self, arm_id: str, identity: str, written: float | None = None) -> None:
        """Record a resource that exists, its identity in Azure, and when it was written, by default now."""
        at = self.now() if written is None else written
        with self.database.transaction() as rows:
            rows.execute(_NOTE, (self.stack, arm_id.lower(), self.owner, at, identity))

    def note_run(self, arm_id: str, ran: str) -> None:
        """Record whether a VM has ever run, as `vmops.deploy.first_run` says it."""
        row = (self.stack, arm_id.lower(), self.owner, self.now(), ran)
        with self.database.transaction() as rows:
            rows.execute(_RUN, row)

    def ran(self, arm_id: str) -> str:
        """Give what `note_run` has recorded of a VM that has not been seen gone since; '' if unknown."""
        query = f"SELECT ran FROM made WHERE {_THERE} AND arm_id = ?"  # noqa: S608
        found = self.database.select(query, (self.stack, self.owner, arm_id.lower()))
        return str(found[0]["ran"]) if found else ""

    def disown(self, ids: Iterable[str]) -> None:
        """Forget resources that belong to another owner or tool."""
        with self.database.transaction() as rows:
            rows.executemany(
                "DELETE FROM made WHERE stack = ? AND arm_id = ?", [(self.stack, each.lower()) for each in ids]
            )

    def gone(self, left: Iterable[str] = ()) -> None:
        """Record that nothing of the VM is left. ``left`` are ids under which others have made resources meanwhile.

        What was recorded under those ids stays: its identity shows that the others' resources are not ours, even if
        our tags were copied to them.
        """
        ids = self.known().keys() - set(map(str.lower, left))
        now = self.now()
        gone = [(now, self.stack, self.owner, arm_id) for arm_id in ids]
        with self.database.transaction() as rows:
            rows.executemany(f"UPDATE made SET seen_gone = ? WHERE {_THERE} AND arm_id = ?", gone)  # noqa: S608

    def known(self) -> dict[str, str]:
        """Give the Azure identity of each resource not seen gone, by ARM id in lower case; '' if unknown."""
        found = self.database.select(f"SELECT arm_id, identity FROM made WHERE {_THERE}", (self.stack, self.owner))  # noqa: S608
        return {row["arm_id"].lower(): row["identity"] for row in found}

    def ids(self) -> list[str]:
        """Give the ARM ids of the resources that were not seen gone, as they were recorded."""
        found = self.database.select(f"SELECT arm_id FROM made WHERE {_THERE}", (self.stack, self.owner))  # noqa: S608
        return [row["arm_id"] for row in found]

    def last_write(self) -> float:
        """Give the time of the last write to any of them, by this host's clock; 0 if none or unknown."""
        query = f"SELECT max(last_write) AS newest, min(last_write) AS oldest FROM made WHERE {_THERE}"  # noqa: S608
        (found,) = self.database.select(query, (self.stack, self.owner))
        return time.time() - (self.now() - found["newest"]) if found["oldest"] else 0.0
