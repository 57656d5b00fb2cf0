"""One file of SQLite: whoever needs it borrows its one connection for a transaction; it survives forks and deletion.

Any number of threads and processes may use one file at once. A file says its version (``PRAGMA user_version``): 0 is a
new one, or one from before there were versions.
"""

import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from vmops.core import private
from vmops.core.errors import StoreError
from vmops.core.polling import NotYet, poll_until

_NETWORK_FILE_SYSTEMS = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs"}
)
"""File systems on which SQLite's locks and WAL are not safe. Source: SQLite documentation, write-ahead logging."""

_PATIENCE = 30.0
"""Seconds to wait for others who write, or make the records."""

AGE = 1000
"""Versions in an age. Within one, later versions only add to earlier ones, so that code of both may use one file."""

Steps = Mapping[int, tuple[str, ...]]
"""Statements by the version that they lead to."""

Conflict = sqlite3.IntegrityError
"""What a statement raises that breaks a rule of the schema."""

Row = sqlite3.Row


class Database:
    """A file of records, brought to the newest version of its schema."""

    def __init__(self, path: Path, steps: Steps) -> None:
        """Open ``path``, and take the ``steps`` that it lacks.

        A later version of the same age is used as it is.

        Raises: StoreError if its directory cannot be written, is not its user's alone, or is on a network file system,
        or if it is of a later age.
        """
        self._path, self._steps = path, steps
        self._mutex = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        _OPEN.add(self)
        directory = path.parent
        try:
            private.make_directory(directory)
            private.trust(directory)
            refuse_network_file_system(directory)
            with self.transaction():
                pass
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the state directory {directory} cannot hold records: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection for one transaction."""
        with self._mutex:
            if self._connection is not None and self._file_replaced():
                self._close()
            if self._connection is None:
                self._connection = _connect(self._path, self._steps)
                self._inode = self._path.stat().st_ino
            with self._connection:
                yield self._connection

    def _file_replaced(self) -> bool:
        """Tell whether the records that are open were deleted: others begin anew, and would not see what goes there.

        Of a whole state directory that is deleted there is nothing to begin anew.
        """
        try:
            return self._path.stat().st_ino != self._inode
        except FileNotFoundError:
            return self._path.parent.exists()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _pause(self) -> None:
        """Close the connection, and let nobody open another until `_resume`."""
        self._mutex.acquire()
        self._close()

    def _resume(self) -> None:
        self._mutex.release()


_OPEN: "weakref.WeakSet[Database]" = weakref.WeakSet()
_paused: list[Database] = []


def _before_fork() -> None:
    """Close every connection: a child inherits neither SQLite's locks nor the thread that holds a mutex.

    Source: SQLite documentation, how to corrupt, "carrying an open database connection across a fork".
    """
    _paused.extend(_OPEN)
    for database in _paused:
        database._pause()


def _after_fork() -> None:
    while _paused:
        _paused.pop()._resume()


os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


def refuse_network_file_system(directory: Path) -> None:
    """Check that the records' directory is on a disk of this host.

    Raises: StoreError, naming the file system, if it is not.
    """
    from vmops.core.processes import file_system

    kind = file_system(directory)
    if kind.lower() in _NETWORK_FILE_SYSTEMS:
        raise StoreError(
            f"the state directory {directory} is on a network file system ({kind}), where its locks are not safe; "
            "set VMOPS_STATE_DIR to a directory on a local disk"
        )


def _connect(path: Path, steps: Steps) -> sqlite3.Connection:
    """Open the records; SQLite gives its log the mode of the database, so that is set before there is one."""
    path.touch(mode=0o600)
    with ExitStack() as unless_opened:
        connection = sqlite3.connect(path, timeout=_PATIENCE, check_same_thread=False)
        unless_opened.callback(connection.close)
        connection.row_factory = sqlite3.Row
        if not poll_until(lambda: _writes_ahead(connection), timeout=_PATIENCE):
            raise StoreError(f"the records {path} have been locked for {_PATIENCE:.0f} s by another program")
        connection.execute("PRAGMA synchronous=FULL")
        _bring_forward(connection, steps)
        _refuse_later_age(connection, path, max(steps))
        unless_opened.pop_all()
    return connection


def _writes_ahead(connection: sqlite3.Connection) -> bool | NotYet:
    """Have the records keep a write-ahead log; where another is about to begin one, SQLite itself does not wait."""
    try:
        connection.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as refusal:
        if not refusal.sqlite_errorname.startswith("SQLITE_BUSY"):
            raise
        return NotYet(0.01)
    return True


def _bring_forward(connection: sqlite3.Connection, steps: Steps) -> None:
    """Take the steps that a file lacks, all or none; of several processes one does so, and the others wait for it."""
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
