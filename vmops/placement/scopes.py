"""What a refusal at a place is about: that place alone, or others like it."""

from collections.abc import Callable
from typing import Any, TypeAlias

from vmops.placement.block import REGIONAL, ZONAL, Block
from vmops.placement.place import Place

Scope: TypeAlias = Callable[[Place], Block]


def this_place(place: Place) -> Block:
    """Mean that place and no other."""
    return Block(place.location, place.vm_size, zone=place.zone or REGIONAL, priority=place.priority)


def every_zone(place: Place) -> Block:
    """Mean the size in the location, whatever the zone, at that priority."""
    return Block(place.location, place.vm_size, priority=place.priority)


def every_priority(place: Place) -> Block:
    """Mean the size in the zone, or in the location without one if none was asked for, at any priority."""
    return Block(place.location, place.vm_size, zone=place.zone or REGIONAL)


def its_zones(place: Place) -> Block:
    """Mean the size in the zones of the location, of which some may have it where the location as a whole has not.

    Source: SkyPilot#10145.
    """
    return Block(place.location, place.vm_size, zone=place.zone or "", hard=False)


def kin_of_the_zone(place: Place) -> Block:
    """Mean what is as large, of the family, in that zone."""
    return Block(place.location, zone=place.zone or REGIONAL, **_as_large(place), hard=False)


def kin_of_the_kind(place: Place) -> Block:
    """Mean what is as large, of the family, in the location: in its zones if one was asked for, else in none."""
    return Block(place.location, zone=ZONAL if place.zone else REGIONAL, **_as_large(place), hard=False)


def family_quota(place: Place) -> Block:
    """Mean what takes as many cores of the family's quota."""
    return Block(place.location, priority=place.priority, **_as_large(place))


def cores_of_the_priority(place: Place) -> Block:
    """Mean what takes as many cores at that priority, of whatever family; where nobody knows how many, all."""
    return Block(place.location, cores=place.hardware.cores, priority=place.priority)


def every_address(place: Place) -> Block:
    """Mean all of the location that has a public address."""
    return Block(place.location, addressed=place.addressed)


def _as_large(place: Place) -> dict[str, Any]:
    """Describe what is of the same family and as large or larger; the size itself, where nobody knows its family."""
    hardware = place.hardware
    return {"family": hardware.family, "cores": hardware.cores} if hardware.family else {"size": place.vm_size}
