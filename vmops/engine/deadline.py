"""Stops a deployment early: at its deadline, on request, or because its engine hangs."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.times import format_utc
from vmops.engine.process import EngineCommand
from vmops.engine.stack import EngineStack

_ESCALATION = ((signal.SIGINT, 10.0), (signal.SIGINT, 5.0), (signal.SIGKILL, 5.0))
"""The signals that are sent to an engine, each with the seconds to wait afterwards. After the first, operations in
flight finish; after the second, the engine exits and releases its lock; the last kills it. Source: seen with engine
3.274.
"""


@contextmanager
def enforce_deadline(
    command: EngineCommand, stack: EngineStack, *, seconds: float, idle_seconds: float
) -> Iterator[None]:
    """Limit the block to ``seconds``, and stop it on SIGTERM; only for the main thread of a worker.

    The engine is also stopped if it emits no event for ``idle_seconds`` while it works on no resource. The create of
    a resource may take longer.

    Raises: OperationFailed (timeout, or interrupted) once the engine has ended, or at once if none runs.
    """
    end = _End(command, stack, seconds, idle_seconds)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, end)
    signal.setitimer(signal.ITIMER_REAL, min(seconds, idle_seconds))
    try:
        yield
    except OperationFailed:
        if end.reason:
            raise OperationFailed(end.reason) from None
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


class _End:
    """The signal handler: stops the engine if a limit has passed, else sets the alarm for the next check."""

    def __init__(self, command: EngineCommand, stack: EngineStack, seconds: float, idle_seconds: float) -> None:
        self._command, self._stack, self._seconds, self._max_idle = command, stack, seconds, idle_seconds
        self._deadline = time.monotonic() + seconds
        self._steps = iter(_ESCALATION)
        self.reason: Failure | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Handle a signal; Python calls this between two instructions of the main thread."""
        self.reason = self.reason or self._reason(number)
        if self.reason is None:
            left = min(self._deadline - time.monotonic(), self._max_idle - self._stack.idle_seconds)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.01))
            return
        step, grace = next(self._steps, _ESCALATION[-1])
        if not self._command.signal(step):
            raise OperationFailed(self.reason)
        signal.setitimer(signal.ITIMER_REAL, grace)

    def _reason(self, number: int) -> Failure | None:
        if number == signal.SIGTERM:
            return Failure(FailureKind.INTERRUPTED, "the deployment was cancelled")
        if time.monotonic() >= self._deadline:
            return self._late(f"the deployment did not end within deployTimeout, {self._seconds:g} seconds")
        if self._stack.idle_seconds >= self._max_idle:
            return self._late(
                f"the engine worked on no resource and printed nothing for {self._max_idle:g} seconds; it was stopped"
            )
        return None

    def _late(self, message: str) -> Failure:
        """Give the timeout as a failure, with ARM's last refusal, which may be its cause."""
        last = self._stack.last_refusal
        if last is None:
            return Failure(FailureKind.TIMEOUT, message)
        refused = f"{message}; last refused at {format_utc(last.since)}: {last.message}"
        return Failure(FailureKind.TIMEOUT, refused, last.code, last.resource, step=last.next_step)
