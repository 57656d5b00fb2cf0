"""The places that a refusal blocks: the refusing place, and similar ones."""

from collections.abc import Callable
from typing import Any, TypeAlias

from vmops.placement.block import REGIONAL, ZONAL, Block
from vmops.placement.place import Place

Scope: TypeAlias = Callable[[Place], Block]


def this_place(place: Place) -> Block:
    """Block this place only."""
    return Block(place.location, place.vm_size, zone=place.zone or REGIONAL, priority=place.priority)


def every_zone(place: Place) -> Block:
    """Block the size in every zone of the location, at this priority."""
    return Block(place.location, place.vm_size, priority=place.priority)


def every_priority(place: Place) -> Block:
    """Block the size at any priority, in this zone, or outside zones if none was requested."""
    return Block(place.location, place.vm_size, zone=place.zone or REGIONAL)


def zones_last(place: Place) -> Block:
    """Block the size softly in this zone, or in all zones if none was requested: some of them may still have it.

    Source: SkyPilot#10145.
    """
    return Block(place.location, place.vm_size, zone=place.zone or "", hard=False)


def family_in_zone(place: Place) -> Block:
    """Block softly all sizes of the family in this zone that are as large or larger."""
    return Block(place.location, zone=place.zone or REGIONAL, **_as_large(place), hard=False)


def family_in_location(place: Place) -> Block:
    """Block softly all sizes of the family as large or larger: in every zone if one was requested, else outside."""
    return Block(place.location, zone=ZONAL if place.zone else REGIONAL, **_as_large(place), hard=False)


def family_quota(place: Place) -> Block:
    """Block all sizes of the family with as many cores or more, because the same quota counts them."""
    return Block(place.location, priority=place.priority, **_as_large(place))


def priority_quota(place: Place) -> Block:
    """Block all sizes of any family with as many cores or more at this priority; all if the cores are unknown."""
    return Block(place.location, cores=place.hardware.cores, priority=place.priority)


def address_quota(place: Place) -> Block:
    """Block every place of the location that has a public address."""
    return Block(place.location, addressed=place.addressed)


def _as_large(place: Place) -> dict[str, Any]:
    """Describe sizes of the same family that are as large or larger; the size alone if its family is unknown."""
    hardware = place.hardware
    return {"family": hardware.family, "cores": hardware.cores} if hardware.family else {"size": place.vm_size}
