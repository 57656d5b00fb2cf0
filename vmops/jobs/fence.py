"""The fence: processes that a dead worker left running are killed before another worker continues in its place.

A worker leads its own session, which includes its engine and the engine's plug-ins. The system does not reuse a
session's number while a process is in it. So what a worker left is found by that number, and by the VM's lock, which
those processes still hold even if its file was deleted. Source: POSIX, process group and session lifetimes.
"""

import signal
from pathlib import Path

from vmops.core import host
from vmops.core.processes import Process, has_open, process, send, session, start_ticks
from vmops.jobs.operation import Operation, State


def find_worker(operation: Operation, path: Path) -> Process | None:
    """Give the worker of an operation if it is alive on this host; ``path`` is its liveness lock.

    A process with the same number but another start time is not the worker. A record of an earlier version has no start
    time; then the worker is known by having that lock open.
    """
    if not (operation.pid and host.is_this(operation.host_id, operation.host)):
        return None
    found = process(operation.pid)
    return found if _is_worker(operation, path) else None


def outlives_lock(operation: Operation, path: Path) -> bool:
    """Tell whether the worker of an operation is alive although its lock at ``path`` is free: its file was deleted.

    A dying worker closes its files before its lock becomes free, so a dead one is never taken for alive.
    """
    worker = find_worker(operation, path)
    return worker is not None and has_open(worker.pid, path)


def kill_orphans(operation: Operation, path: Path) -> list[int]:
    """Kill the processes that a dead worker of this host left running; do nothing if the worker is alive.

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
