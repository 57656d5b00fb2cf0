"""Ending an operation that is in flight, in order first and by force at last."""

import signal
import socket
from pathlib import Path

import psutil

from vmops import lock
from vmops.admission import interrupt, life_path
from vmops.operation import Operation, State, Verb
from vmops.store import Store
from vmops.waiting import Later, wait

_IN_ORDER = 20.0
"""Seconds that a worker has, from SIGTERM on, to end its engine and record how it ended."""

_CLOCK_STEP = 2.0
"""Seconds by which the start of a process may seem to move: it is counted from a boot time that is rounded."""

_BY_FORCE = 5.0
_LOOK = 0.05


def cancel(store: Store, state_dir: Path, stack: str, verb: Verb) -> bool:
    """End the operation of that kind that is in flight, within 30 seconds.

    What it was making stays for the next call to take up. Its record is over afterwards.

    Returns: whether nobody works on it any more; False if its worker is on another host, or cannot be killed.
    """
    path, told = life_path(state_dir, stack, verb), set[int]()

    def over() -> bool | Later:
        if not lock.held(path):
            return True
        working = store.in_flight(stack, verb)
        if working and working.state is State.PENDING:
            interrupt(store, working, "was cancelled before its turn", State.PENDING)
        else:
            _tell(working, signal.SIGTERM, told)
        return Later(_LOOK)

    if not wait(over, timeout=_IN_ORDER):
        _tell(store.in_flight(stack, verb), signal.SIGKILL, set())
        if not wait(lambda: not lock.held(path) or Later(_LOOK), timeout=_BY_FORCE):
            return False
    if left := store.in_flight(stack, verb):
        interrupt(store, left, "was cancelled")
    return True


def _tell(operation: Operation | None, number: signal.Signals, told: set[int]) -> None:
    """Signal a worker once; a process that only has its number is left alone: it began at another time."""
    if operation is None or operation.host != socket.gethostname() or operation.pid in told:
        return
    try:
        worker = psutil.Process(operation.pid)
        if operation.created - _CLOCK_STEP <= worker.create_time() <= operation.started + _CLOCK_STEP:
            worker.send_signal(number)
            told.add(operation.pid)
    except psutil.NoSuchProcess:
        return
