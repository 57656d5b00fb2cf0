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

    def read(self, value: object) -> dict[str, Any]:
        """Read an object without its null values. Raises: Malformed."""
        try:
            return self.properties(value)
        except _Mismatch as mismatch:
            where = mismatch.where.lstrip(".")
            raise Malformed(f"{f'`{where}`' if where else 'it'} {mismatch}") from None

    def properties(self, value: object) -> dict[str, Any]:
        """Read an object that is part of an answer. Raises: _Mismatch."""
        read: dict[str, Any] = {}
        form_of, others = self._known.get, self._others
        for name, each in _of_type(value, dict).items():
            if each is None:
                continue
            form = form_of(name, others)
            if form is object or type(each) is form:
                read[name] = each
                continue
            try:
                read[name] = _read(each, form)
            except _Mismatch as mismatch:
                raise mismatch.below(f".{name}") from None
        for name in self._needed:
            if not read.get(name):
                raise _Mismatch("is missing").below(f".{name}")
        return read


class _Mismatch(Exception):
    """A part of an answer has another form; ``where`` is its path, which is built only for an error."""

    where = ""

    def below(self, place: str) -> "_Mismatch":
        """Prepend ``place`` to the path, and return the same."""
        self.where = place + self.where
        return self


_Prepared: TypeAlias = "type | Form | list[_Prepared]"


def _prepared(shape: Shape) -> _Prepared:
    if isinstance(shape, type):
        return shape
    return [_prepared(shape[0])] if isinstance(shape, list) else Form(shape)


def _read(value: object, form: _Prepared) -> Any:
    if isinstance(form, Form):
        return form.properties(value)
    if isinstance(form, list):
        items = _of_type(value, list)
        try:
            return [_read(each, form[0]) for each in items]
        except _Mismatch as mismatch:
            raise mismatch.below("[]") from None
    return _of_type(value, form)


def _of_type(value: object, kind: type) -> Any:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise _Mismatch(f"is not {_ARTICLES[kind]}")
    return value
