"""One SQLite file with one connection, which is lent for each transaction.

The connection is opened again after a fork and after the file was deleted. Any number of threads and processes may use
one file at once. A file states the version of its schema (``PRAGMA user_version``): 0 is a new file, or one of before
there were versions.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from vmops.core import local_disk, private
from vmops.core.errors import RecordsUnusable, StoreError
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, poll_until
from vmops.core.processes import has_room
from vmops.jobs import damage
from vmops.jobs.tables import Conflict, Lender, Values

_BUSY_TIMEOUT = 30.0
"""Seconds to wait for other writers, or for another process that creates the records."""

AGE = 1000
"""Versions in one age. Within an age, later versions only add to earlier ones, so code of both may use one file."""

Steps = Mapping[int, tuple[str, ...]]
"""Statements, by the version to which they lead."""

_ROOM = 2 << 20
"""Bytes of disk that a deployment needs for records, the engine's state with its copies, and logs. Source: measured."""


class Database(Lender):
    """A file of records, upgraded to the newest version of its schema."""

    def __init__(self, path: Path, steps: Steps) -> None:
        """Open ``path``, and run the ``steps`` that it lacks; a later version of the same age is used as it is.

        A damaged file is moved aside and replaced by an empty one. If no file can be opened (the disk is full or
        read-only), an empty database in memory takes its place, and ``lost`` says why.

        Raises: StoreError if its directory cannot be made, is not its user's alone, or is on a network file system, or
        if it is of a later age.
        """
        self._path, self._steps = path, steps
        self.lost: RecordsUnusable | None = None
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        super().__init__()
        directory = path.parent
        try:
            private.make_directory(directory)
            private.trust(directory)
            local_disk.require(directory)
        except OSError as error:
            advice = "set VMOPS_STATE_DIR to a directory that this user may write to"
            raise StoreError(f"the state directory {directory} cannot hold records ({error}): {advice}") from error
        if not directory.is_dir():
            raise StoreError(f"the state directory {directory} cannot hold records: it is no directory")
        with self.transaction():
            pass

    def unusable(self) -> RecordsUnusable | None:
        """Say why records cannot be written now, and why reads may be incomplete; None if all is well."""
        try:
            with self.transaction():
                pass
        except RecordsUnusable as error:
            return error
        if self.lost or has_room(self._path.parent, _ROOM):
            return self.lost
        return RecordsUnusable(f"there is no room left on the disk of {self._path.parent}, or it cannot be written to")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction.

        Raises: Conflict if a statement violates a constraint of the schema; RecordsUnusable if the file cannot be read
        or written. A damaged file is moved aside then, and the next transaction gets a new one. StoreError, as when it
        is opened.
        """
        with self._mutex:
            connection = self._borrow()
            try:
                with connection:
                    yield connection
            except sqlite3.IntegrityError as error:
                raise Conflict(str(error)) from error
            except sqlite3.ProgrammingError:
                raise
            except (sqlite3.DatabaseError, ValueError) as error:
                self._close()
                raise self._refused(error) from error

    def select(self, query: str, values: Values = (), /) -> list[Any]:
        """Execute one statement, and give its rows. Raises: as `transaction`."""
        with self.transaction() as connection:
            return connection.execute(query, values).fetchall()

    def _borrow(self) -> sqlite3.Connection:
        if self._connection is not None and (self.lost or self._file_replaced()):
            self._close()
        if self._connection is None:
            self._connection, self.lost = self._opened()
        return self._connection

    def _opened(self) -> tuple[sqlite3.Connection, RecordsUnusable | None]:
        """Open a connection; if that is to an empty database in memory, also give the reason."""
        try:
            connection = self._renewed()
            self._inode = self._path.stat().st_ino
        except (OSError, sqlite3.Error) as error:
            why = RecordsUnusable(f"the records {self._path} cannot be used: {error}")
            if self.lost is None:
                get_logger().warning("without_records", cause=str(why))
            return _in_memory(self._steps), why
        return connection, None

    def _renewed(self) -> sqlite3.Connection:
        """Open the file; the first process that sees damage moves it aside."""
        try:
            return _connect(self._path, self._steps)
        except (sqlite3.DatabaseError, damage.Hollow) as error:
            if damage.is_damage(error):
                damage.set_records_aside(self._path, self._cannot_be_opened)
            elif self._path.exists():
                raise
        return _connect(self._path, self._steps)

    def _refused(self, error: Exception) -> RecordsUnusable:
        """Give the exception for a failed transaction; a damaged file is moved aside."""
        how = ""
        if isinstance(error, sqlite3.DatabaseError) and damage.is_damage(error):
            with suppress(OSError, sqlite3.Error):
                damage.set_records_aside(self._path, self._is_the_one_that_was_open)
                how = "; they were moved aside, and new records were started"
        return RecordsUnusable(f"the records {self._path} cannot be used: {error}{how}")

    def _cannot_be_opened(self) -> bool:
        try:
            _connect(self._path, self._steps).close()
        except (sqlite3.Error, damage.Hollow):
            return True
        return False

    def _is_the_one_that_was_open(self) -> bool:
        """Tell whether the file is still the one that was opened, and not its replacement."""
        return self._path.stat().st_ino == self._inode

    def _file_replaced(self) -> bool:
        """Tell whether the open file was deleted or emptied: others use a new one and never see this one's records.

        False if the whole state directory was deleted: it is not created again.
        """
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return self._path.parent.exists()
        return found.st_ino != self._inode or found.st_size == 0

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _in_memory(steps: Steps) -> sqlite3.Connection:
    """Give an empty database in memory, which is lost with the connection."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.row_factory = sqlite3.Row
    _bring_forward(connection, steps)
    return connection


def _connect(path: Path, steps: Steps) -> sqlite3.Connection:
    """Open the file. SQLite gives its log the mode of the file, so the file's mode is set first."""
    damage.refuse_hollow(path)
    damage.ensure_file(path)
    with ExitStack() as unless_opened:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_TIMEOUT, check_same_thread=False
        )
        unless_opened.callback(connection.close)
        connection.row_factory = sqlite3.Row
        if not poll_until(lambda: _writes_ahead(connection), timeout=_BUSY_TIMEOUT):
            raise StoreError(f"the records {path} have been locked for {_BUSY_TIMEOUT:.0f} s by another program")
        connection.execute("PRAGMA synchronous=FULL")
        _bring_forward(connection, steps)
        _refuse_later_age(connection, path, max(steps))
        unless_opened.pop_all()
    return connection


def _writes_ahead(connection: sqlite3.Connection) -> bool | NotYet:
    """Switch to a write-ahead log. SQLite itself does not wait while another process is doing the same."""
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as refusal:
        if not refusal.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise
        return NotYet(0.01)
    return True


def _bring_forward(connection: sqlite3.Connection, steps: Steps) -> None:
    """Run the missing schema steps, all or none. If several processes do so, one runs them and the others wait."""
    if _version(connection) >= max(steps):
        return
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        found = _version(connection)
        for version in sorted(version for version in steps if version > found):
            for statement in (*steps[version], f"PRAGMA user_version = {version}"):
                connection.execute(statement)


def _refuse_later_age(connection: sqlite3.Connection, path: Path, newest: int) -> None:
    found = _version(connection)
    if found // AGE > newest // AGE:
        raise StoreError(
            f"{path} was written by a newer vmops (its version is {found}, this vmops knows {newest}); "
            "install that, or set VMOPS_STATE_DIR to another directory"
        )


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version
