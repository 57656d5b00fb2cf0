"""Where a VM is available, at what price, and what speaks against the other places; and what is left of quotas."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from vmops.azure.client import Arm
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.azure.price_book import UNKNOWN, Price
from vmops.azure.shapes import SizeOffer
from vmops.core import times
from vmops.core.errors import CloudError
from vmops.core.failures import Failure
from vmops.deploy.precheck import Location, Need
from vmops.ops.prices import Prices
from vmops.placement.place import Place, cheapest_first, places
from vmops.placement.search import Objection, standing
from vmops.spec.wish import Wish

T = TypeVar("T")

_HOLDS = 30.0
"""Seconds for which an answer is cached."""


@dataclass(frozen=True)
class Offers:
    """The offers for one request. What Azure does not answer is in ``unread``, and rules out no place."""

    arm: Arm
    wish: Wish
    prices: Prices
    unread: list[Failure]

    def take(self) -> list[dict[str, Any]]:
        """Give every place, the best first. Raises: SpecError if there are too many."""
        there = {location: self._location(location) for location in self.wish.location}
        found = self._places(there)
        prices = {place: price for place in found if (price := self._price(place))}
        if self.wish.prefer == "price":
            found = cheapest_first(found, {place: price.per_hour for place, price in prices.items()})
        objections = [each for place in found for each in self._objections(place, there[place.location])]
        return [
            _told(order, place, prices.get(place), there[place.location].cores_left(place), objections)
            for order, place in enumerate(found, 1)
        ]

    def quotas(self) -> list[dict[str, Any]]:
        """Give how much of each quota is used, and left, in each location. Raises: CloudError."""
        return [
            {
                "location": location,
                "name": each.name,
                "used": each.used,
                "limit": each.limit,
                "left": each.limit - each.used,
                "unit": each.unit,
            }
            for location in self.wish.location
            for each in self.arm.usages(self.wish.subscription, location)
        ]

    def _location(self, name: str) -> Location:
        subscription = self.wish.subscription
        sizes: dict[str, SizeOffer] = self._read(lambda: self.arm.offers(subscription, name), {})
        return Location(sizes, self._read(lambda: self.arm.usages(subscription, name), []))

    def _read(self, ask: Callable[[], T], nothing: T) -> T:
        try:
            return ask()
        except CloudError as error:
            self.unread.append(failure_from_cloud_error(error))
            return nothing

    def _places(self, there: dict[str, Location]) -> list[Place]:
        wish = self.wish
        bare = places(wish.priority, wish.location, wish.vm_size, wish.zone)
        return [
            Place(
                *(each.vm_size, each.location, each.zone, each.priority),
                *(there[each.location].hardware(each.vm_size), wish.public_ip),
            )
            for each in bare
        ]

    def _price(self, place: Place) -> Price | None:
        return self.prices.price(self.wish.cloud, place.location, place.vm_size, place.priority)

    def _objections(self, place: Place, there: Location) -> Iterator[Objection]:
        need = Need(len(self.wish.data_disks), self.wish.os_disk_type.startswith("Premium"))
        for no in there.against(place, need):
            yield Objection(no.scope(place), no.code, no.reason, time.time() + _HOLDS)


def _told(
    order: int, place: Place, price: Price | None, left: int | None, objections: list[Objection]
) -> dict[str, Any]:
    verdict, why = standing(place, objections)
    return {
        "order": order,
        "vmSize": place.vm_size,
        "location": place.location,
        "zone": place.zone,
        "priority": place.priority,
        **(price.as_dict() if price else UNKNOWN),
        "quotaLeft": left,
        "verdict": str(verdict),
        "code": why and why.code,
        "reason": why and why.reason,
        "until": why and times.told(why.until),
    }
