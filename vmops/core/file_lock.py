"""One writer for each VM: a lock that dies with the last process that holds it.

The lock belongs to the open file, not to a process: whoever inherits the descriptor holds it too, and it is free when
the last of them is gone, however they died. Source: flock(2).
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from vmops.core import private
from vmops.core.polling import NotYet, poll_until

_RETRY = 0.01


def acquire(path: Path, timeout: float = 0.0) -> int | None:
    """Take the lock, waiting at most ``timeout`` seconds.

    Returns: the descriptor that holds it (close it to give it back, or hand it on to a child), or None if another holds
    it.
    """
    private.make_directory(path.parent)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if poll_until(lambda: _take(descriptor), timeout=timeout):
        return descriptor
    os.close(descriptor)
    return None


@contextmanager
def holding(path: Path, timeout: float, otherwise: Callable[[], Exception]) -> Iterator[int]:
    """Hold the lock for a block, and give its descriptor; wait for it at most ``timeout`` seconds.

    Raises: what ``otherwise`` gives, if another holds it for longer.
    """
    descriptor = acquire(path, timeout)
    if descriptor is None:
        raise otherwise()
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def is_locked(path: Path) -> bool:
    """Tell whether some living process holds the lock."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> bool | NotYet:
    """Try until it is ours, or another's who keeps it: whoever only looks is gone in a moment."""
    while not _locked(descriptor, fcntl.LOCK_EX):
        if not _locked(descriptor, fcntl.LOCK_SH):
            return NotYet(_RETRY)
    return True


def _locked(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
