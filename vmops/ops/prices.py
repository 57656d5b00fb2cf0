"""The hourly price of a VM, existing or requested. A price that cannot be read is unknown and never a failure."""

from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vmops.azure.clouds import connect
from vmops.azure.price_book import UNKNOWN, Price, PriceBook
from vmops.azure.prices import NOT_COUNTED
from vmops.core.errors import VmopsError
from vmops.spec.vm_spec import VmSpec


@dataclass(frozen=True)
class Prices:
    """The prices of all clouds, cached in a state directory."""

    state_dir: Path
    _books: dict[str, PriceBook] = field(default_factory=dict, init=False)

    def price(self, cloud: str, location: str | None, size: str | None, priority: str | None) -> Price | None:
        """Give the price of a place; None if it cannot be read or does not exist."""
        with suppress(VmopsError):
            return self._book(cloud).price(location, size, priority)
        return None

    def _book(self, cloud: str) -> PriceBook:
        """Give the price book of a cloud; it is opened once for all VMs."""
        if cloud not in self._books:
            self._books[cloud] = PriceBook(connect(cloud, self.state_dir), self.state_dir)
        return self._books[cloud]

    def as_json(self, cloud: str, location: str | None, size: str | None, priority: str | None) -> dict[str, Any]:
        """Give the price of a place as plain JSON, with None for unknown values."""
        price = self.price(cloud, location, size, priority)
        return price.as_dict() if price else UNKNOWN

    def of_spec(self, spec: VmSpec) -> dict[str, Any] | None:
        """Give the price of a request for a dry run, for a fleet the sum of its VMs; None if it is unknown."""
        price = self.price(spec.cloud, spec.location, spec.vm_size, spec.priority)
        if price is None:
            return None
        known = price.as_dict()
        names = {"perHour": "pricePerHour", "currency": "currency", "asOf": "priceAsOf", "source": "priceSource"}
        found = {**{name: known[each] for name, each in names.items()}, "notCounted": [*NOT_COUNTED]}
        if spec.vm_count is None:
            return found
        return {**found, "perHour": round(price.per_hour * spec.vm_count, 6), "vms": spec.vm_count}
