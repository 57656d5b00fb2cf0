"""A block: places that somebody has reason not to try."""

from dataclasses import dataclass

from vmops.placement.place import Hardware, Place

ANYWHERE, REGIONAL, ZONAL = "", "regional", "zonal"
"""Of a block: in a zone or in none, in none, and in some zone; else it is the zone's number."""


@dataclass(frozen=True)
class Block:
    """Places of one location; '' and 0 stand for any, ``zone`` is described above.

    A ``family`` is blocked from so many ``cores`` on. A block that is ``addressed`` is of places with a public address
    alone. What is blocked ``hard`` is not tried; what is not is tried when all else is blocked too.
    """

    location: str
    size: str = ""
    family: str = ""
    cores: int = 0
    zone: str = ANYWHERE
    priority: str = ""
    addressed: bool = False
    hard: bool = True

    def covers(self, place: Place) -> bool:
        """Tell whether a place is among them."""
        return (
            place.location == self.location
            and (not self.size or self.size.lower() == place.vm_size.lower())
            and (not self.priority or self.priority == place.priority)
            and (not self.zone or self.zone in _zones(place))
            and (not self.addressed or place.addressed)
            and self._counts(place.hardware)
        )

    def _counts(self, hardware: Hardware) -> bool:
        """Tell whether hardware is of the family, and as large; of what nobody knows, it is not."""
        if self.family and folded(self.family) != folded(hardware.family):
            return False
        return hardware.cores >= self.cores


def folded(family: str) -> str:
    """Give a quota's name as it is compared. Source: SkyPilot#10119, names that carry stray spaces."""
    return family.replace(" ", "").lower()


def _zones(place: Place) -> tuple[str, ...]:
    return (place.zone, ZONAL) if place.zone else (REGIONAL,)
