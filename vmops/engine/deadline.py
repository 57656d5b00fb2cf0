"""Ends a deployment before it is done: at its deadline, on request, or because its engine hangs."""

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
"""The signals for an engine, each with the seconds it then has: first, what is in flight may finish; then it must end
and release its lock; then it is killed. Source: seen with engine 3.274.
"""


@contextmanager
def enforce_deadline(command: EngineCommand, stack: EngineStack, *, seconds: float, silence: float) -> Iterator[None]:
    """Limit the work inside to ``seconds``, and end it on SIGTERM; only for the main thread of a worker.

    An engine is also ended if it says nothing for ``silence`` seconds while it works on no resource. A create may take
    long; an engine that waits for nothing may not.

    Raises: OperationFailed (timeout, or interrupted) once the engine has ended, or at once if none runs.
    """
    end = _End(command, stack, seconds, silence)
    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, end)
    signal.setitimer(signal.ITIMER_REAL, min(seconds, silence))
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
    """Handle a signal: if it is early, only set the next check; else end the engine."""

    def __init__(self, command: EngineCommand, stack: EngineStack, seconds: float, silence: float) -> None:
        self._command, self._stack, self._seconds, self._patience = command, stack, seconds, silence
        self._deadline = time.monotonic() + seconds
        self._insistence = iter(_ESCALATION)
        self.reason: Failure | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Decide what a signal means; Python calls this between two steps of the main thread."""
        self.reason = self.reason or self._reason(number)
        if self.reason is None:
            left = min(self._deadline - time.monotonic(), self._patience - self._stack.silence)
            signal.setitimer(signal.ITIMER_REAL, max(left, 0.01))
            return
        step, grace = next(self._insistence, _ESCALATION[-1])
        if not self._command.signal(step):
            raise OperationFailed(self.reason)
        signal.setitimer(signal.ITIMER_REAL, grace)

    def _reason(self, number: int) -> Failure | None:
        if number == signal.SIGTERM:
            return Failure(FailureKind.INTERRUPTED, "the deployment was cancelled")
        if time.monotonic() >= self._deadline:
            return self._late(f"the deployment did not end within deployTimeout, {self._seconds:g} seconds")
        if self._stack.silence >= self._patience:
            return self._late(
                f"the engine worked on no resource and said nothing for {self._patience:g} seconds; it was ended"
            )
        return None

    def _late(self, message: str) -> Failure:
        """Report the timeout, with ARM's last refusal: that is what can be acted on."""
        last = self._stack.last_refusal
        if last is None:
            return Failure(FailureKind.TIMEOUT, message)
        refused = f"{message}; last refused at {format_utc(last.since)}: {last.message}"
        return Failure(FailureKind.TIMEOUT, refused, last.code, last.resource, step=last.next_step)
