"""The log of a worker where hosts share their records: rows that any host reads while they are written."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from vmops.core.errors import RecordsAway, StoreError
from vmops.core.log import JsonLines
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.cluster.postgres import PostgreSQL
from vmops.jobs.tables import Tables

_WRITE_INTERVAL = 0.5
"""Seconds between two writes to the database, each with all new lines."""

_FOREVER = float("inf")

_WRITE = "INSERT INTO events (operation, lines) VALUES (?, ?)"
_READ = "SELECT number, lines FROM events WHERE operation = ? AND number > ? ORDER BY number"


class SharedLog:
    """The log of one operation, to be written to like a file; what is written appears in the database a moment later.

    It has a connection of its own. While the database is away, what is written is kept in this process.
    """

    def __init__(self, url: str, operation: str) -> None:
        self._url, self._operation = url, operation
        self._lines: list[str] = []
        self._tables: PostgreSQL | None = None
        self._sending, self._over = threading.Lock(), threading.Event()

    def write(self, line: str) -> int:
        """Add a whole line."""
        self._lines.append(line)
        return len(line)

    def poll(self) -> bool | NotYet:
        """Write the new lines to the database; tell whether the log is closed."""
        over = self._over.is_set()
        with suppress(StoreError):
            self._send()
        return over or NotYet(_WRITE_INTERVAL)

    def close(self) -> None:
        """Write the remaining lines; if the database is away, they are only in the file on this host."""
        self._over.set()
        self.poll()

    def _send(self) -> None:
        with self._sending:
            if count := len(self._lines):
                self._tables = self._tables or PostgreSQL(self._url)
                with self._tables.transaction() as rows:
                    rows.execute(_WRITE, (self._operation, "".join(self._lines[:count])))
                del self._lines[:count]


@contextmanager
def shared_log(url: str, operation: str, now: float) -> Iterator[JsonLines]:
    """Give what writes events to the log of an operation during the block; they are dated by the database's clock.

    ``now`` is what that shows now; it is compared with the clock that stamps the records of `logging`.
    """
    log = SharedLog(url, operation)
    threading.Thread(target=lambda: poll_until(log.poll, timeout=_FOREVER), name="events", daemon=True).start()
    try:
        yield JsonLines(log, ahead=logging.makeLogRecord({}).created - now)
    finally:
        log.close()


class SharedLogReader:
    """Reads the log of one operation, on whichever hosts it was written; continues where the last read ended."""

    def __init__(self, tables: Tables, operation: str) -> None:
        self._tables, self._operation, self._read = tables, operation, 0

    def news(self) -> list[dict[str, Any]]:
        """Give the events since the last call; none while the database is away."""
        try:
            found = self._tables.select(_READ, (self._operation, self._read))
        except RecordsAway:
            return []
        self._read = found[-1]["number"] if found else self._read
        return [json.loads(line) for row in found for line in row["lines"].splitlines()]
