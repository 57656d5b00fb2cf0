"""Ends an operation that is in flight: gracefully first, then by force."""

import signal
from pathlib import Path

from vmops.core import file_lock
from vmops.core.polling import NotYet, poll_until
from vmops.core.processes import send
from vmops.core.state_dir import liveness_lock_path
from vmops.jobs import fence
from vmops.jobs.admission import mark_interrupted
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.start import end_stopped_server
from vmops.jobs.store import Store

_TERM_TIMEOUT = 20.0
"""Seconds that a worker has after SIGTERM to end its engine and record the outcome."""

_KILL_TIMEOUT = 5.0
"""Seconds to wait for the end of a worker after SIGKILL."""

_POLL_INTERVAL = 0.05
"""Seconds between two attempts to end an operation."""


def cancel(store: Store, state_dir: Path, stack: str, verb: Verb) -> bool:
    """End the operation of that kind that is in flight, within 30 seconds, and close its record.

    The next call continues its work.

    Returns: True if it has no worker any more; False if its worker is on another host, or cannot be killed.
    """
    if store.is_shared:
        from vmops.jobs.cluster.work import ended

        return bool(poll_until(lambda: ended(store, stack, verb), timeout=_TERM_TIMEOUT + _KILL_TIMEOUT))
    path, signalled = liveness_lock_path(state_dir, stack, verb), set[tuple[int, int]]()
    if file_lock.is_locked(path):
        end_stopped_server(state_dir)

    def ended_by(number: signal.Signals) -> bool | NotYet:
        operation = store.in_flight(stack, verb)
        if not file_lock.is_locked(path) and not (operation and fence.outlives_lock(operation, path)):
            return True
        if operation:
            _end(store, operation, path, number, signalled)
        return NotYet(_POLL_INTERVAL)

    gracefully = poll_until(lambda: ended_by(signal.SIGTERM), timeout=_TERM_TIMEOUT)
    if not gracefully and not poll_until(lambda: ended_by(signal.SIGKILL), timeout=_KILL_TIMEOUT):
        return False
    if left := store.in_flight(stack, verb):
        fence.kill_orphans(left, path)
        mark_interrupted(store, left, "was cancelled")
    return True


def _end(
    store: Store, operation: Operation, path: Path, number: signal.Signals, signalled: set[tuple[int, int]]
) -> None:
    """Remove an operation from the queue; if it has started, end its worker and the processes that a dead one left."""
    if operation.state is State.PENDING:
        mark_interrupted(store, operation, "was cancelled before its turn", State.PENDING)
        return
    _signal_once(operation, path, number, signalled)
    fence.kill_orphans(operation, path)


def _signal_once(operation: Operation, path: Path, number: signal.Signals, signalled: set[tuple[int, int]]) -> None:
    """Send a worker this signal once; another process with its number gets none."""
    worker = fence.find_worker(operation, path)
    if worker and (worker.pid, number) not in signalled:
        send(worker, number)
        signalled.add((worker.pid, number))
