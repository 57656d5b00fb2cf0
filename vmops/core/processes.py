"""Whether a process of this host lives: the dead keep their number until they are asked for, and numbers come again."""

from contextlib import suppress

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
