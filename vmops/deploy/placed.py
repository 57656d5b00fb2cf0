"""The places of a spec, and the spec in one of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from vmops.azure.inventory import Inventory
from vmops.azure.ownership import kind_of
from vmops.placement.place import Place, places
from vmops.spec.vm_spec import VmSpec

_INTERFACE = "networkinterfaces"


@dataclass(frozen=True)
class Placed:
    """The place where a VM is, or is tried. In the location ``home`` the names of its resources have no suffix."""

    place: Place
    home: str

    def of(self, spec: VmSpec) -> VmSpec:
        """Give a spec for this place."""
        return spec.at(self.place.vm_size, self.place.location, self.place.zone, self.place.priority, self.home)

    def within(self, spec: VmSpec) -> Self:
        """Give the place of a spec where a VM that has run stays: its present one, perhaps with another size.

        If the spec has no such place, give its first; the preflight then refuses the change.
        """
        place = nearest(candidates(spec), self.place)
        return type(self)(place, self.home if place.location == self.place.location else str(spec.location))

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        return {**self.place.as_dict(), "home": self.home}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Parse the output of `as_dict`."""
        place = Place(plain["vmSize"], plain["location"], plain["zone"], plain["priority"])
        return cls(place, plain["home"])


def candidates(spec: VmSpec) -> list[Place]:
    """List the places of a spec in the order of preference; empty if it has no location.

    With spread zones, each member of a fleet starts at another zone.
    """
    if spec.location is None:
        return []
    lists = spec.lists
    zones = lists.get("zone", (spec.zone,))
    turn = (spec.member or 0) % len(zones) if spec.spreads else 0
    return places(
        lists.get("priority", (spec.priority,)),
        lists.get("location", (spec.location,)),
        lists.get("vmSize", (spec.vm_size,)),
        zones[turn:] + zones[:turn],
    )


def nearest(found: Sequence[Place], here: Place) -> Place:
    """Give the place nearest to ``here``: the same, the same but for the size, or the first."""
    return min(found, key=lambda each: _distance(each, here))


def _distance(one: Place, other: Place) -> int:
    if (one.location, one.zone, one.priority) != (other.location, other.zone, other.priority):
        return 2
    return int(one.vm_size.lower() != other.vm_size.lower())


def by_inventory(members: Sequence[VmSpec], seen: Inventory) -> list[VmSpec]:
    """Give each member in the place where it exists, or in the first of its places."""
    if not members or members[0].location is None:
        return list(members)
    home = home_of(seen.ours, members[0].location)
    return [_placed_as(each, seen.find(each.vm_id), home) for each in members]


def home_of(found: Iterable[Mapping[str, Any]], first: str) -> str:
    """Give the home location, in which names have no suffix, by the existing interfaces; ``first`` if they do not tell.

    Empty if the names in ``first`` have a suffix, too.
    """
    cards = [(str(each["name"]).lower(), str(each["location"])) for each in found if kind_of(each) == _INTERFACE]
    plain = [location for name, location in cards if not name.endswith(f"-{location}")]
    named = {location for _, location in cards}
    return plain[0] if plain else "" if first in named else first


def _placed_as(spec: VmSpec, machine: Mapping[str, Any] | None, home: str) -> VmSpec:
    """Give a spec in the place of an existing VM; in its first place if the VM is in none of its places."""
    where = of_machine(machine, home).within(spec) if machine else Placed(candidates(spec)[0], home)
    return where.of(spec)


def named_as(machine: Mapping[str, Any] | None, spec: VmSpec) -> VmSpec:
    """Give a spec of one place with its resources named as those of an existing VM."""
    where = of_machine(machine, "") if machine else None
    if where is None or where.place.location != spec.location or bool(spec.region) == (where.home == ""):
        return spec
    return spec.at(spec.vm_size, spec.location, spec.zone, spec.priority, where.home)


def of_machine(machine: Mapping[str, Any], home: str) -> Placed:
    """Give the place of a VM from ARM's answer; its interface shows how its resources are named.

    Source: compute REST reference, VirtualMachine: a regular VM has no ``priority``.
    """
    properties, location = machine["properties"], str(machine["location"])
    interfaces = properties.get("networkProfile", {}).get("networkInterfaces") or [{}]
    elsewhere = str(interfaces[0].get("id", "")).lower().endswith(f"-{location}")
    size = str(properties.get("hardwareProfile", {}).get("vmSize", ""))
    zone = next(iter(machine.get("zones") or ()), None)
    place = Place(size, location, zone, properties.get("priority") or "Regular")
    if elsewhere:
        return Placed(place, "" if home == location else home)
    return Placed(place, location)
