"""What ``$filter`` of a list lets through.

Source: azure-rest-api-specs, Microsoft.Resources, Resources_List: ``eq`` and ``ne`` of ``location``, ``resourceType``,
``name`` and ``resourceGroup``, ``substringof`` of the last two, ``tagName`` and ``tagValue``, joined by and and or.
"""

import re
from dataclasses import dataclass

from vmops.local.arm.data.locations import canonical
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import ResourceId

_TEXT = r"'((?:[^']|'')*)'"
_CLAUSE = re.compile(
    rf"\s*(?:(?P<name>location|resourcetype|name|resourcegroup)\s+(?P<how>eq|ne)\s+{_TEXT}"
    rf"|(?P<tag>tagname|tagvalue)\s+eq\s+{_TEXT}"
    rf"|substringof\(\s*{_TEXT}\s*,\s*(?P<part>name|resourcegroup)\s*\))\s*",
    re.IGNORECASE,
)
_JOINT = re.compile(r"(and|or)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Clause:
    """One comparison: ``how`` is eq, ne or substringof; ``text`` is in lower case, but for the value of a tag."""

    name: str
    how: str
    text: str


def matching(text: str, items: list[Json]) -> list[Json]:
    """Return the items that a filter lets through, all if it is empty.

    Raises: ArmError InvalidFilterInQueryString.
    """
    if not text:
        return items
    choices = _read(text)
    return [item for item in items if any(_lets_through(clauses, item) for clauses in choices)]


def _read(text: str) -> list[list[_Clause]]:
    """Read a filter: the clauses that are joined by and, for each that is joined by or."""
    choices: list[list[_Clause]] = [[]]
    at, joint = 0, "and"
    while joint:
        clause = _CLAUSE.match(text, at)
        if clause is None:
            raise ArmError("InvalidFilterInQueryString", filter=text)
        if joint == "or":
            choices.append([])
        choices[-1].append(_clause(clause))
        following = _JOINT.match(text, clause.end())
        at, joint = (following.end(), following[1].lower()) if following else (clause.end(), "")
    if at != len(text):
        raise ArmError("InvalidFilterInQueryString", filter=text)
    return choices


def _clause(found: re.Match[str]) -> _Clause:
    name = (found["name"] or found["tag"] or found["part"]).lower()
    how = "substringof" if found["part"] else (found["how"] or "eq").lower()
    text = next(text for text in (found[3], found[5], found[6]) if text is not None).replace("''", "'")
    return _Clause(name, how, text if name == "tagvalue" else _folded(name, text))


def _lets_through(clauses: list[_Clause], item: Json) -> bool:
    return all(_holds(clause, item) for clause in clauses) and _has_tag(clauses, item)


def _holds(clause: _Clause, item: Json) -> bool:
    if clause.name in ("tagname", "tagvalue"):
        return True
    value = _folded(clause.name, _value(clause.name, item))
    if clause.how == "substringof":
        return clause.text in value
    return (clause.text == value) == (clause.how == "eq")


def _has_tag(clauses: list[_Clause], item: Json) -> bool:
    """Look at the tag that the clauses name, and at its value if they name that too; its name matches in any case."""
    asked = {clause.name: clause.text for clause in clauses}
    if "tagname" not in asked:
        return True
    tags = {name.lower(): value for name, value in item.get("tags", {}).items()}
    return asked["tagname"] in tags and asked.get("tagvalue", tags[asked["tagname"]]) == tags[asked["tagname"]]


def _value(name: str, item: Json) -> str:
    if name == "resourcegroup":
        return ResourceId.parse(item["id"]).group
    return str(item.get("type" if name == "resourcetype" else name, ""))


def _folded(name: str, text: str) -> str:
    return canonical(text) if name == "location" else text.lower()
