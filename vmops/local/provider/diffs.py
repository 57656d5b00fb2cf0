"""The differences between two declarations, and their consequences."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any

from vmops.local.provider.checks import CREATE_BEFORE_DELETE
from vmops.local.provider.schema import ResourceType
from vmops.local.provider.translate import Properties

Path = tuple[str | int, ...]


class Kind(Enum):
    """What happened to one property."""

    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Change:
    """One property that differs; ``replaces`` if only a new resource can have the new value."""

    path: Path
    kind: Kind
    replaces: bool = False

    def __str__(self) -> str:
        """Give the path as Pulumi writes it: ``ipConfigurations[0].subnet.id``."""
        return "".join(_step(step) for step in self.path).removeprefix(".")


def diff(resource: ResourceType, olds: Properties, news: Properties, state: Properties) -> list[Change]:
    """Compare old inputs with new ones; the old outputs, ``state``, only show what exists already.

    Properties whose name begins with two underscores are the provider's own and never differ.
    """
    return [_judge(resource, change, news, state) for change in _changes(_own(olds), _own(news), ())]


def deletes_first(olds: Properties) -> bool:
    """Tell whether a replacement must wait for the old resource's deletion: yes, unless its name was generated."""
    return olds.get(CREATE_BEFORE_DELETE) is not True


def drift(inputs: Properties, before: Properties, after: Properties) -> Properties:
    """Apply to the inputs what has changed in the cloud since the last deployment, and no older difference."""
    result = dict(inputs)
    for name in before.keys() | after.keys():
        if name not in after:
            result.pop(name, None)
        elif before.get(name) != after[name]:
            result[name] = _drifted(inputs.get(name), before.get(name), after[name])
    return result


def _drifted(own: Any, before: Any, after: Any) -> Any:
    if isinstance(own, dict) and isinstance(before, dict) and isinstance(after, dict):
        return drift(own, before, after)
    if _alike(own, before, after):
        items = zip(own, before, after, strict=True)
        return [mine if was == now else _drifted(mine, was, now) for mine, was, now in items]
    return after


def _alike(*values: Any) -> bool:
    return all(isinstance(value, list) for value in values) and len({len(value) for value in values}) == 1


def _own(inputs: Properties) -> Properties:
    return {name: value for name, value in inputs.items() if not name.startswith("__")}


def _changes(old: Any, new: Any, path: Path) -> Iterator[Change]:
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _member_changes(old, new, path)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _member_changes(dict(enumerate(old)), dict(enumerate(new)), path)
    elif not _same(path, old, new):
        yield Change(path, Kind.UPDATE)


def _member_changes(old: dict[Any, Any], new: dict[Any, Any], path: Path) -> Iterator[Change]:
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield Change((*path, name), Kind.DELETE)
        elif name not in old:
            yield Change((*path, name), Kind.ADD)
        else:
            yield from _changes(old[name], new[name], (*path, name))


def _same(path: Path, old: Any, new: Any) -> bool:
    """Compare two values as ARM does: a location ignoring case and spaces, a group ignoring case."""
    if path == ("location",):
        return _plain(old) == _plain(new)
    if path == ("resourceGroupName",):
        return str(old).lower() == str(new).lower()
    return bool(old == new)


def _plain(location: Any) -> str:
    return str(location).replace(" ", "").lower()


def _judge(resource: ResourceType, change: Change, news: Properties, state: Properties) -> Change:
    root = str(change.path[0])
    if root not in resource.replaces | set(resource.parameters):
        return change
    whole = len(change.path) == 1
    if change.kind is Kind.ADD and whole and state.get(root) == news[root]:
        return Change(change.path, Kind.UPDATE)
    return Change(change.path, change.kind, replaces=whole or change.kind is Kind.UPDATE)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if re.fullmatch(r"\w+", step) else f'["{step}"]'
