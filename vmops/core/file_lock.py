"""File locks, which allow one writer for each VM. A lock is released when the last process that holds it dies.

The lock belongs to the open file, not to a process. Whoever inherits the descriptor holds it too, and it is free when
the last of them has closed it or died. Source: flock(2).
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from vmops.core import private
from vmops.core.polling import NotYet, poll_until

_RETRY = 0.01


def acquire(path: Path, timeout: float = 0.0) -> int | None:
    """Take the lock, waiting at most ``timeout`` seconds.

    Returns: the descriptor that holds it (close it to release the lock, or pass it on to a child), or None if another
    holds the lock.

    Raises: OSError if ``path`` does not exist and cannot be created. A file that is only readable can be locked, too.
    """
    return poll_until(lambda: _take(path), timeout=timeout)


@contextmanager
def holding(path: Path, timeout: float, otherwise: Callable[[], Exception]) -> Iterator[int]:
    """Hold the lock for a block, and give its descriptor. Wait for it at most ``timeout`` seconds.

    Raises: the exception that ``otherwise`` makes, if another holds the lock for longer.
    """
    descriptor = acquire(path, timeout)
    if descriptor is None:
        raise otherwise()
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Tell whether a living process holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _take(path: Path) -> int | NotYet:
    """Try to take the lock, until this process or another holds it. `is_locked` holds it only for a moment.

    A lock on a file that was deleted or replaced meanwhile excludes nobody, so it does not count.
    """
    while True:
        descriptor = _open(path)
        if _locked(descriptor, fcntl.LOCK_EX) and _is_at(descriptor, path):
            return descriptor
        held_elsewhere = _is_at(descriptor, path) and not _locked(descriptor, fcntl.LOCK_SH)
        os.close(descriptor)
        if held_elsewhere:
            return NotYet(_RETRY)


def _open(path: Path) -> int:
    try:
        private.make_directory(path.parent)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as refusal:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)  # Source: flock(2): the mode of opening does not matter
        except OSError:
            raise refusal from None


def _is_at(descriptor: int, path: Path) -> bool:
    """Tell whether an open file is still the one at a path."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
