"""The one loop that waits, and the one place that sleeps."""

import os
import random
import select
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
E = TypeVar("E", bound=Exception)

_AFTER_THE_END = 0.02
"""Seconds until the next check if the process to wait for has ended, or cannot be waited for."""


_LONGEST = 86400.0
"""Seconds that are waited for in one go at most."""


@dataclass(frozen=True)
class NotYet:
    """Not over yet: ask again in ``seconds``, or as soon as ``process``, one of this host, ends; 0 is none.

    ``channel`` is a descriptor that can be read as soon as somebody has said something; 0 is none.

    With ``most``, who asks again and again waits half as long again each time, up to so many seconds.
    """

    seconds: float
    process: int = 0
    most: float = 0.0
    channel: int = 0

    def after(self, looks: int) -> float:
        """Give the seconds to wait after the ``looks``-th check, from 1."""
        return max(self.seconds, min(self.seconds * 1.5 ** min(looks - 1, 100), self.most))


def backoff(attempt: int, *, first: float = 1.0, most: float = 30.0) -> float:
    """Give the seconds to wait after the ``attempt``-th refusal (from 1): doubled each time, capped, with jitter.

    Half of it is random, so that callers that were refused together do not return together.
    """
    return min(first * 2.0 ** (attempt - 1), most) * random.uniform(0.5, 1.0)  # noqa: S311


def poll_until(look: Callable[[], T | NotYet], *, timeout: float) -> T | None:
    """Call ``look`` until it returns something other than `NotYet`, for at most ``timeout`` seconds.

    A timeout of 0 means one call. The last call is made at the deadline itself, so that a result that arrived during
    the sleep is not lost. Exceptions of ``look`` pass through.

    Returns: the result, or None when the deadline passed without one.
    """
    deadline = time.monotonic() + timeout
    looks = 0
    while True:
        seen, looks = look(), looks + 1
        if not isinstance(seen, NotYet):
            return seen
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        _pause(min(seen.after(looks), left), seen.process, seen.channel)


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


def first_poll_after(seconds: float, look: Callable[[], T | NotYet]) -> Callable[[], T | NotYet]:
    """Wrap a check so that it first runs when ``seconds`` have passed from now."""
    due = time.monotonic() + seconds

    def first() -> T | NotYet:
        left = due - time.monotonic()
        return NotYet(left) if left > 0 else look()

    return first


def pause(seconds: float) -> None:
    """Let time pass."""
    _pause(seconds, 0, 0)


def _pause(seconds: float, process: int, channel: int) -> None:
    """Let time pass; where the end of a process can be awaited, or a word, no longer than until then."""
    if channel:
        poller = select.poll()
        poller.register(channel, select.POLLIN)
        poller.poll(min(seconds, _LONGEST) * 1000)
        return
    if process and _ends(process, seconds):
        return
    time.sleep(min(seconds, _AFTER_THE_END) if process else seconds)


def _ends(process: int, seconds: float) -> bool:
    """Wait for the end of a living process; False, at once, if it is dead or its end cannot be awaited.

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
