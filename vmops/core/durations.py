"""Parses numbers and durations."""

import math

_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def number(value: object) -> float:
    """Return a finite number."""
    try:
        result = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        result = math.nan
    if not math.isfinite(result):
        raise ValueError(f"{value!r} is not a number")
    return result


def seconds(value: object) -> float:
    """Return a duration in seconds, given as seconds or with a unit: "90s", "90m", "2h", "1d"."""
    word = str(value).strip().lower()
    unit = _UNIT_SECONDS.get(word[-1:], 0)
    try:
        duration = number(word[:-1]) * unit if unit else number(value)
    except ValueError:
        duration = math.nan
    if not 0 <= duration < math.inf:
        raise ValueError(f"{value!r} is not a duration (seconds, or a number with s, m, h or d)")
    return duration


def positive_seconds(value: object) -> float:
    """Return a duration in seconds that is longer than 0."""
    if not (duration := seconds(value)):
        raise ValueError(f"{value!r} is not a duration above 0")
    return duration
