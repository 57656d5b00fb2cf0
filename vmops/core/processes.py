"""The processes of this host, and its memory, connections and file systems.

A dead process keeps its number until its parent reaps it; then the number may be used again.
"""

import ctypes
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import psutil

from vmops.core import control_groups
from vmops.core.polling import NotYet, poll_until

Process: TypeAlias = psutil.Process
"""A process that was alive when it was looked up; it may have ended since."""

START_TIME_TOLERANCE = 3.0
"""Seconds by which a start time may be too late: it is computed from the boot time, which is rounded down to a second,
and many of the times that it is compared with are rounded down, too. Source: psutil documentation, Process.create_time.
"""

_FREE_INODES = 16
"""Inodes that must be free on a file system with room."""

_LOOPBACK = frozenset({"127.0.0.1", "::ffff:127.0.0.1"})
"""The loopback address of an IPv4 socket, and of a socket for both protocols."""

_SET_CHILD_SUBREAPER = 36
"""Source: linux/prctl.h."""

_POLL_INTERVAL, _REAP_TIMEOUT = 0.005, 10.0
"""Seconds between polls of an ending process, and the longest wait for the last of its threads."""

_DELETED = " (deleted)"
"""The suffix of the path of an open file that was deleted. Source: proc_pid_fd(5)."""


def process_start_time(pid: int) -> float | None:
    """Give when a living process started; None if it is dead."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.create_time()
    return None


def process(pid: int) -> Process | None:
    """Give the process with a number; None if there is none."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid)
    return None


def adopt_orphans() -> None:
    """Become the parent of orphaned descendants in place of process 1 (Linux only).

    In a container process 1 may be any program, and may not reap orphans. Source: prctl(2).
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(pid: int) -> None:
    """Reap a dead process if it is a child of this one, as every orphan is a child of process 1.

    A process shows as dead once its main thread has ended, but can be reaped only after its last thread has.
    """
    poll_until(lambda: _is_reaped(pid) or NotYet(_POLL_INTERVAL), timeout=_REAP_TIMEOUT)


def _is_reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return True


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to a process unless it has ended. A new process with the same number never gets it."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def session(leader: int) -> list[Process]:
    """List the processes of a session, without its leader."""
    return [each for pid in psutil.pids() if pid != leader and _session_of(pid) == leader and (each := process(pid))]


def _session_of(pid: int) -> int:
    with suppress(ProcessLookupError, PermissionError):
        return os.getsid(pid)
    return 0


def only_child(pid: int) -> int:
    """Give the one child of a process; 0 if it has none or has ended."""
    with suppress(psutil.NoSuchProcess):
        return next((each.pid for each in psutil.Process(pid).children()), 0)
    return 0


def users() -> set[int]:
    """Give the ids of all users that a process of this host runs as, or may switch to."""
    found: set[int] = set()
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            found.update(each.uids())
    return found


def available_memory() -> int:
    """Give the bytes that can be allocated before the host swaps or the container is killed."""
    return min([int(psutil.virtual_memory().available), *(limit.left for limit in control_groups.memory_limits())])


def total_memory() -> int:
    """Give the bytes of memory of this host, or of the container."""
    return min([int(psutil.virtual_memory().total), *(limit.total for limit in control_groups.memory_limits())])


def processors() -> int:
    """Give how many processors this process can use at once, by its affinity and its control groups."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([bound, *(max(1, round(limit)) for limit in control_groups.processor_limits())])


def connected_ports() -> set[int]:
    """List the ports from which this process has TCP connections."""
    return {made.raddr.port for made in psutil.Process().net_connections("tcp") if made.raddr}


def holds_connection(port: int, peer_port: int) -> bool:
    """Tell whether a process of our user is connected from ``port`` to ``peer_port``, both at 127.0.0.1.

    Each system shows a user the connections of its own processes. Source: psutil documentation,
    Process.net_connections.
    """
    return any((port, peer_port) in _connections(each) for each in psutil.process_iter() if _is_ours(each))


def file_system(directory: Path) -> str:
    """Name the file system of a directory, such as ``ext4``; empty if unknown."""
    mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    resolved = directory.resolve()
    return next((mounts[place] for place in (resolved, *resolved.parents) if place in mounts), "")


def has_room(directory: Path, needed: int) -> bool:
    """Tell whether there is space for ``needed`` bytes and a few files; True if the file system does not say."""
    if not os.access(directory, os.W_OK):
        return False
    found = os.statvfs(directory)
    bytes_left = not found.f_blocks or found.f_bavail * found.f_frsize >= needed
    return bytes_left and (not found.f_files or found.f_favail >= _FREE_INODES)


def is_stopped(pid: int) -> bool:
    """Tell whether a process is stopped by a signal or a tracer. Source: proc_pid_stat(5), states T and t."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
    return False


def start_ticks(pid: int) -> int | None:
    """Give when a living process started, in clock ticks since the host's boot; None if it is dead.

    Together with its number this identifies the process within one boot, and changes of the clock do not affect it.
    Without ``/proc`` it is in hundredths of a second since the epoch. Source: proc_pid_stat(5), fields 3 and 22.
    """
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        started = process_start_time(pid)
        return None if started is None else round(started * 100)
    return None if state in {b"Z", b"X"} else int(fields[18])


def has_open(pid: int, path: Path) -> bool:
    """Tell whether a process has a file open that is, or was before its deletion, at a path.

    False if the process is dead, or another user's.
    """
    with suppress(OSError, psutil.Error):
        return any(each.removesuffix(_DELETED) == str(path) for each in _open_files(pid))
    return False


def running(module: str, *arguments: str) -> list[int]:
    """List our user's processes that run a module of ours, as `vmops.core.interpreter.command` starts it."""
    wanted = ["-m", module, *arguments]
    return [each.pid for each in psutil.process_iter() if _command(each)[2 : 2 + len(wanted)] == wanted]


def _command(process: Process) -> list[str]:
    """Give the command line of a process of our user; empty for another user's."""
    with suppress(psutil.Error):
        return process.cmdline() if _is_ours(process) else []
    return []


def _is_ours(process: Process) -> bool:
    with suppress(psutil.Error):
        return process.uids().effective == os.geteuid()
    return False


def _connections(process: Process) -> set[tuple[int, int]]:
    """List the ports of both ends of a process's connections at 127.0.0.1; none if it has ended."""
    with suppress(psutil.Error):
        made = process.net_connections("tcp")
        return {(each.laddr.port, each.raddr.port) for each in made if each.raddr and each.raddr.ip in _LOOPBACK}
    return set()


def _open_files(pid: int) -> Iterator[str]:
    descriptors = Path(f"/proc/{pid}/fd")
    if not descriptors.exists():
        yield from (each.path for each in psutil.Process(pid).open_files())
        return
    for descriptor in descriptors.iterdir():
        with suppress(FileNotFoundError):
            yield str(descriptor.readlink())
