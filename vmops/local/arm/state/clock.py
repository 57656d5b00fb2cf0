"""The clocks of the simulated cloud."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Gives the time, in seconds since the epoch."""

    def now(self) -> float:
        """Return the current time."""


class WallClock:
    """Follows the clock of this machine."""

    def now(self) -> float:
        """Return the current time."""
        return time.time()


class ManualClock:
    """A clock that only a test advances."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return the current time."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Advance the time by ``seconds``."""
        self._now += seconds


def timestamp(seconds: float) -> str:
    """Write an instant as ARM does: ``2023-01-11T06:35:35.928515+00:00``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def american(seconds: float) -> str:
    """Write an instant as ARM's refusals do: ``8/21/2018 3:22:00 PM``."""
    when = datetime.fromtimestamp(seconds, UTC)
    return f"{when.month}/{when.day}/{when.year} {when.hour % 12 or 12}:{when:%M:%S %p}"
