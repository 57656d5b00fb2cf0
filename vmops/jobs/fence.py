"""The fence: what a dead worker left running is killed before anybody continues in its place.

A worker leads a session of its own, which includes its engine and the engine's plug-ins. No other process gets a
session's number while anybody is in it. So the remains of a worker are found by that number, and by the VM's lock,
which they still hold even if its file was deleted. Source: POSIX, process group and session lifetimes.
"""

import signal
from pathlib import Path

from vmops.core import host
from vmops.core.processes import Process, has_open, process, send, session, start_ticks
from vmops.jobs.operation import Operation, State


def find_worker(operation: Operation, path: Path) -> Process | None:
    """Give the worker of an operation if it is alive on this host; ``path`` is its liveness lock.

    Another process with the same number started later. If the record does not say when the worker started, because it
    is of an earlier version, another process does not have that lock open.
    """
    if not (operation.pid and host.is_this(operation.host_id, operation.host)):
        return None
    found = process(operation.pid)
    return found if _is_worker(operation, path) else None


def outlives_lock(operation: Operation, path: Path) -> bool:
    """Tell whether the worker of an operation with a free lock at ``path`` is alive: then its file was deleted.

    A worker that dies closes its files before its lock becomes free.
    """
    worker = find_worker(operation, path)
    return worker is not None and has_open(worker.pid, path)


def kill_orphans(operation: Operation, path: Path) -> list[int]:
    """Kill what a dead worker of this host left running; do nothing if it is alive.

    Returns: the numbers of the killed processes.
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
