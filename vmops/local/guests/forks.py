"""Forked processes without a program of their own, and what they inherit."""

import os
import signal

HANDLED = (signal.SIGTERM, signal.SIGCHLD)
"""Signals that the guests' process handles itself; children reset them."""


def fork() -> int:
    """Fork a process with default signal handling, and give its pid; 0 in the child."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    begun = os.fork()
    if not begun:
        signal.set_wakeup_fd(-1)
        for number in HANDLED:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    return begun


def own_streams(console: int) -> None:
    """Set stdin to empty, and stdout and stderr to the console."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for stream, instead in enumerate((nothing, console, console)):
        os.dup2(instead, stream)


def close_all_but(*keep: int) -> None:
    """Close inherited descriptors except the standard streams: otherwise ports of other guests would stay taken."""
    low = 3
    for kept in sorted(keep):
        os.closerange(low, kept)
        low = kept + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))
