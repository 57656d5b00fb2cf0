"""The one poll loop, and the one place that sleeps."""

import os
import random
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

_AFTER_EXIT = 0.02
"""Seconds until the next check if the process to wait for has ended, or cannot be waited for."""


_MAX_POLL_SECONDS = 86400.0
"""Longest timeout of one call of poll(2), in seconds."""


@dataclass(frozen=True)
class NotYet:
    """Not done yet: check again after ``seconds``.

    - ``process``: a process of this host; when it ends, the next check is made at once. 0 for none.
    - ``channel``: a descriptor; when it becomes readable, the next check is made at once. 0 for none.
    - ``max_interval``: each check in a row waits 1.5 times as long as the one before, up to so many seconds; 0 for
      a constant interval.
    """

    seconds: float
    process: int = 0
    max_interval: float = 0.0
    channel: int = 0

    def interval(self, checks: int) -> float:
        """Give the seconds to wait after the ``checks``-th check, from 1."""
        return max(self.seconds, min(self.seconds * 1.5 ** min(checks - 1, 100), self.max_interval))


def backoff(attempt: int, *, first: float = 1.0, max_interval: float = 30.0) -> float:
    """Give the seconds to wait after the ``attempt``-th refusal (from 1): doubled each time, capped, with jitter.

    Half of it is random, so that callers that were refused together do not return together.
    """
    return min(first * 2.0 ** (attempt - 1), max_interval) * random.uniform(0.5, 1.0)  # noqa: S311


def poll_until(check: Callable[[], T | NotYet], *, timeout: float) -> T | None:
    """Call ``check`` until it returns something other than `NotYet`, for at most ``timeout`` seconds.

    A timeout of 0 means one call. The last call is made at the deadline itself, so that a result that arrived during
    the sleep is not lost. Exceptions of ``check`` pass through.

    Returns: the result, or None when the deadline passed without one.
    """
    deadline = time.monotonic() + timeout
    checks = 0
    while True:
        result, checks = check(), checks + 1
        if not isinstance(result, NotYet):
            return result
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        _pause(min(result.interval(checks), left), result.process, result.channel)


def retry(call: Callable[[], T], refused: type[E], pause: Callable[[E, int], float | None], *, timeout: float) -> T:
    """Call again while ``call`` raises ``refused``, for at most ``timeout`` seconds.

    ``pause`` gives the seconds until the next call after the n-th refusal, from 1; None if a retry would not help.

    Raises: the last refusal; whatever else ``call`` or ``pause`` raises.
    """
    refusals: list[E] = []

    def attempt() -> tuple[T] | NotYet:
        try:
            return (call(),)
        except refused as error:
            refusals.append(error)
            seconds = pause(error, len(refusals))
            if seconds is None:
                raise
            return NotYet(seconds)

    answer = poll_until(attempt, timeout=timeout)
    if answer is None:
        raise refusals[-1]
    return answer[0]


def first_poll_after(seconds: float, check: Callable[[], T | NotYet]) -> Callable[[], T | NotYet]:
    """Wrap a check so that it first runs when ``seconds`` have passed from now."""
    due = time.monotonic() + seconds

    def first() -> T | NotYet:
        left = due - time.monotonic()
        return NotYet(left) if left > 0 else check()

    return first


def pause(seconds: float) -> None:
    """Sleep."""
    _pause(seconds, 0, 0)


def _pause(seconds: float, process: int, channel: int) -> None:
    """Sleep for ``seconds``, or until the process ends or the channel becomes readable."""
    if channel:
        poller = select.poll()
        poller.register(channel, select.POLLIN)
        poller.poll(min(seconds, _MAX_POLL_SECONDS) * 1000)
        return
    if process and _ends(process, seconds):
        return
    time.sleep(min(seconds, _AFTER_EXIT) if process else seconds)


def _ends(process: int, seconds: float) -> bool:
    """Wait at most ``seconds`` for a living process to end; False at once if it is dead or cannot be waited for.

    Source: pidfd_open(2), poll(2): the descriptor is readable once the process has ended.
    """
    try:
        descriptor = os.pidfd_open(process)
    except (AttributeError, OSError):
        return False
    try:
        poller = select.poll()
        poller.register(descriptor, select.POLLIN)
        if poller.poll(0):
            return False
        poller.poll(seconds * 1000)
        return True
    finally:
        os.close(descriptor)
