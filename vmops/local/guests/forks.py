"""Processes that are begun without a program of their own: what they inherit, and what they do not."""

import os
import signal

HANDLED = (signal.SIGTERM, signal.SIGCHLD)
"""What the guests' process does not take as any process does."""


def fork() -> int:
    """Begin a process that takes signals as any does, and give its number; 0 in the new one itself."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    begun = os.fork()
    if not begun:
        signal.set_wakeup_fd(-1)
        for number in HANDLED:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    return begun


def own_streams(console: int) -> None:
    """Have nothing to read, and write to the console."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for stream, instead in enumerate((nothing, console, console)):
        os.dup2(instead, stream)


def close_all_but(*keep: int) -> None:
    """Close what was inherited, but the standard streams: a port of another guest's would stay taken."""
    low = 3
    for kept in sorted(keep):
        os.closerange(low, kept)
        low = kept + 1
    os.closerange(low, os.sysconf("SC_OPEN_MAX"))
