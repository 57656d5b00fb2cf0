"""The fields of a resource by their names in policies.

Source: Microsoft's page on the structure of policy definitions, fields and aliases.
"""

import re
from typing import Any

from vmops.local.arm.policies.expression import found
from vmops.local.arm.state.resource import Json

_TAG = re.compile(r"tags(?:\.(?P<plain>.+)|\['(?P<quoted>.+)'\]|\[(?P<bare>.+)\])", re.IGNORECASE)
_EACH = "[*]"
_MACHINES = "microsoft.compute/virtualmachines/"
# Aliases that are not the path of what they mean.
_ELSEWHERE = {
    f"{_MACHINES}sku.name": "hardwareProfile.vmSize",
    f"{_MACHINES}imagepublisher": "storageProfile.imageReference.publisher",
    f"{_MACHINES}imageoffer": "storageProfile.imageReference.offer",
    f"{_MACHINES}imagesku": "storageProfile.imageReference.sku",
    f"{_MACHINES}imageversion": "storageProfile.imageReference.version",
}


def tag_of(field: str) -> str | None:
    """Return the tag that a field names, None if it names no tag."""
    match = _TAG.fullmatch(field)
    return next(name for name in match.groups() if name) if match else None


def path_of(field: str, kind: str) -> str | None:
    """Return the path of a field in a resource of a type; None if the type has no such field."""
    if "/" not in field:
        return field
    if not field.lower().startswith(f"{kind.lower()}/"):
        return None
    return _ELSEWHERE.get(field.lower(), field[len(kind) + 1 :])


def values_of(body: Json, kind: str, field: str) -> list[Any]:
    """Return the value of a field, or with ``[*]`` of each element; the value of an absent field is None."""
    tag = tag_of(field)
    if tag:
        return [found(body.get("tags"), tag)]
    if field.lower() == "type":
        return [kind]
    path = path_of(field, kind)
    return [None] if path is None else _walk(body, path.split("."))


def _walk(part: Any, steps: list[str]) -> list[Any]:
    if not steps:
        return [part]
    name, each = steps[0].removesuffix(_EACH), steps[0].endswith(_EACH)
    value = _named(part, name)
    if not each:
        return _walk(value, steps[1:])
    return [found for element in (value or []) for found in _walk(element, steps[1:])]


def _named(part: Any, name: str) -> Any:
    """Return a part of an object or of its ``properties``, which aliases leave out."""
    value = found(part, name)
    return found(found(part, "properties"), name) if value is None else value
