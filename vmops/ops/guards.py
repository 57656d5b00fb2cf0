"""Spending limits, checked before anything is made, against the prices that Azure publishes."""

import math
from dataclasses import dataclass, replace
from typing import TypeAlias

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.deploy.placed import candidates
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store
from vmops.ops.prices import Prices
from vmops.ops.remembered import Asked
from vmops.spec.vm_spec import VmSpec

Where: TypeAlias = tuple[str | None, str, str]
"""A location, a size and a priority."""


@dataclass(frozen=True)
class Guards:
    """Refuses a VM above its maxHourlyPrice, and lets a VM expire when its budget is spent."""

    prices: Prices
    store: Store

    def bounded(self, asked: Asked) -> Asked:
        """Give the request with a time to live that its budget pays for.

        The budget counts from the first request for the VM, as if it had run ever since. A VM that was not made yet in
        that place and size is refused if its price is above maxHourlyPrice.

        Raises: OperationFailed (quota) if the price is too high, the budget is spent, or the price is unknown.
        """
        spec = asked.spec
        if spec.max_hourly_price is None and spec.budget is None:
            return asked
        life = self.store.life(spec.stack)
        if spec.max_hourly_price and not any(_is_of(each, spec) for each in life):
            self._refuse_price(spec, spec.max_hourly_price)
        if not spec.budget:
            return asked
        return self._expiring(asked, spec.budget, life[-1].created if life else self.store.now())

    def _refuse_price(self, spec: VmSpec, most: float) -> None:
        """Check that the price of at least one place is low enough: the deployment tries no others."""
        known = {where: price for where in _where(spec) if (price := self._per_hour(spec, where))}
        if not known:
            raise _unknown(_where(spec)[0], "maxHourlyPrice")
        where, price = min(known.items(), key=lambda each: each[1])
        if price > most:
            raise _refused(
                f"maxHourlyPrice: {_words(where)} costs ${price:g} an hour, and ${most:g} is the maximum",
                "choose another vmSize, location or priority (`vmops offers` shows them), or a higher maxHourlyPrice",
            )

    def _expiring(self, asked: Asked, budget: float, since: float) -> Asked:
        """Set the time to live by the highest price among the VM's places, for all VMs of a fleet together."""
        spec, most = asked.spec, asked.spec.max_hourly_price or math.inf
        prices = [self._price(spec, where) for where in _where(spec)]
        price = max([each for each in prices if each <= most] or prices) * (spec.vm_count or 1)
        left = since + budget / price * _HOUR - self.store.now()
        if left <= 0:
            raise _refused(
                f"budget: ${budget:g} are spent, at ${price:g} an hour since the first request",
                "set a higher budget, or deprovision it",
            )
        return replace(asked, spec=spec.model_copy(update={"ttl": min(left, spec.ttl or left)}))

    def _price(self, spec: VmSpec, where: Where) -> float:
        """Give the price of a place. Raises: OperationFailed (quota) if it is unknown, because a budget needs it."""
        if price := self._per_hour(spec, where):
            return price
        raise _unknown(where, "budget")

    def _per_hour(self, spec: VmSpec, where: Where) -> float | None:
        price = self.prices.price(spec.cloud, *where)
        return price.per_hour if price else None


_HOUR = 3600.0


def _where(spec: VmSpec) -> list[Where]:
    """Give the combinations of location, size and priority of a VM's places, each once."""
    found = [(place.location, place.vm_size, place.priority) for place in candidates(spec)]
    return list(dict.fromkeys(found)) or [(spec.location, spec.vm_size, spec.priority)]


def _is_of(made: Operation, spec: VmSpec) -> bool:
    """Tell whether a deployment has made the VM in one of these places: then its price is not checked again."""
    is_made = (made.verb, made.state) == (Verb.PROVISION, State.SUCCEEDED)
    return is_made and tuple(made.outputs.get(name) for name in ("location", "vmSize", "priority")) in _where(spec)


def _words(where: Where) -> str:
    location, size, priority = where
    return f"{size} in {location or 'the location of its group'}, {priority},"


def _refused(message: str, step: str) -> OperationFailed:
    return OperationFailed(Failure(FailureKind.QUOTA, message, step=step))


def _unknown(where: Where, guard: str) -> OperationFailed:
    step = f"name a location and a vmSize as Azure's price list does, call again later, or give no {guard}"
    return _refused(f"{guard}: the price of {_words(where)} is not known", step)
