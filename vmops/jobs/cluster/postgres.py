"""Records in PostgreSQL: one connection, lent for a transaction, and replaced when it is lost.

The one importer of ``psycopg``.
"""

import time
import weakref
from collections.abc import Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import psycopg
from psycopg import rows
from psycopg_pool import PoolTimeout as PoolTimeout

from vmops.core.backends import SCHEMA, where
from vmops.core.errors import RecordsAway, RecordsUnusable, StoreError
from vmops.core.polling import retry
from vmops.jobs.cluster import schema
from vmops.jobs.cluster.placeholders import translated
from vmops.jobs.tables import Conflict, Lender, Values

_IN_REACH: dict[str, Any] = {
    "connect_timeout": 3,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
}
"""Timeouts after which a peer that does not answer is given up: in seconds, the last in milliseconds. Source:
PostgreSQL documentation, libpq, parameter key words.
"""

_PATH = f"-c search_path={SCHEMA}"

_STATEMENT_TIMEOUT = 8.0
"""Seconds after which a statement without an answer has failed, although the connection seems to be alive."""

_LOST = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)
"""Raised where a connection is lost, or leads to a replica that is not promoted yet and takes no writes."""

_CONNECT_INTERVAL = 0.5
"""Seconds between two attempts to connect."""


class _Bounded(psycopg.Connection[Any]):
    """A connection that does not wait for ever for a peer that is stopped, or behind something that is."""

    def wait(self, gen: Generator[Any, Any, Any], *how: Any, **named: Any) -> Any:
        """Wait for an answer. Raises: OperationalError after `_STATEMENT_TIMEOUT`."""
        try:
            return super().wait(_bounded(gen), *how, **named)
        except _Silent:
            self.close()  # else the end of the transaction would wait for as long again
            raise


class _Silent(psycopg.OperationalError):
    """There was no answer in time."""


