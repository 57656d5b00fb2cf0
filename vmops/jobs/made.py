"""What was ever made for one VM, and was not seen gone since: the table ``made`` of the records."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from vmops.azure.ownership import UNSETTLED
from vmops.jobs.sqlite import Database

_INTEND = f"""INSERT INTO made (stack, arm_id, owner, last_write) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET last_write = excluded.last_write, owner = excluded.owner, seen_gone = 0, identity = CASE
    WHEN seen_gone > 0 OR identity = '' OR owner <> excluded.owner THEN ''
    ELSE '{UNSETTLED}' || ltrim(identity, '{UNSETTLED}') END"""  # noqa: S608
_NOTE = """INSERT INTO made (stack, arm_id, owner, last_write, identity) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET identity = excluded.identity, owner = excluded.owner, last_write = excluded.last_write,
    seen_gone = 0"""
_RUN = """INSERT INTO made (stack, arm_id, owner, last_write, ran) VALUES (?, ?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET ran = excluded.ran, owner = excluded.owner, seen_gone = 0"""
_THERE = "stack = ? AND owner = ? AND seen_gone = 0"


@dataclass(frozen=True)
class MadeResources:
    """The rows of one stack and owner; ids are compared without case, times are seconds since the epoch."""

    database: Database
    stack: str
    owner: str

    def intend(self, ids: Iterable[str]) -> None:
        """Note what is about to be made or changed; what Azure knows it by may be another afterwards."""
        now = time.time()
        with self.database.transaction() as rows:
            rows.executemany(_INTEND, [(self.stack, arm_id, self.owner, now) for arm_id in ids])

    def note(self, arm_id: str, identity: str, written: float | None = None) -> None:
        """Note what was made, or is as it was, what Azure knows it by, and when it was written; by default now."""
        at = time.time() if written is None else written
        with self.database.transaction() as rows:
            rows.execute(_NOTE, (self.stack, arm_id, self.owner, at, identity))

    def note_run(self, arm_id: str, ran: str) -> None:
        """Note whether a VM has ever run, as `vmops.deploy.first_run` says it."""
        row = (self.stack, arm_id, self.owner, time.time(), ran)
        with self.database.transaction() as rows:
            rows.execute(_RUN, row)

    def ran(self, arm_id: str) -> str:
        """Give what `note_run` has noted of a VM that was not seen gone since; '' if nobody knows."""
        with self.database.transaction() as rows:
            query = f"SELECT ran FROM made WHERE {_THERE} AND arm_id = ?"  # noqa: S608
            row = rows.execute(query, (self.stack, self.owner, arm_id)).fetchone()
        return str(row["ran"]) if row else ""

    def disown(self, ids: Iterable[str]) -> None:
        """Forget what turned out to be another's."""
        with self.database.transaction() as rows:
            rows.executemany("DELETE FROM made WHERE stack = ? AND arm_id = ?", [(self.stack, each) for each in ids])

    def gone(self, left: Iterable[str] = ()) -> None:
        """Note that nothing of it is there any more, but for what was ``left`` under its ids and is another's.

        Of these it stays known what ours was: tags of ours that were copied to them would make them ours else.
        """
        ids = self.known().keys() - set(map(str.lower, left))
        gone = [(time.time(), self.stack, self.owner, arm_id) for arm_id in ids]
        with self.database.transaction() as rows:
            rows.executemany(f"UPDATE made SET seen_gone = ? WHERE {_THERE} AND arm_id = ?", gone)  # noqa: S608

    def known(self) -> dict[str, str]:
        """Give Azure's identity of what was not seen gone, by its ARM id in lower case; empty where nobody knows."""
        with self.database.transaction() as rows:
            found = rows.execute(f"SELECT arm_id, identity FROM made WHERE {_THERE}", (self.stack, self.owner))  # noqa: S608
            return {row["arm_id"].lower(): row["identity"] for row in found}

    def ids(self) -> list[str]:
        """Give the ARM ids of what was not seen gone, as they were noted."""
        with self.database.transaction() as rows:
            found = rows.execute(f"SELECT arm_id FROM made WHERE {_THERE}", (self.stack, self.owner))  # noqa: S608
            return [row["arm_id"] for row in found]

    def last_write(self) -> float:
        """Give when any of it was written last; 0 if nothing was, or nobody knows of one of them."""
        with self.database.transaction() as rows:
            query = f"SELECT max(last_write) AS newest, min(last_write) AS oldest FROM made WHERE {_THERE}"  # noqa: S608
            found = rows.execute(query, (self.stack, self.owner)).fetchone()
        return found["newest"] if found["oldest"] else 0.0
