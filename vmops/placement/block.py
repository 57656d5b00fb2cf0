"""A block: a set of places that there is a reason not to try."""

from dataclasses import dataclass

from vmops.placement.place import Hardware, Place

ANYWHERE, REGIONAL, ZONAL = "", "regional", "zonal"
"""The zone of a block: any zone or none, no zone, any zone but not none; otherwise the number of a zone."""


@dataclass(frozen=True)
class Block:
    """Places of one location. '' and 0 match anything; ``zone`` is described above.

    With a ``family``, hardware of that family is blocked if it has at least ``cores`` cores. With ``addressed``, only
    places with a public address are blocked. A ``hard`` block is never tried; a soft one is tried once every other
    place is blocked too.
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
        """Tell whether the block contains a place."""
        return (
            place.location == self.location
            and (not self.size or self.size.lower() == place.vm_size.lower())
            and (not self.priority or self.priority == place.priority)
            and (not self.zone or self.zone in _zones(place))
            and (not self.addressed or place.addressed)
            and self._counts(place.hardware)
        )

    def _counts(self, hardware: Hardware) -> bool:
        """Tell whether hardware is of the blocked family and at least as large; False if its family is unknown."""
        if self.family and folded(self.family) != folded(hardware.family):
            return False
        return hardware.cores >= self.cores


def folded(family: str) -> str:
    """Normalise a quota's name for comparison. Source: SkyPilot#10119, names that carry stray spaces."""
    return family.replace(" ", "").lower()


def _zones(place: Place) -> tuple[str, ...]:
    return (place.zone, ZONAL) if place.zone else (REGIONAL,)
