"""What the stand-in must know of a resource type, and of the objects in its bodies."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property


def words(text: str) -> frozenset[str]:
    """Give the words of a text: the tables here and beside are sets of names."""
    return frozenset(text.split())


ENVELOPE = words(
    "id name type etag location tags sku kind zones identity plan extendedLocation managedBy managedByExtended "
    "systemData placement resources"
)
"""What lies beside ``properties`` in a wrapped object. Source: the specifications of Microsoft.Network and .Compute."""


@dataclass(frozen=True)
class Shape:
    """How one kind of object lies in an ARM body.

    A wrapped object keeps all but its envelope under ``properties``. ``parts`` are the objects below it, alone or in
    lists, that have a shape of their own; what is not named is plain. What is read-only is no input, what is
    write-only no output, and what is required must be an input. A program lists what is in ``sets``, and ARM has an
    object of it, in which each is empty.
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
    """One resource type, in the words of azure-native.

    ``replaces`` are the body properties whose change makes a new resource. ``children`` are arrays of resources that
    may also be managed on their own: left out of the program, they stay as they are.
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
        """Tell whether it lives inside another resource than its group."""
        return self.path.partition("/providers/")[2].count("{") > 1

    @property
    def located(self) -> bool:
        """Tell whether it has a location of its own."""
        return "location" in self.inputs
