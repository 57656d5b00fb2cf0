"""Unknown parameter names: an error if a person typed them, else a warning, or an error if they change the VM."""

from collections.abc import Collection, Iterable
from functools import cache

from vmops.core.errors import SpecError
from vmops.core.settings import Settings
from vmops.spec.rules import spelling


class CriticalName(SpecError):
    """Unknown names that must not be ignored, because the VM would not be the requested one."""


def refuse(names: Iterable[str], known: Collection[str]) -> None:
    """Check names that a person typed. Raises: SpecError, with a sentence for each unknown name."""
    settings = Settings.model_fields
    problems = [spelling.unknown(name, known, settings) for name in names if name not in known]
    if problems:
        raise SpecError(problems)


def warn(names: Iterable[str], known: frozenset[str]) -> None:
    """Warn of unknown names in one event, once per process.

    Raises: WeightyName, with a sentence for each name that must not be ignored.
    """
    unknown = tuple(name for name in names if name not in known)
    critical = [spelling.unknown(name, known) for name in unknown if spelling.topic_of(name)]
    if critical:
        raise CriticalName(critical)
    if unknown:
        _warn(unknown, known)


def is_harmless(name: str, known: Collection[str]) -> bool:
    """Tell whether a name is neither a parameter nor similar to one: it belongs to another tool."""
    return name not in known and not spelling.topic_of(name) and not spelling.meant(name, known)


@cache
def _warn(unknown: tuple[str, ...], known: frozenset[str]) -> None:
    from vmops.core.log import get_logger

    found = {name: spelling.meant(name, known) for name in unknown}
    get_logger().warning("unknown_parameters", given=list(unknown), meant={n: m for n, m in found.items() if m})
