"""Whose processor time it was: by kind of process, and of the children that each has outlived."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psutil

Parts = dict[str, float]
"""What something consists of, by name."""


@contextmanager
def processors(parts: Parts, find: Callable[[], Mapping[str, list[psutil.Process]]]) -> Iterator[None]:
    """Put into ``parts`` the processor seconds of each kind of process, and of the children that they outlive."""
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
