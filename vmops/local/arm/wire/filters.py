"""The ``$filter`` of a list of resources.

Source: azure-rest-api-specs, Microsoft.Resources, Resources_List: ``eq`` and ``ne`` of ``location``, ``resourceType``,
``name`` and ``resourceGroup``, ``substringof`` of the last two, ``tagName``, whole or how it starts, and ``tagValue``,
joined by and and or. It does not mention parentheses; azure-sdk-for-net, azure-cli and azurerm send them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from vmops.local.arm.data.locations import canonical
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import ResourceId

Tag = tuple[str, str] | None
Test = Callable[[Json, Tag], bool]
"""Tests an item with one of its tags; None for an item without tags."""

_TEXT = r"'((?:[^']|'')*)'"
_CLAUSE = re.compile(
    rf"\s*(?:(?P<name>location|resourcetype|name|resourcegroup)\s+(?P<how>eq|ne)\s+{_TEXT}"
    rf"|(?P<tag>tagname|tagvalue)\s+eq\s+{_TEXT}"
    rf"|(?P<start>startswith)\(\s*tagname\s*,\s*{_TEXT}\s*\)"
    rf"|substringof\(\s*{_TEXT}\s*,\s*(?P<part>name|resourcegroup)\s*\))\s*",
    re.IGNORECASE,
)
_OPEN, _CLOSE = re.compile(r"\s*\("), re.compile(r"\s*\)\s*")
_AND, _OR = re.compile(r"and\b", re.IGNORECASE), re.compile(r"or\b", re.IGNORECASE)


def matching(text: str, items: list[Json]) -> list[Json]:
    """Return the items that match a filter with any of their tags; all items if it is empty.

    Raises: ArmError InvalidFilterInQueryString.
    """
    if not text:
        return items
    try:
        lets_through = _Reader(text).read()
    except RecursionError:
        raise ArmError("InvalidFilterInQueryString", filter=text) from None
    return [item for item in items if any(lets_through(item, tag) for tag in _tags(item))]


def _tags(item: Json) -> list[Tag]:
    return [*item.get("tags", {}).items()] or [None]


class _Reader:
    """Parses a filter: and binds tighter than or, parentheses tighter than both."""

    def __init__(self, text: str) -> None:
        self._text, self._at = text, 0

    def read(self) -> Test:
        """Parse all of it; raises ``ArmError`` InvalidFilterInQueryString."""
        test = self._either()
        if self._at != len(self._text):
            raise self._refusal()
        return test

    def _either(self) -> Test:
        tests = [self._every()]
        while self._take(_OR):
            tests.append(self._every())
        return lambda item, tag: any(test(item, tag) for test in tests)

    def _every(self) -> Test:
        tests = [self._one()]
        while self._take(_AND):
            tests.append(self._one())
        return lambda item, tag: all(test(item, tag) for test in tests)

    def _one(self) -> Test:
        if self._take(_OPEN):
            test = self._either()
            if not self._take(_CLOSE):
                raise self._refusal()
            return test
        clause = self._take(_CLAUSE)
        if clause is None:
            raise self._refusal()
        return _clause(clause).holds

    def _take(self, what: re.Pattern[str]) -> re.Match[str] | None:
        found = what.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found

    def _refusal(self) -> ArmError:
        return ArmError("InvalidFilterInQueryString", filter=self._text)


@dataclass(frozen=True, slots=True)
class _Clause:
    """One comparison: ``how`` is eq, ne, startswith or substringof; ``text`` is as `_folded` gives it."""

    name: str
    how: str
    text: str

    def holds(self, item: Json, tag: Tag) -> bool:
        """Compare an item, or the given tag of it; an item without tags equals no tag."""
        value = _value(self.name, item, tag)
        match self.how:
            case "substringof":
                return value is not None and self.text in value
            case "startswith":
                return value is not None and value.startswith(self.text)
        return (value == self.text) == (self.how == "eq")


def _clause(found: re.Match[str]) -> _Clause:
    name = (found["name"] or found["tag"] or found["part"] or "tagname").lower()
    how = "substringof" if found["part"] else (found["how"] or found["start"] or "eq").lower()
    text = next(text for text in (found[3], found[5], found[7], found[8]) if text is not None)
    return _Clause(name, how, _folded(name, text.replace("''", "'")))


def _value(name: str, item: Json, tag: Tag) -> str | None:
    if name in ("tagname", "tagvalue"):
        return _folded(name, tag[name == "tagvalue"]) if tag else None
    if name == "resourcegroup":
        return ResourceId.parse(item["id"]).group.lower()
    return _folded(name, str(item.get("type" if name == "resourcetype" else name, "")))


def _folded(name: str, text: str) -> str:
    """Normalise a text for comparison: to lower case, except the value of a tag."""
    if name == "tagvalue":
        return text
    return canonical(text) if name == "location" else text.lower()
