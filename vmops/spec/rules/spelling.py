"""Parameters that are nearly ours: an unknown key is ignored, but a misspelled one is pointed out."""

from collections.abc import Iterable
from functools import cache


def warn_near_misses(given: Iterable[str], known: frozenset[str]) -> None:
    """Log a warning for each unknown name that is nearly a known one, once in the life of the process."""
    for name in given:
        if name not in known:
            _warn(name, known)


@cache
def _warn(name: str, known: frozenset[str]) -> None:
    if meant := near_miss(name, known):
        from vmops.core.log import get_logger

        get_logger().warning("unknown_parameter", given=name, meant=meant)


def near_miss(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that an unknown one is nearly: the same in another case, or a letter or two away."""
    import difflib

    in_lower_case = {word.lower(): word for word in known}
    near = difflib.get_close_matches(name.lower(), in_lower_case, n=1, cutoff=0.85)
    return in_lower_case[near[0]] if near else None
