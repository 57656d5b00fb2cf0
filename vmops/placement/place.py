"""A place: all that decides whether there is room for a VM, and at what price."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from vmops.core.errors import SpecError

REGULAR, SPOT = "Regular", "Spot"
"""The priorities. Source: compute REST reference, VirtualMachinePriorityTypes."""

MOST = 64
"""Places that one wish may have."""


class Hardware(NamedTuple):
    """What a size is counted by: its quota family and its cores; '' and 0 where nobody has told."""

    family: str = ""
    cores: int = 0


@dataclass(frozen=True)
class Place:
    """A size in a location, in one zone or (None) in the location as a whole, Regular or Spot.

    ``hardware`` is that of the size. Where no public address is wanted, the place is not ``addressed``.
    """

    vm_size: str
    location: str
    zone: str | None = None
    priority: str = REGULAR
    hardware: Hardware = field(default=Hardware(), compare=False)
    addressed: bool = field(default=True, compare=False)

    def as_dict(self) -> dict[str, str | None]:
        """Give it as plain JSON, named as the parameters are."""
        return {"vmSize": self.vm_size, "location": self.location, "zone": self.zone, "priority": self.priority}

    def __str__(self) -> str:
        """Name it in a few words."""
        zone = f", zone {self.zone}" if self.zone else ""
        return f"{self.vm_size} in {self.location}{zone}, {self.priority}"


def places(
    priorities: Sequence[str],
    locations: Sequence[str],
    sizes: Sequence[str],
    zones: Sequence[str | None] = (None,),
    hardware: Mapping[str, Hardware] = {},
) -> list[Place]:
    """Give every place of a wish in the order in which they are tried: the zone changes first, the priority last.

    ``hardware`` is by the size's name in lower case. Raises: SpecError if there are more than `MOST`.
    """
    count = len(priorities) * len(locations) * len(sizes) * len(zones)
    if count > MOST:
        raise SpecError(f"vmSize, location, zone and priority name {count} places together, and {MOST} is the most")
    return [
        Place(size, location, zone, priority, hardware.get(size.lower(), Hardware()))
        for priority, location, size, zone in product(priorities, locations, sizes, zones)
    ]


def cheapest_first(found: Iterable[Place], prices: Mapping[Place, float]) -> list[Place]:
    """Order places by their prices; those of one price stay as they were, and those without one come last."""
    return sorted(found, key=lambda place: prices.get(place, float("inf")))
