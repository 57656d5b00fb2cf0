"""The processes of this host, and what they share: whether one lives, memory, connections, file systems.

The dead keep their number until they are asked for, and numbers come again.
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
"""A process that was there when it was asked for; it may have ended since."""

START_TIME_TOLERANCE = 3.0
"""Seconds by which a process may seem to have started later than it did: its start is counted from a boot that is cut
to a second, and so are many of the times that it is held against. Source: psutil documentation, Process.create_time."""

_FEW = 16

_LOOPBACK = frozenset({"127.0.0.1", "::ffff:127.0.0.1"})
"""The address as a socket for one protocol shows it, and as one for both does."""

_SET_CHILD_SUBREAPER = 36
"""Source: linux/prctl.h."""

_LOOK, _THREADS = 0.005, 10.0
"""Seconds between looks at a process that ends, and for the last of its threads."""

_DELETED = " (deleted)"
"""What follows the path of an open file that was deleted. Source: proc_pid_fd(5)."""


def process_start_time(pid: int) -> float | None:
    """Give the instant at which a living process started, None when it is dead."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.create_time()
    return None


def process(pid: int) -> Process | None:
    """Give the process that has a number now; None if there is none."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid)
    return None


def adopt_orphans() -> None:
    """Have what our children leave behind become ours, and no longer the first process's (Linux only).

    In a container that one may be any program, which does not know that it has to ask for the dead. Source: prctl(2).
    """
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def bury(pid: int) -> None:
    """Ask for a process that has ended if it is a child of ours, as an orphan is of the first process.

    One whose first thread has ended shows as dead, and can be asked for only once the last one has; its own children
    are left to others then.
    """
    poll_until(lambda: _is_asked_for(pid) or NotYet(_LOOK), timeout=_THREADS)


def _is_asked_for(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) != (0, 0)
    except ChildProcessError:
        return True


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to a process, unless it is gone; another that has its number by now gets none."""
    with suppress(psutil.NoSuchProcess):
        process.send_signal(number)


def session(leader: int) -> list[Process]:
    """List the processes of a session, all but its leader."""
    return [each for pid in psutil.pids() if pid != leader and _session_of(pid) == leader and (each := process(pid))]


def _session_of(pid: int) -> int:
    with suppress(ProcessLookupError, PermissionError):
        return os.getsid(pid)
    return 0


def only_child(pid: int) -> int:
    """Give the child of a process that has one; 0 if it has none, or is gone."""
    with suppress(psutil.NoSuchProcess):
        return next((each.pid for each in psutil.Process(pid).children()), 0)
    return 0


def users() -> set[int]:
    """Give the users that any process of this host is, or may become."""
    found: set[int] = set()
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            found.update(each.uids())
    return found


def available_memory() -> int:
    """Give the bytes that can be allocated before the host swaps or the container is killed."""
    return min([int(psutil.virtual_memory().available), *(limit.left for limit in control_groups.memory_limits())])


def total_memory() -> int:
    """Give the bytes of this host's memory, or of the part of it that a container has."""
    return min([int(psutil.virtual_memory().total), *(limit.total for limit in control_groups.memory_limits())])


def processors() -> int:
    """Give how many processors this process may compute on at once: those that it is bound to, and has the time of."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([bound, *(max(1, round(limit)) for limit in control_groups.processor_limits())])


def connected_ports() -> set[int]:
    """List the ports from which somebody is connected to this process by TCP."""
    return {made.raddr.port for made in psutil.Process().net_connections("tcp") if made.raddr}


def holds_connection(port: int, peer_port: int) -> bool:
    """Tell whether a process of our user is connected from ``port`` to ``peer_port``, both of them at 127.0.0.1.

    Each system shows a user the connections of its own processes. Source: psutil documentation,
    Process.net_connections.
    """
    return any((port, peer_port) in _connections(each) for each in psutil.process_iter() if _is_ours(each))


def file_system(directory: Path) -> str:
    """Name the kind of file system that a directory is on, such as ``ext4``; empty if nobody knows."""
    mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    resolved = directory.resolve()
    return next((mounts[place] for place in (resolved, *resolved.parents) if place in mounts), "")


def has_room(directory: Path, needed: int) -> bool:
    """Tell whether so many bytes, and a few files, can be written; True where the file system does not say."""
    if not os.access(directory, os.W_OK):
        return False
    found = os.statvfs(directory)
    bytes_left = not found.f_blocks or found.f_bavail * found.f_frsize >= needed
    return bytes_left and (not found.f_files or found.f_favail >= _FEW)


def is_stopped(pid: int) -> bool:
    """Tell whether a process stands still until somebody lets it go on. Source: proc_pid_stat(5), states T and t."""
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() in {psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP}
    return False


def start_ticks(pid: int) -> int | None:
    """Give when a living process started, in clock ticks since its host's boot; None when it is dead.

    With its number it tells a process from all others of that boot, and no clock that is set moves it. Where the system
    does not count from its boot, it is in hundredths of a second since the epoch. Source: proc_pid_stat(5), fields 3
    and 22.
    """
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        started = process_start_time(pid)
        return None if started is None else round(started * 100)
    return None if state in {b"Z", b"X"} else int(fields[18])


def has_open(pid: int, path: Path) -> bool:
    """Tell whether a process has a file open that is at ``path``, or was there when it was deleted.

    False for a process that is dead, or is another user's.
    """
    with suppress(OSError, psutil.Error):
        return any(each.removesuffix(_DELETED) == str(path) for each in _open_files(pid))
    return False


def running(module: str, *arguments: str) -> list[int]:
    """List our user's processes that run a module of ours, as `vmops.core.interpreter.command` starts it."""
    wanted = ["-m", module, *arguments]
    return [each.pid for each in psutil.process_iter() if _command(each)[2 : 2 + len(wanted)] == wanted]


def _command(process: Process) -> list[str]:
    """Give the command line of a process of our user; empty for another's."""
    with suppress(psutil.Error):
        return process.cmdline() if _is_ours(process) else []
    return []


def _is_ours(process: Process) -> bool:
    with suppress(psutil.Error):
        return process.uids().effective == os.geteuid()
    return False


def _connections(process: Process) -> set[tuple[int, int]]:
    """List the ports of both ends of a process's connections at 127.0.0.1; none of one that has ended."""
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