def _bounded(waiting: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Drive a wait as its caller does, for so long at most. Source: psycopg, waiting: it is sent 0 at each interval."""
    deadline = time.monotonic() + _STATEMENT_TIMEOUT
    try:
        wanted = next(waiting)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > deadline:
                raise _Silent(f"no answer for {_STATEMENT_TIMEOUT:g} seconds")
            wanted = waiting.send(ready)
    except StopIteration as end:
        return end.value


class PostgreSQL(Lender):
    """The records in one PostgreSQL database; ``patience`` is how many seconds to wait for a server that is away."""

    lost: RecordsUnusable | None = None

    def __init__(self, url: str, patience: float = 0.0) -> None:
        """Connect, and check that the records there can be used.

        Raises: RecordsAway if nobody answers; StoreError if there are none, or those of another version.
        """
        self._url, self._patience = url, patience
        self._connection: psycopg.Connection[Any] | None = None
        self._end: weakref.finalize[Any, Any] | None = None
        self._listener: psycopg.Connection[Any] | None = None
        self._deaf: weakref.finalize[Any, Any] | None = None
        super().__init__()
        with self.transaction() as found:
            schema.refuse_unusable(found, where(url))

    def unusable(self) -> RecordsUnusable | None:
        """Give None: a caller that cannot reach the records finds out when it uses them."""
        return None

    @contextmanager
    def transaction(self) -> Iterator["Transaction"]:
        """Lend the connection for one transaction.

        Raises: Conflict if a statement breaks a rule of the schema; RecordsAway if the server cannot be reached, or is
        lost during the transaction: then it is unknown whether it was committed.
        """
        with self._mutex:
            try:
                with ExitStack() as transaction:
                    yield Transaction(self._begun(transaction))
            except psycopg.IntegrityError as error:
                raise Conflict(str(error)) from error
            except _LOST as error:
                self._close()
                raise self._away(error) from error

    def select(self, query: str, values: Values = (), /) -> list[Any]:
        """Execute one statement in one exchange, again if the connection was lost; give its rows.

        Raises: RecordsAway.
        """
        with self._mutex:
            if self._connection is not None:
                try:
                    return Transaction(self._connection).execute(query, values).fetchall()
                except _LOST:
                    self._close()
            try:
                return Transaction(self._new()).execute(query, values).fetchall()
            except _LOST as error:
                self._close()
                raise self._away(error) from error

    def channel(self) -> int:
        """Give a descriptor that becomes readable when the state of an operation changes after this call; 0 for none.

        Earlier notifications are discarded, so read the records after this call.
        """
        with self._mutex:
            try:
                self._listener = self._listener or self._listening()
                for _ in self._listener.notifies(timeout=0):
                    pass
                return self._listener.fileno()
            except _LOST:
                self._stop_listening()
                return 0

    def _listening(self) -> psycopg.Connection[Any]:
        listener = connect(self._url)
        self._deaf = weakref.finalize(self, listener.close)
        listener.execute("LISTEN vmops_changed")
        return listener

    def _stop_listening(self) -> None:
        if self._deaf is not None:
            self._deaf()
        self._listener = self._deaf = None

    def _begun(self, transaction: ExitStack) -> psycopg.Connection[Any]:
        """Begin a transaction; if the connection was lost since the last one, on a new one."""
        if self._connection is not None:
            try:
                transaction.enter_context(self._connection.transaction())
            except _LOST:
                self._close()
            else:
                return self._connection
        connection = self._new()
        transaction.enter_context(connection.transaction())
        return connection

    def _new(self) -> psycopg.Connection[Any]:
        self._connection = retry(self._connected, RecordsAway, lambda *_: _CONNECT_INTERVAL, timeout=self._patience)
        self._end = weakref.finalize(self, self._connection.close)
        return self._connection

    def _connected(self) -> psycopg.Connection[Any]:
        try:
            return connect(self._url)
        except psycopg.OperationalError as error:
            raise self._away(error) from error

    def _away(self, error: Exception) -> RecordsAway:
        why = " ".join(str(error).split())
        return RecordsAway(f"the records in PostgreSQL at {where(self._url)} cannot be reached: {why}")

    def _close(self) -> None:
        if self._end is not None:
            self._end()
        self._connection = self._end = None
        self._stop_listening()


class Transaction:
    """One transaction of PostgreSQL."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

    def execute(self, query: str, values: Any = (), /) -> psycopg.Cursor[dict[str, Any]]:
        """Execute a statement."""
        return self.connection.execute(translated(query), values) if values else self.connection.execute(query)

    def executemany(self, query: str, values: Iterable[Any], /) -> None:
        """Execute a statement once for each of several sets of values."""
        with self.connection.cursor() as cursor:
            cursor.executemany(translated(query), list(values))


def connect(url: str) -> psycopg.Connection[Any]:
    """Connect to a database with autocommit; transactions are begun explicitly. Raises: OperationalError."""
    return _connect(_Bounded, url)


def _connect(kind: type[psycopg.Connection[Any]], url: str) -> psycopg.Connection[Any]:
    return kind.connect(url, autocommit=True, row_factory=rows.dict_row, options=_PATH, **_IN_REACH)


def how_to_connect(url: str) -> tuple[str, dict[str, Any]]:
    """Give the arguments for other libraries to connect with."""
    return url, {"options": _PATH, **_IN_REACH}


def upgrade(url: str) -> bool:
    """Create the records in a database, or upgrade them; tell whether anything was changed.

    Raises: RecordsAway if nobody answers; StoreError if this user may not do that.
    """
    try:
        with _connect(psycopg.Connection, url) as connection, connection.transaction():
            return schema.bring_forward(Transaction(connection))
    except psycopg.errors.InsufficientPrivilege as error:
        raise StoreError(f"{where(url)}: {error}".strip() + ": connect as the owner of the database") from error
    except psycopg.OperationalError as error:
        raise RecordsAway(f"PostgreSQL at {where(url)} cannot be reached: {' '.join(str(error).split())}") from error
