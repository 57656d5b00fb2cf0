"""The disk of one state directory, which may be full or read-only for a while.

System calls below that directory fail as on such a disk, and so do SQLite's writes.
"""

import errno
import io
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from vmops.jobs.sqlite import Database

FULL, READ_ONLY = "full", "read-only"
DISKS = (FULL, READ_ONLY)

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_MOST_PAGES = 4294967294
"""The default maximum of a database's pages. Source: SQLite documentation, PRAGMA max_page_count."""

_REFUSED = {FULL: ("mkdir",), READ_ONLY: ("mkdir", "rename", "replace", "unlink", "rmdir", "utime", "chmod")}
"""The operations on a path that such a disk refuses."""

_borrow = Database._borrow


@dataclass
class Disk:
    """A disk: ``state`` is its fault, '' for none; ``was_bad`` tells whether it ever had one."""

    directory: Path
    state: str = ""
    was_bad: bool = False
    _patches: ExitStack = field(default_factory=ExitStack)

    def spoil(self, state: str) -> None:
        """Make it full, or read-only, from now on."""
        self.mend()
        self.state, self.was_bad = state, True
        for name in _REFUSED[state]:
            self._patches.enter_context(patch.object(os, name, self._refusing(getattr(os, name))))
        for module, name, opened in ((os, "open", self._open(os.open)), (io, "open", self._open_file(io.open))):
            self._patches.enter_context(patch.object(module, name, opened))
        self._patches.enter_context(patch.object(os, "access", self._access(os.access)))
        self._patches.enter_context(patch.object(os, "statvfs", self._room(os.statvfs)))

    def mend(self) -> None:
        """Repair it."""
        self.state = ""
        self._patches.close()

    def borrowed(self, database: Database) -> sqlite3.Connection:
        """Lend a database's connection, which writes as far as the disk permits."""
        connection = _borrow(database)
        if self.was_bad and self._has(database._path):
            pages = 1 if self.state == FULL else _MOST_PAGES
            with suppress(sqlite3.DatabaseError):  # they are spoilt, which is for the product to find
                connection.execute(f"PRAGMA max_page_count = {pages}")
                connection.execute(f"PRAGMA query_only = {int(self.state == READ_ONLY)}")
        return connection

    def _has(self, path: Any) -> bool:
        return isinstance(path, str | Path) and str(path).startswith(f"{self.directory}")

    def _refuse(self, path: Any) -> None:
        number = errno.ENOSPC if self.state == FULL else errno.EROFS
        raise OSError(number, os.strerror(number), str(path))

    def _refusing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *rest: Any, **how: Any) -> Any:
            if self._has(path) and not (real.__name__ == "mkdir" and Path(path).is_dir()):
                self._refuse(path)
            return real(path, *rest, **how)

        return call

    def _open(self, real: Callable[..., int]) -> Callable[..., int]:
        def call(path: Any, flags: int, *rest: Any, **how: Any) -> int:
            makes = flags & os.O_CREAT and not Path(path).exists()
            if self._has(path) and (makes or (self.state == READ_ONLY and flags & _WRITING)):
                self._refuse(path)
            return real(path, flags, *rest, **how)

        return call

    def _open_file(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, mode: str = "r", *rest: Any, **how: Any) -> Any:
            if self._has(path) and set(mode) & set("wax+"):
                if self.state == FULL and "w" in mode and Path(path).exists():
                    os.truncate(path, 0)  # opening truncates the file before a write fails
                self._refuse(path)
            return real(path, mode, *rest, **how)

        return call

    def _access(self, real: Callable[..., bool]) -> Callable[..., bool]:
        def call(path: Any, mode: int, **how: Any) -> bool:
            refused = self._has(path) and self.state == READ_ONLY and mode & os.W_OK
            return not refused and real(path, mode, **how)

        return call

    def _room(self, real: Callable[..., os.statvfs_result]) -> Callable[..., os.statvfs_result]:
        def call(path: Any) -> os.statvfs_result:
            told = list(real(path))
            if self._has(path) and self.state == FULL:
                told[3:5] = [0, 0]
            return os.statvfs_result(told)

        return call


@contextmanager
def disk(directory: Path) -> Iterator[Disk]:
    """Give the disk of a directory, without a fault."""
    made = Disk(directory)
    with patch.object(Database, "_borrow", lambda database: made.borrowed(database)):
        try:
            yield made
        finally:
            made.mend()
