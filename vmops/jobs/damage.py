"""Damaged record files: recognised by SQLite's errors, and moved aside so that new records can be started."""

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from vmops.core import file_lock
from vmops.core.aside import set_aside
from vmops.core.state_dir import aside_path, renewal_path

_PATIENCE = 30.0
"""Seconds to wait for others who move the same file aside."""

_NO_TABLE = "no such table"


class Hollow(OSError):
    """The file is not one, or is empty beside a write-ahead log."""


def is_damage(error: Exception) -> bool:
    """Tell whether a file is no longer a database, or lacks what every version has.

    Source: SQLite documentation, result codes: SQLITE_CORRUPT, SQLITE_NOTADB.
    """
    name = getattr(error, "sqlite_errorname", "")
    told = name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or str(error).startswith(_NO_TABLE)
    return told or isinstance(error, Hollow)


def refuse_hollow(path: Path) -> None:
    """Check that a file is one, and is neither empty nor missing beside a log, as no new one is.

    SQLite would delete that log with all its content, or wait for those who have it open. While somebody moves a file
    aside, its log stays a moment longer.

    Raises: Hollow.
    """
    empty = not path.exists() or (path.is_file() and path.stat().st_size == 0)
    if path.is_dir() or (empty and any(each.exists() for each in _beside(path))):
        raise Hollow("it is no file, or an empty one beside a log")


def ensure_file(path: Path) -> None:
    """Make sure that a file exists; it is created only while nobody is moving the old one or its log aside.

    Raises: OSError if it cannot be created, or not be written to: its schema could not be updated.
    """
    if not path.exists():
        with _renewing(path):
            path.touch(mode=0o600)
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "it cannot be written to", str(path))


def set_records_aside(path: Path, is_damaged: Callable[[], bool]) -> None:
    """Move a damaged file aside, with its log. If several processes see the damage, one does so.

    ``is_damaged`` tells whether it still is. Raises: OSError if it cannot be moved.
    """
    with _renewing(path):
        if is_damaged():
            for each in (path, *_beside(path)):
                set_aside(each, aside_path(path.parent))
            path.touch(mode=0o600)


def _renewing(path: Path) -> AbstractContextManager[int]:
    late = lambda: TimeoutError("others set the records aside")  # noqa: E731
    return file_lock.holding(renewal_path(path.parent), _PATIENCE, late)


def _beside(path: Path) -> list[Path]:
    """Give the log of a file, and its index. Source: SQLite documentation, write-ahead logging."""
    return [path.with_name(f"{path.name}-{end}") for end in ("wal", "shm")]
