"""A place: everything on which capacity and price for a VM depend."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from vmops.core.errors import SpecError

REGULAR, SPOT = "Regular", "Spot"
"""The priorities. Source: compute REST reference, VirtualMachinePriorityTypes."""

MAX_PLACES = 64
"""The most places that one spec may have."""


class Hardware(NamedTuple):
    """The quota family and the cores of a size; '' and 0 if unknown."""

    family: str = ""
    cores: int = 0


@dataclass(frozen=True)
class Place:
    """A size in a location, in one zone or (None) in the location as a whole, Regular or Spot.

    ``hardware`` belongs to the size. ``addressed`` is False if the VM needs no public address.
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
        """Describe it for people."""
        zone = f", zone {self.zone}" if self.zone else ""
        return f"{self.vm_size} in {self.location}{zone}, {self.priority}"


def places(
    priorities: Sequence[str],
    locations: Sequence[str],
    sizes: Sequence[str],
    zones: Sequence[str | None] = (None,),
    hardware: Mapping[str, Hardware] = {},
) -> list[Place]:
    """List every combination in the order in which they are tried: zones vary fastest, priorities slowest.

    ``hardware`` is keyed by the size's name in lower case. Raises: SpecError if there are more than `MOST`.
    """
    count = len(priorities) * len(locations) * len(sizes) * len(zones)
    if count > MAX_PLACES:
        raise SpecError(
            f"vmSize, location, zone and priority name {count} places together, and {MAX_PLACES} is the most"
        )
    return [
        Place(size, location, zone, priority, hardware.get(size.lower(), Hardware()))
        for priority, location, size, zone in product(priorities, locations, sizes, zones)
    ]


def cheapest_first(found: Iterable[Place], prices: Mapping[Place, float]) -> list[Place]:
    """Sort places by price. Places of equal price keep their order; those without a price come last."""
    return sorted(found, key=lambda place: prices.get(place, float("inf")))
