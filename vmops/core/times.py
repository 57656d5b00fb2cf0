"""Times as the ``vmops-expires`` tag has them."""

import time
from datetime import UTC, datetime
from math import inf

_INSTANT = "%Y-%m-%dT%H:%M:%SZ"

_SKEW = 300.0
"""Seconds by which the clocks of two hosts may differ."""


def format_utc(seconds: float) -> str:
    """Write a time, in seconds since the epoch, as the ``vmops-expires`` tag has it."""
    return datetime.fromtimestamp(seconds, UTC).strftime(_INSTANT)


def told(seconds: float) -> str | None:
    """Write a time for JSON; None for one that is not reached, or never (0 or infinite)."""
    return format_utc(seconds) if 0 < seconds < inf else None


def parse_utc(instant: str) -> float:
    """Read what `format_utc` wrote; infinite for what nobody can read, so that nothing is deleted for its sake."""
    try:
        return datetime.strptime(instant, _INSTANT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return inf


def is_over(expires: float) -> bool:
    """Tell whether a VM's time is over by anybody's clock; ``expires`` is 0 or infinite for never."""
    return 0 < expires < time.time() - _SKEW
