"""Spending limits, checked before anything is made, with the price that Azure publishes."""

import time
from dataclasses import dataclass, replace

from vmops.azure.price_book import Price
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store
from vmops.ops.prices import Prices
from vmops.ops.remembered import Asked
from vmops.spec.vm_spec import VmSpec


@dataclass(frozen=True)
class Guards:
    """Keeps a VM below its maxHourlyPrice, and lets it expire when its budget is spent."""

    prices: Prices
    store: Store

    def bounded(self, asked: Asked) -> Asked:
        """Give the request with a time to live that its budget pays for.

        The budget counts from the first request for the VM, as if it had run ever since. A price above maxHourlyPrice
        refuses a VM that does not exist yet in that place and size.

        Raises: OperationFailed (quota) if the price is too high, the budget is spent, or the price is unknown.
        """
        spec = asked.spec
        if spec.max_hourly_price is None and spec.budget is None:
            return asked
        life = self.store.life(spec.stack)
        if spec.max_hourly_price and not any(_is_of(each, spec) for each in life):
            self._refuse_dear(spec, spec.max_hourly_price)
        return self._ended(asked, spec.budget, life[-1].created if life else time.time()) if spec.budget else asked

    def _refuse_dear(self, spec: VmSpec, most: float) -> None:
        price = self._price(spec, "maxHourlyPrice").per_hour
        if price > most:
            raise _refused(
                f"maxHourlyPrice: {_place(spec)} costs ${price:g} an hour, and ${most:g} is the most",
                "choose another vmSize, location or priority (`vmops offers` shows them), or a higher maxHourlyPrice",
            )

    def _ended(self, asked: Asked, budget: float, since: float) -> Asked:
        price = self._price(asked.spec, "budget").per_hour
        left = since + budget / price * _HOUR - time.time()
        if left <= 0:
            raise _refused(
                f"budget: ${budget:g} are spent, at ${price:g} an hour since it was first asked for",
                "set a higher budget, or deprovision it",
            )
        return replace(asked, spec=asked.spec.model_copy(update={"ttl": min(left, asked.spec.ttl or left)}))

    def _price(self, spec: VmSpec, guard: str) -> Price:
        price = self.prices.price(spec.cloud, spec.location, spec.vm_size, spec.priority)
        if price is None:
            step = f"name a location and a vmSize as Azure's price list does, call again later, or give no {guard}"
            raise _refused(f"{guard}: what {_place(spec)} costs is not known", step)
        return price


_HOUR = 3600.0


def _is_of(made: Operation, spec: VmSpec) -> bool:
    """Tell whether a VM was already made at that price."""
    asked = {"vmSize": spec.vm_size, "location": spec.location, "priority": spec.priority}
    is_made = (made.verb, made.state) == (Verb.PROVISION, State.SUCCEEDED)
    return is_made and {name: made.outputs.get(name) for name in asked} == asked


def _place(spec: VmSpec) -> str:
    return f"{spec.vm_size} in {spec.location or 'the location of its group'}, {spec.priority},"


def _refused(message: str, step: str) -> OperationFailed:
    return OperationFailed(Failure(FailureKind.QUOTA, message, step=step))
