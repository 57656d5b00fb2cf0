"""The processes of this host, and what they share: whether one lives, memory, connections, file systems.

The dead keep their number until they are asked for, and numbers come again.
"""

from contextlib import suppress
from pathlib import Path

import psutil

START_TIME_TOLERANCE = 3.0
"""Seconds by which a process may seem to have started later than it did: its start is counted from a boot that is cut
to a second, and so are many of the times that it is held against. Source: psutil documentation, Process.create_time."""


def process_start_time(pid: int) -> float | None:
    """Give the instant at which a living process started, None when it is dead."""
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return process.create_time()
    return None


def available_memory() -> int:
    """Give the bytes that can be had without swapping."""
    return int(psutil.virtual_memory().available)


def total_memory() -> int:
    """Give the bytes of this host's memory."""
    return int(psutil.virtual_memory().total)


def connected_ports() -> set[int]:
    """List the ports from which somebody is connected to this process by TCP."""
    return {made.raddr.port for made in psutil.Process().net_connections("tcp") if made.raddr}


def file_system(directory: Path) -> str:
    """Name the kind of file system that a directory is on, such as ``ext4``; empty if nobody knows."""
    mounts = {Path(mount.mountpoint): mount.fstype for mount in psutil.disk_partitions(all=True)}
    resolved = directory.resolve()
    return next((mounts[place] for place in (resolved, *resolved.parents) if place in mounts), "")
