"""The order in which the places of a VM are tried, and the objections to them before anything is made."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from vmops.core.log import get_logger
from vmops.deploy import own_image
from vmops.deploy.market import Market
from vmops.deploy.placed import candidates
from vmops.deploy.precheck import Need
from vmops.placement import scopes
from vmops.placement.place import Place, cheapest_first
from vmops.placement.search import Objection, Search
from vmops.spec.vm_spec import VmSpec

if TYPE_CHECKING:
    from vmops.deploy.context import DeployContext

_DAY = 24 * 3600.0
"""How long an objection by price lasts, in seconds: longer than any deployment."""


def search(context: "DeployContext", spec: VmSpec, known: Sequence[Objection]) -> Search:
    """Give the search for a place. With only one place, Azure is not asked, and ``known`` objections are ignored."""
    if not spec.lists:
        return Search(candidates(spec))
    market = Market(context.arm, spec.subscription)
    places, dear = ordered(context, spec, market)
    for failure in market.unread:
        get_logger().warning("places_unread", reason=str(failure))
    return Search(places, [*known, *market.objections(places, need(spec)), *dear])


def ordered(context: "DeployContext", spec: VmSpec, market: Market) -> tuple[list[Place], list[Objection]]:
    """Give the places of a VM in the order in which they are tried, and the objections by price."""
    found = market.known(candidates(spec), addressed=spec.public_ip)
    prices = _prices(context, found) if spec.prefer == "price" or spec.max_hourly_price else {}
    return cheapest_first(found, prices) if spec.prefer == "price" else found, [*_too_dear(spec, found, prices)]


def need(spec: VmSpec) -> Need:
    """Give what a VM needs of a place, besides capacity."""
    premium = any(kind in ("Premium_LRS", "PremiumV2_LRS") for kind in (spec.os_disk_type, spec.data_disk_type))
    return Need(len(spec.data_disks), premium, spec.accelerated_networking == "true", own_image.processor(spec))


def _prices(context: "DeployContext", places: Sequence[Place]) -> dict[Place, float]:
    prices = {place: context.prices.price(place.location, place.vm_size, place.priority) for place in places}
    return {place: price.per_hour for place, price in prices.items() if price}


def _too_dear(spec: VmSpec, places: Sequence[Place], prices: Mapping[Place, float]) -> Iterator[Objection]:
    """Object to places above the maximum price per hour, or of unknown price."""
    most = spec.max_hourly_price
    for place in places if most else ():
        price = prices.get(place)
        if price is None or price > (most or 0):
            reason = "its price is not known" if price is None else f"${price:g} an hour, and ${most:g} is the most"
            yield Objection(scopes.this_place(place), "MaxHourlyPrice", reason, time.time() + _DAY)
