"""What the stand-in knows of a resource type, and of the objects in its bodies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


def words(text: str) -> frozenset[str]:
    """Split a text into a set of words: the tables here and beside are sets of names."""
    return frozenset(text.split())


ENVELOPE = words(
    "id name type etag location tags sku kind zones identity plan extendedLocation managedBy managedByExtended "
    "systemData placement resources"
)
"""The keys beside ``properties`` in a wrapped object. Source: the specifications of Microsoft.Network and .Compute."""


@dataclass(frozen=True)
class Shape:
    """The shape of one kind of object in an ARM body.

    A wrapped object has everything but its envelope under ``properties``. ``parts`` are the objects below it, alone or
    in lists, that have a shape of their own; everything else is plain. A read-only property is no input, a write-only
    one no output, and a required one must be an input. What is in ``sets`` is a list in a program and an object in ARM,
    with an empty value for each key.
    """

    wrapped: bool = False
    parts: Mapping[str, "Shape"] = field(default_factory=dict)
    read_only: frozenset[str] = frozenset()
    write_only: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()
    sets: frozenset[str] = frozenset()


PLAIN = Shape()


@dataclass(frozen=True)
class ResourceType:
    """One resource type in azure-native's terms.

    ``replaces`` are the body properties whose change makes a new resource. ``children`` are arrays of resources that
    may also be managed separately: if the program leaves them out, they stay unchanged.
    """

    name: str
    path: str
    api_version: str
    shape: Shape
    inputs: frozenset[str]
    outputs: frozenset[str]
    replaces: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Give the path's parameters in order, without the subscription; the last one is the resource's own name."""
        return tuple(re.findall(r"{(\w+)}", self.path))[1:]

    @property
    def nested(self) -> bool:
        """Tell whether its parent is a resource other than its group."""
        return self.path.partition("/providers/")[2].count("{") > 1

    @property
    def located(self) -> bool:
        """Tell whether it has a location of its own."""
        return "location" in self.inputs
