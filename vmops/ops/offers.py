"""Where a VM is available, at what price, why not elsewhere, and how much of each quota is left."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.price_book import UNKNOWN, Price
from vmops.core import times
from vmops.core.failures import Failure
from vmops.deploy.market import Market
from vmops.deploy.precheck import Need
from vmops.ops.prices import Prices
from vmops.placement.place import Place, cheapest_first, places
from vmops.placement.search import Objection, standing
from vmops.spec.wish import PlaceRequest


@dataclass(frozen=True)
class Offers:
    """The places for one wish. ``unread`` collects the queries that Azure does not answer; they rule out no place.

    ``known`` are the remembered refusals of places.
    """

    arm: Arm
    wish: PlaceRequest
    prices: Prices
    unread: list[Failure]
    known: Sequence[Objection] = ()

    def take(self) -> list[dict[str, Any]]:
        """List every place, the best first. Raises: SpecError if there are too many."""
        wish, market = self.wish, Market(self.arm, self.wish.subscription, self.unread)
        bare = places(wish.priority, wish.location, wish.vm_size, wish.zone)
        found = market.known(bare, addressed=wish.public_ip)
        prices = {place: price for place in found if (price := self._price(place))}
        if wish.prefer == "price":
            found = cheapest_first(found, {place: price.per_hour for place, price in prices.items()})
        need = Need(len(wish.data_disks), wish.os_disk_type.startswith("Premium"))
        objections = [*market.objections(found, need), *self.known]
        return [
            _row(order, place, prices.get(place), market.location(place.location).cores_left(place), objections)
            for order, place in enumerate(found, 1)
        ]

    def quotas(self) -> list[dict[str, Any]]:
        """List how much of each quota is used and left in each location. Raises: CloudError."""
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

    def _price(self, place: Place) -> Price | None:
        return self.prices.price(self.wish.cloud, place.location, place.vm_size, place.priority)


def _row(
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
        "until": why and times.utc_or_none(why.until),
    }
