"""Bringing a deployment to its end before its time: by its deadline, or by a request."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from vmops.engine.command import EngineCommand
from vmops.failures import Failed, Failure, Kind

_INSISTENCE = ((signal.SIGINT, 10.0), (signal.SIGINT, 5.0), (signal.SIGKILL, 5.0))
"""What the engine is sent, and the seconds it then has: what is in flight may finish; it must end and release its lock;
it is killed. Source: seen with engine 3.258."""


@contextmanager
def bounded(command: EngineCommand, seconds: float) -> Iterator[None]:
    """Let the work inside take at most ``seconds``, and end it on SIGTERM; only for the main thread of a worker.

    Raises: Failed (timeout, or interrupted) once the engine has ended, or at once if none runs.
    """
    reasons: list[Failure] = []
    insistence = iter(_INSISTENCE)

    def end(number: int, _frame: FrameType | None) -> None:
        if not reasons:
            reasons.append(_reason(number, seconds))
        step, grace = next(insistence, _INSISTENCE[-1])
        if not command.signal(step):
            raise Failed(reasons[0])
        signal.setitimer(signal.ITIMER_REAL, grace)

    for number in (signal.SIGTERM, signal.SIGALRM):
        signal.signal(number, end)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except Failed:
        if reasons:
            raise Failed(reasons[0]) from None
        raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


def _reason(number: int, seconds: float) -> Failure:
    if number == signal.SIGALRM:
        return Failure(Kind.TIMEOUT, f"the deployment did not end within deployTimeout, {seconds:g} seconds")
    return Failure(Kind.INTERRUPTED, "the deployment was cancelled")
