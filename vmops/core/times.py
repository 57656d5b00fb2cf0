"""Formats and parses times, in the format of the ``vmops-expires`` tag."""

import time
from datetime import UTC, datetime
from math import inf

_INSTANT = "%Y-%m-%dT%H:%M:%SZ"

_SKEW = 300.0
"""Seconds by which the clocks of two hosts may differ."""


def format_utc(seconds: float) -> str:
    """Write a time, in seconds since the epoch, in the format of the ``vmops-expires`` tag."""
    return datetime.fromtimestamp(seconds, UTC).strftime(_INSTANT)


def utc_or_none(seconds: float) -> str | None:
    """Write a time for JSON; None for 0 or infinite, which mean never."""
    return format_utc(seconds) if 0 < seconds < inf else None


def parse_utc(instant: str) -> float:
    """Parse the output of `format_utc`; infinite for anything else, so that it never makes a VM expire."""
    try:
        return datetime.strptime(instant, _INSTANT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return inf


def is_over(expires: float, now: float | None = None) -> bool:
    """Tell whether a VM expired more than `_SKEW` ago, so that clock skew cannot expire it early.

    ``expires`` is 0 or infinite for never. ``now`` is by default the time of this host's clock.
    """
    return 0 < expires < (time.time() if now is None else now) - _SKEW
