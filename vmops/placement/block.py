"""A block: a set of places that are not tried, or only last."""

from dataclasses import dataclass

from vmops.placement.place import Hardware, Place

ANYWHERE, REGIONAL, ZONAL = "", "regional", "zonal"
"""The zone of a block: ANYWHERE is any zone or none, REGIONAL is no zone, ZONAL is any zone; else a zone's number."""


@dataclass(frozen=True)
class Block:
    """Blocked places of one location. '' and 0 match anything; for ``zone`` see `ANYWHERE`.

    With a ``family``, hardware of that family is blocked if it has at least ``cores`` cores. With ``addressed``, only
    places with a public address are blocked. Places of a ``hard`` block are never tried; those of a soft one are tried
    once every other place is blocked.
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
            and self._matches(place.hardware)
        )

    def _matches(self, hardware: Hardware) -> bool:
        """Tell whether hardware is of the blocked family and at least as large; False if its family is unknown."""
        if self.family and folded(self.family) != folded(hardware.family):
            return False
        return hardware.cores >= self.cores


def folded(family: str) -> str:
    """Normalise a quota's name for comparison. Source: SkyPilot#10119, names with extra spaces."""
    return family.replace(" ", "").lower()


def _zones(place: Place) -> tuple[str, ...]:
    return (place.zone, ZONAL) if place.zone else (REGIONAL,)
