"""Times as the ``vmops-expires`` tag has them."""

from datetime import UTC, datetime
from math import inf

_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


def format_utc(seconds: float) -> str:
    """Write a time, in seconds since the epoch, as the ``vmops-expires`` tag has it."""
    return datetime.fromtimestamp(seconds, UTC).strftime(_INSTANT)


def parse_utc(instant: str) -> float:
    """Read what `format_utc` wrote; infinite for what nobody can read, so that nothing is deleted for its sake."""
    try:
        return datetime.strptime(instant, _INSTANT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return inf
