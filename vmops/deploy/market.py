"""What Azure reports about places before anything is made there: available sizes and remaining quotas.

A value that cannot be read is no objection.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeVar

from vmops.azure.client import Arm
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.azure.shapes import SizeOffer, Usage
from vmops.core.errors import CloudError
from vmops.core.failures import Failure
from vmops.deploy.precheck import Location, Need
from vmops.placement.place import Place
from vmops.placement.search import Objection

T = TypeVar("T")

_VALID_SECONDS = 30.0
"""Seconds for which an objection from Azure's answers is valid."""


@dataclass(frozen=True)
class Market:
    """Azure's offers for one subscription. Each location is read once. ``unread`` are the refusals of these reads."""

    arm: Arm
    subscription: str
    unread: list[Failure] = field(default_factory=list)

    def location(self, name: str) -> Location:
        """Give Azure's answers about a location."""
        if name not in self._locations:
            sizes: dict[str, SizeOffer] = self._read(lambda: self.arm.offers(self.subscription, name), {})
            usages: list[Usage] = self._read(lambda: self.arm.usages(self.subscription, name), [])
            self._locations[name] = Location(sizes, usages)
        return self._locations[name]

    def known(self, places: Iterable[Place], *, addressed: bool) -> list[Place]:
        """Give places with the hardware of their sizes; ``addressed``: the VM has a public address."""
        return [
            replace(each, hardware=self.location(each.location).hardware(each.vm_size), addressed=addressed)
            for each in places
        ]

    def objections(self, places: Iterable[Place], need: Need) -> list[Objection]:
        """List the present objections to places."""
        until = time.time() + _VALID_SECONDS
        return [
            Objection(no.scope(place), no.code, no.reason, until)
            for place in places
            for no in self.location(place.location).against(place, need)
        ]

    def take(self, place: Place, vms: int = 1) -> None:
        """Count ``vms`` more VMs against the quotas of a place than Azure reports; fewer if negative."""
        self._locations[place.location] = self.location(place.location).with_vms(place, vms)

    @cached_property
    def _locations(self) -> dict[str, Location]:
        return {}

    def _read(self, ask: Callable[[], T], nothing: T) -> T:
        try:
            return ask()
        except CloudError as error:
            self.unread.append(failure_from_cloud_error(error))
            return nothing
