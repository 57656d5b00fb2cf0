"""The fence: what a dead worker has left behind is ended before anybody goes on in its place.

A worker leads a session of its own, in which its engine and that one's plug-ins are too. No other process gets a
session's number while anybody is in it, so what is left of a worker is known by that number, and by the VM's lock that
it still holds. Source: POSIX, process group and session lifetimes.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from vmops.core.processes import START_TIME_TOLERANCE, process_start_time
from vmops.jobs.operation import Operation, State


def find_worker(operation: Operation, path: Path) -> psutil.Process | None:
    """Give the worker of an operation if it lives on this host; ``path`` is the lock that tells of its life.

    A younger process that only has its number holds no such lock.
    """
    if operation.host != socket.gethostname():
        return None
    started = process_start_time(operation.pid)
    if started is None:
        return None
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(operation.pid)
        if started < operation.started + START_TIME_TOLERANCE or _holds(process, path):
            return process
    return None


def kill_orphans(operation: Operation, path: Path) -> list[int]:
    """Kill what is left of a worker of this host that has died; nothing, if it lives.

    Returns: the numbers of the processes that were killed.
    """
    if operation.state is not State.RUNNING or operation.host != socket.gethostname() or find_worker(operation, path):
        return []
    left = list(_session(operation.pid))
    if not any(_holds(process, path) for process in left):
        return []
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    killed = [process.pid for process in left]
    from vmops.core.log import get_logger

    get_logger().warning("fenced", operation=operation.id, killed=killed)
    return killed


def _session(number: int) -> Iterator[psutil.Process]:
    for pid in psutil.pids():
        with suppress(ProcessLookupError, PermissionError, psutil.NoSuchProcess):
            if os.getsid(pid) == number and pid != number:
                yield psutil.Process(pid)


def _holds(process: psutil.Process, path: Path) -> bool:
    """Tell whether a process has a file open; one of another user holds no lock of ours."""
    try:
        return any(opened.path == str(path) for opened in process.open_files())
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
