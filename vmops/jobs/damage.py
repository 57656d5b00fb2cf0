"""Damaged record files: recognised by SQLite's errors, and moved aside so that new records can be started."""

import errno
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from vmops.core import file_lock
from vmops.core.aside import set_aside
from vmops.core.state_dir import aside_path, renewal_path

_LOCK_TIMEOUT = 30.0
"""Seconds to wait for another process that moves the same file aside."""

_NO_TABLE = "no such table"


class Hollow(OSError):
    """There is no regular file, or it is missing or empty although a write-ahead log exists."""


def is_damage(error: Exception) -> bool:
    """Tell whether a file is no longer a database, or lacks a table that every version has.

    Source: SQLite documentation, result codes: SQLITE_CORRUPT, SQLITE_NOTADB.
    """
    name = getattr(error, "sqlite_errorname", "")
    corrupt = name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or str(error).startswith(_NO_TABLE)
    return corrupt or isinstance(error, Hollow)


def refuse_hollow(path: Path) -> None:
    """Check that a path is a file, and that it is neither empty nor missing if there is a write-ahead log.

    SQLite would delete that log with all its content, or wait for the processes that have it open. While a file is
    moved aside, its log stays a moment longer.

    Raises: Hollow.
    """
    empty = not path.exists() or (path.is_file() and path.stat().st_size == 0)
    if path.is_dir() or (empty and any(each.exists() for each in _beside(path))):
        raise Hollow("it is not a file, or it is missing or empty although it has a write-ahead log")


def ensure_file(path: Path) -> None:
    """Make sure that a file exists; it is created only while no process moves the old one or its log aside.

    Raises: OSError if it cannot be created, or cannot be written to: its schema could not be updated.
    """
    if not path.exists():
        with _renewing(path):
            path.touch(mode=0o600)
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "it cannot be written to", str(path))


def set_records_aside(path: Path, is_damaged: Callable[[], bool]) -> None:
    """Move a damaged file and its log aside, and create an empty file. If several processes see the damage, one does.

    ``is_damaged`` tells whether the file is still damaged. Raises: OSError if it cannot be moved.
    """
    with _renewing(path):
        if is_damaged():
            for each in (path, *_beside(path)):
                set_aside(each, aside_path(path.parent))
            path.touch(mode=0o600)


def _renewing(path: Path) -> AbstractContextManager[int]:
    late = lambda: TimeoutError("another process is moving the records aside")  # noqa: E731
    return file_lock.holding(renewal_path(path.parent), _LOCK_TIMEOUT, late)


def _beside(path: Path) -> list[Path]:
    """Give the paths of a file's write-ahead log and its index. Source: SQLite documentation, write-ahead logging."""
    return [path.with_name(f"{path.name}-{end}") for end in ("wal", "shm")]
