"""The places of a spec, and the spec in one of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from vmops.placement.place import Place, places
from vmops.spec.vm_spec import VmSpec


@dataclass(frozen=True)
class Placed:
    """Where a VM is tried, or is; at ``home`` its resources are named as if there were no other location."""

    place: Place
    home: str

    def of(self, spec: VmSpec) -> VmSpec:
        """Give a spec there."""
        return spec.at(self.place.vm_size, self.place.location, self.place.zone, self.place.priority, self.home)

    def within(self, spec: VmSpec) -> Self:
        """Give where a VM that has run stays, of the places of a spec: where it is, be it with another size.

        If none is there it is the first, and whoever looks at the VM says what cannot be changed.
        """
        place = nearest(wished(spec), self.place)
        return type(self)(place, self.home if place.location == self.place.location else str(spec.location))

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        return {**self.place.as_dict(), "home": self.home}

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Read back what `as_dict` gave."""
        place = Place(plain["vmSize"], plain["location"], plain["zone"], plain["priority"])
        return cls(place, plain["home"])


def wished(spec: VmSpec) -> list[Place]:
    """Give all places of a spec in the order in which they are wanted; none if only Azure knows its location.

    Of zones that are taken in turn each member of a fleet has another for its first.
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
    """Give the place that is the nearest to one: the same, the same but for the size, or the first."""
    return min(found, key=lambda each: _distance(each, here))


def _distance(one: Place, other: Place) -> int:
    if (one.location, one.zone, one.priority) != (other.location, other.zone, other.priority):
        return 2
    return int(one.vm_size.lower() != other.vm_size.lower())


def placed_as(spec: VmSpec, machine: Mapping[str, Any] | None) -> VmSpec:
    """Give a spec in the one of its places where a VM is, in the first if none is there."""
    home = str(spec.location)
    where = of_machine(machine, home).within(spec) if machine else Placed(wished(spec)[0], home)
    return where.of(spec)


def named_as(machine: Mapping[str, Any] | None, spec: VmSpec) -> VmSpec:
    """Give a spec of one place with its resources named as those of a VM that is there."""
    where = of_machine(machine, "") if machine else None
    if where is None or where.place.location != spec.location or bool(spec.region) == (where.home == ""):
        return spec
    return spec.at(spec.vm_size, spec.location, spec.zone, spec.priority, where.home)


def of_machine(machine: Mapping[str, Any], home: str) -> Placed:
    """Give where a VM is, as ARM tells it; its interface tells how its resources are named.

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
