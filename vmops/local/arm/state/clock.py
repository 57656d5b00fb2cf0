"""Where the simulated cloud takes its time from."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tell the time, in seconds since the epoch."""

    def now(self) -> float:
        """Return the present."""


class WallClock:
    """Follow the clock of this machine."""

    def now(self) -> float:
        """Return the present."""
        return time.time()


class ManualClock:
    """Stand still until told to move: what a test steps by hand."""

    def __init__(self, start: float = 1_700_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return the present."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let ``seconds`` pass at once."""
        self._now += seconds


def timestamp(seconds: float) -> str:
    """Write an instant as ARM does, such as ``2023-01-11T06:35:35.928515+00:00``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")


def american(seconds: float) -> str:
    """Write an instant as the refusals of ARM do: ``8/21/2018 3:22:00 PM``."""
    when = datetime.fromtimestamp(seconds, UTC)
    return f"{when.month}/{when.day}/{when.year} {when.hour % 12 or 12}:{when:%M:%S %p}"
