"""The CPU time by kind of process, including that of ended children."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psutil

Parts = dict[str, float]
"""The parts of a figure, by name."""


@contextmanager
def processors(parts: Parts, find: Callable[[], Mapping[str, list[psutil.Process]]]) -> Iterator[None]:
    """Add to ``parts`` the CPU seconds of each kind of process, including those of ended children."""
    before = _spent(find())
    yield
    parts.update({kind: spent - before.get(kind, 0.0) for kind, spent in _spent(find()).items()})


def _spent(kinds: Mapping[str, list[psutil.Process]]) -> Parts:
    parts: Parts = {}
    for kind, processes in kinds.items():
        times = [process.cpu_times() for process in processes]
        parts[kind] = sum(each.user + each.system for each in times)
        parts[f"{kind}'s children"] = sum(each.children_user + each.children_system for each in times)
    return parts
