"""The one loop that waits, and the one place that sleeps."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Later:
    """Not over yet: ask again in ``seconds``."""

    seconds: float


def delay(attempt: int, *, first: float = 1.0, most: float = 30.0) -> float:
    """Give the seconds to wait after the ``attempt``-th refusal (from 1): doubling, capped, and never quite the same.

    Between half and the whole of it is left to chance, so that those who were refused together do not return together.
    """
    return min(first * 2.0 ** (attempt - 1), most) * random.uniform(0.5, 1.0)  # noqa: S311


def wait(look: Callable[[], T | Later], *, timeout: float) -> T | None:
    """Ask ``look`` until it answers something other than `Later`, for at most ``timeout`` seconds.

    A timeout of 0 is one look. The last look is taken at the deadline itself, so that an answer which came while this
    slept is not lost. What ``look`` raises passes through.

    Returns: the answer, or None when the deadline passed without one.
    """
    deadline = time.monotonic() + timeout
    while True:
        seen = look()
        if not isinstance(seen, Later):
            return seen
        left = deadline - time.monotonic()
        if left <= 0:
            return None
        time.sleep(min(seen.seconds, left))
