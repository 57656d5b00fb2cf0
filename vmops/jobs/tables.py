"""The interface of the records' tables: one connection, lent for each transaction, and opened again after a fork."""

import os
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

from vmops.core.errors import RecordsUnusable

Values: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""The values of a statement: for each ``?``, or for each ``:name``."""


class Conflict(Exception):
    """A statement violates a constraint of the schema."""


class Found(Protocol):
    """The result of a statement: its rows, or the number of rows that it has changed."""

    @property
    def rowcount(self) -> int:
        """Give the number of changed rows."""

    def fetchone(self) -> Any:
        """Give the next row, indexed by column name; None after the last."""

    def fetchall(self) -> list[Any]:
        """Give the remaining rows."""

    def __iter__(self) -> Any: ...


class Rows(Protocol):
    """One transaction: at its end all its writes become visible to others, or none."""

    def execute(self, query: str, values: Any = ..., /) -> Found:
        """Execute a statement. Raises: Conflict at the end of the transaction, if it violates a constraint."""

    def executemany(self, query: str, values: Iterable[Any], /) -> Any:
        """Execute a statement once for each of several sets of values."""


class Tables(Protocol):
    """Where the records are stored: a file of SQLite (`vmops.jobs.sqlite`), or PostgreSQL (`vmops.jobs.cluster`).

    ``lost`` says why reads lack what was recorded; None if they do not.
    """

    lost: RecordsUnusable | None

    def transaction(self) -> AbstractContextManager[Rows]:
        """Lend the connection for one transaction. Raises: Conflict; StoreError if there is no connection."""

    def select(self, query: str, values: Values = (), /) -> list[Any]:
        """Give the rows of one statement, for which it makes no difference whether it is executed once or twice.

        Raises: StoreError if there is no connection.
        """

    def unusable(self) -> RecordsUnusable | None:
        """Say why records cannot be written now; None if all is well."""


class Lender:
    """Lends a connection to one thread at a time, and to none while this process forks."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        _OPEN.add(self)

    def _close(self) -> None:
        """Close the connection, if there is one."""
        raise NotImplementedError

    def _pause(self) -> None:
        """Close the connection, and prevent a new one until `_resume`."""
        self._mutex.acquire()
        self._close()

    def _resume(self) -> None:
        self._mutex.release()


_OPEN: "weakref.WeakSet[Lender]" = weakref.WeakSet()
_paused: list[Lender] = []


def _before_fork() -> None:
    """Close every connection: a child process inherits neither SQLite's locks nor the thread that holds a mutex.

    PostgreSQL cannot serve two processes over one socket. Source: SQLite documentation, how to corrupt, "carrying an
    open database connection across a fork"; PostgreSQL documentation, libpq, "fork".
    """
    _paused.extend(_OPEN)
    for lender in _paused:
        lender._pause()


def _after_fork() -> None:
    while _paused:
        _paused.pop()._resume()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)
