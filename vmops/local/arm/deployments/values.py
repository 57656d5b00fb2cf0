"""The values of templates: the names of their types, comparison, and conversion to text."""

import json
from collections.abc import Mapping
from typing import Any

_NAMES = ((bool, "Boolean"), (int, "Integer"), (float, "Float"), (str, "String"), (list, "Array"), (Mapping, "Object"))
NONE = object()
"""Stands for an absent value where null is a value."""


def type_of(value: Any) -> str:
    """Give ARM's name for the type of a value. Source: users' reports of ``Expected a value of type``."""
    return next((name for kind, name in _NAMES if isinstance(value, kind)), "Null")


def is_integer(value: Any) -> bool:
    """Tell whether a value is an integer; in Python true and false are integers too."""
    return isinstance(value, int) and not isinstance(value, bool)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are equal, and of one type."""
    if type_of(one) != type_of(other):
        return False
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def text_of(value: Any) -> str:
    """Convert a value to text: objects and lists to JSON, true and false with a capital."""
    if isinstance(value, list | Mapping):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return "" if value is None else str(value)


def found(holder: Mapping[str, Any], name: str, default: Any = None) -> Any:
    """Return a part of an object by its name in any case; of several such names, the exact one."""
    if name in holder:
        return holder[name]
    return next((value for key, value in holder.items() if key.lower() == name.lower()), default)
