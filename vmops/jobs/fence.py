"""The fence: what a dead worker has left behind is ended before anybody goes on in its place.

A worker leads a session of its own, in which its engine and that one's plug-ins are too. No other process gets a
session's number while anybody is in it, so what is left of a worker is known by that number, and by the VM's lock that
it still holds, though its file may have been deleted. Source: POSIX, process group and session lifetimes.
"""

import signal
from pathlib import Path

from vmops.core import host
from vmops.core.processes import Process, has_open, process, send, session, start_ticks
from vmops.jobs.operation import Operation, State


def find_worker(operation: Operation, path: Path) -> Process | None:
    """Give the worker of an operation if it lives on this host; ``path`` is the lock that tells of its life.

    A process that only has its number started later; where the record does not say when the worker did, because it is
    of an earlier version, it has no such lock open.
    """
    if not (operation.pid and host.is_this(operation.host_id, operation.host)):
        return None
    found = process(operation.pid)
    return found if _is_worker(operation, path) else None


def outlives_lock(operation: Operation, path: Path) -> bool:
    """Tell whether the worker of an operation, whose lock at ``path`` is free, lives: its file was deleted under it.

    One that dies has let go of its files before its lock is free.
    """
    worker = find_worker(operation, path)
    return worker is not None and has_open(worker.pid, path)


def kill_orphans(operation: Operation, path: Path) -> list[int]:
    """Kill what is left of a worker of this host that has died; nothing, if it lives.

    Returns: the numbers of the processes that were killed.
    """
    here = operation.state is State.RUNNING and host.is_this(operation.host_id, operation.host)
    if not here or find_worker(operation, path):
        return []
    left = session(operation.pid)
    if not any(has_open(each.pid, path) for each in left):
        return []
    for each in left:
        send(each, signal.SIGKILL)
    killed = [each.pid for each in left]
    from vmops.core.log import get_logger

    get_logger().warning("fenced", operation=operation.id, killed=killed)
    return killed


def _is_worker(operation: Operation, path: Path) -> bool:
    started = start_ticks(operation.pid)
    if operation.start_ticks:
        return started == operation.start_ticks
    return started is not None and has_open(operation.pid, path)
