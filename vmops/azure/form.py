"""Checks and reads an answer by the form that it must have."""

from collections.abc import Mapping
from typing import Any, TypeAlias

Shape: TypeAlias = "type | Mapping[str, Shape] | list[Shape]"
"""A type, an object's known properties, or a list of one shape; other properties of an object may be anything.

``*`` in an object stands for every property; a name that ends in ``!`` is required.
"""

_ARTICLES = {str: "a string", int: "a whole number", list: "a list", dict: "an object", bool: "true or false"}


class Malformed(ValueError):
    """An answer with another form than ARM specifies; the message says where it differs."""


class Form:
    """The shape of an object, prepared once: an answer of a hundred VMs has thousands of objects."""

    def __init__(self, shape: Mapping[str, Shape]) -> None:
        self._known = {name.removesuffix("!"): _prepared(each) for name, each in shape.items() if name != "*"}
        self._others = _prepared(shape.get("*", object))
        self._needed = [name[:-1] for name in shape if name.endswith("!")]

    def read(self, value: object, where: str = "") -> dict[str, Any]:
        """Read an object without its null values; ``where`` is its path in the answer. Raises: Malformed."""
        there = _of_type(value, dict, where)
        read = {name: self._property(name, each, where) for name, each in there.items() if each is not None}
        for name in self._needed:
            if not read.get(name):
                raise Malformed(f"`{_below(where, name)}` is missing")
        return read

    def _property(self, name: str, value: object, where: str) -> Any:
        form = self._known.get(name, self._others)
        if form is object or type(value) is form:
            return value
        return _read(value, form, _below(where, name))


_Prepared: TypeAlias = "type | Form | list[_Prepared]"


def _prepared(shape: Shape) -> _Prepared:
    if isinstance(shape, type):
        return shape
    return [_prepared(shape[0])] if isinstance(shape, list) else Form(shape)


def _read(value: object, form: _Prepared, where: str) -> Any:
    if isinstance(form, Form):
        return form.read(value, where)
    if isinstance(form, list):
        return [_read(each, form[0], f"{where}[]") for each in _of_type(value, list, where)]
    return _of_type(value, form, where)


def _of_type(value: object, kind: type, where: str) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Malformed(f"{f'`{where}`' if where else 'it'} is not {_ARTICLES[kind]}")
    return value


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
