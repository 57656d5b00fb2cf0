"""Handling of unknown parameter names: an error where a person types them, else a warning or an error."""

from collections.abc import Collection, Iterable
from functools import cache

from vmops.core.errors import SpecError
from vmops.core.settings import Settings
from vmops.spec.rules import spelling


class WeightyName(SpecError):
    """Unknown names that must not be ignored: a VM would be made that nobody asked for."""


def refuse(names: Iterable[str], known: Collection[str]) -> None:
    """Check names that a person typed. Raises: SpecError, with a sentence for each unknown name."""
    settings = Settings.model_fields
    problems = [spelling.unknown(name, known, settings) for name in names if name not in known]
    if problems:
        raise SpecError(problems)


def point_out(names: Iterable[str], known: frozenset[str]) -> None:
    """Warn of unknown names, once in the life of the process, in one event.

    Raises: WeightyName, with a sentence for each that says who can reach a VM, what it may do, what it is made from, or
    what it costs.
    """
    unknown = tuple(name for name in names if name not in known)
    weighty = [spelling.unknown(name, known) for name in unknown if spelling.about(name)]
    if weighty:
        raise WeightyName(weighty)
    if unknown:
        _warn(unknown, known)


def is_harmless(name: str, known: Collection[str]) -> bool:
    """Tell whether a name is neither a parameter nor similar to one: it belongs to another tool."""
    return name not in known and not spelling.about(name) and not spelling.meant(name, known)


@cache
def _warn(unknown: tuple[str, ...], known: frozenset[str]) -> None:
    from vmops.core.log import get_logger

    found = {name: spelling.meant(name, known) for name in unknown}
    get_logger().warning("unknown_parameters", given=list(unknown), meant={n: m for n, m in found.items() if m})
