"""Reasons against a place before anything is made there: Azure's restrictions, capabilities and quotas.

An unknown value is no reason against a place: if it matters, Azure refuses the create.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self

from vmops.azure.shapes import SizeOffer, Usage
from vmops.placement import scopes
from vmops.placement.block import folded
from vmops.placement.place import SPOT, Hardware, Place
from vmops.placement.scopes import Scope

REGION, SPOT_CORES, ADDRESSES = "cores", "lowPriorityCores", "IPv4StandardSkuPublicIpAddresses"
"""Quotas for all size families together. Source: azure-rest-api-specs, Compute Usage_List and Network Usages_List."""


class Reason(NamedTuple):
    """One reason against a place: the places to which it applies, a code, and a sentence."""

    scope: Scope
    code: str
    reason: str


@dataclass(frozen=True)
class Need:
    """The requirements on a place besides capacity: a number of data disks, Premium disks, an accelerated interface.

    ``processor`` is the image's, in Azure's terms; '' if unknown.
    """

    data_disks: int = 0
    premium: bool = False
    accelerated: bool = False
    processor: str = ""


@dataclass(frozen=True)
class Location:
    """Azure's answers about a location: sizes, by name in lower case, and quotas; None if unknown."""

    sizes: Mapping[str, SizeOffer] = field(default_factory=dict)
    usages: Sequence[Usage] = ()

    def hardware(self, size: str) -> Hardware:
        """Give the hardware of a size: its quota family and cores."""
        offer = self.sizes.get(size.lower())
        cores = offer.capabilities.get("vCPUs", "") if offer else ""
        return Hardware(offer.family, int(cores) if cores.isdecimal() else 0) if offer else Hardware()

    def left(self, quota: str) -> int | None:
        """Give the remaining quota; None if unknown."""
        usage = self._usage(quota)
        return usage and usage.limit - usage.used

    def cores_left(self, place: Place) -> int | None:
        """Give how many cores the tightest quota of a place allows; None if unknown."""
        known = [left for left in map(self.left, _core_quotas(place)) if left is not None]
        return min(known, default=None)

    def with_vms(self, place: Place, vms: int = 1) -> Self:
        """Give the location with ``vms`` more VMs counted at a place; fewer if negative."""
        counted = {folded(quota): place.hardware.cores * vms for quota in _core_quotas(place)}
        counted |= {folded(ADDRESSES): vms} if place.addressed else {}
        usages = [each._replace(used=each.used + counted.get(folded(each.name), 0)) for each in self.usages]
        return replace(self, usages=usages)

    def against(self, place: Place, need: Need) -> Iterator[Reason]:
        """Give the reasons against a place, quotas last."""
        offer = self.sizes.get(place.vm_size.lower())
        if offer:
            yield from _restrictions(place, offer)
            yield from _incapable(place, offer, need)
        elif self.sizes:
            yield Reason(scopes.every_priority, "SkuNotAvailable", f"there is no {place.vm_size} in {place.location}")
        yield from self._quotas(place)

    def _quotas(self, place: Place) -> Iterator[Reason]:
        for quota in _core_quotas(place):
            scope = scopes.priority_quota if quota in (REGION, SPOT_CORES) else scopes.family_quota
            yield from self._short(quota, place.hardware.cores, scope)
        if place.addressed:
            yield from self._short(ADDRESSES, 1, scopes.address_quota)

    def _short(self, quota: str, needed: int, scope: Scope) -> Iterator[Reason]:
        usage = self._usage(quota)
        if usage and usage.used + needed > usage.limit:
            yield Reason(
                scope, "QuotaExceeded", f"{usage.name}: {usage.limit} allowed, {usage.used} used, {needed} more needed"
            )

    def _usage(self, quota: str) -> Usage | None:
        return next((each for each in self.usages if folded(each.name) == folded(quota)), None)


def _core_quotas(place: Place) -> list[str]:
    """Name the quotas that count the cores of a place. Source: Azure documentation, Spot quota."""
    return [SPOT_CORES] if place.priority == SPOT else [*filter(None, [place.hardware.family]), REGION]


def _restrictions(place: Place, offer: SizeOffer) -> Iterator[Reason]:
    if offer.refused:
        yield Reason(scopes.every_priority, offer.refused, f"{offer.name} is restricted in {place.location}")
    if place.zone and place.zone in offer.refused_zones:
        yield Reason(scopes.every_priority, offer.refused_zones[place.zone], f"{offer.name} is restricted in {place}")
    elif place.zone and place.zone not in offer.zones:
        yield Reason(scopes.every_priority, "AvailabilityZoneNotSupported", f"there is none in {place}")


def _incapable(place: Place, offer: SizeOffer, need: Need) -> Iterator[Reason]:
    """Give what a size does not support. Source: azure-rest-api-specs, ResourceSkus_List, capabilities."""
    can = offer.capabilities
    disks = can.get("MaxDataDiskCount", "")
    if place.priority == SPOT and can.get("LowPriorityCapable") == "False":
        yield Reason(scopes.every_zone, "SpotNotSupported", f"{offer.name} is not available as Spot")
    if need.premium and can.get("PremiumIO") == "False":
        yield Reason(scopes.every_priority, "PremiumNotSupported", f"{offer.name} takes no Premium disks")
    if need.accelerated and can.get("AcceleratedNetworkingEnabled") == "False":
        yield Reason(scopes.every_priority, "AccelerationNotSupported", f"{offer.name} has no accelerated networking")
    if need.processor and can.get("CpuArchitectureType", need.processor) != need.processor:
        reason = f"the image is for {need.processor} processors, and {offer.name} has {can['CpuArchitectureType']}"
        yield Reason(scopes.every_priority, "ImageNotSupported", reason)
    if disks.isdecimal() and int(disks) < need.data_disks:
        reason = f"{offer.name} allows {disks} data disks, and {need.data_disks} are asked for"
        yield Reason(scopes.every_priority, "TooManyDataDisks", reason)
