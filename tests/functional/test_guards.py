"""Spending limits: a VM above its price limit is refused, and a VM with a spent budget expires."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from tests.azure import Azure
from tests.functional.world import refused
from vmops.azure.price_book import Price
from vmops.core import times
from vmops.core.failures import FailureKind
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store
from vmops.ops.api import VMOps
from vmops.ops.guards import Guards
from vmops.ops.prices import Prices
from vmops.ops.remembered import Asked
from vmops.protocol import Status
from vmops.spec.vm_spec import VmSpec

MADE = Operation(
    *("1", Verb.PROVISION, "vm", "local", "s", "rg", "vm", "ada"),
    state=State.SUCCEEDED,
    created=time.time() - 3600,
    outputs={"vmSize": "Standard_B2s", "location": "westus2", "priority": "Regular"},
)
HOUR = 3600.0


class Fixed(Prices):
    def price(self, cloud: str, location: str | None, size: str | None, priority: str | None) -> Price | None:
        return Price(2.0, "retail", 0.0) if size == "Standard_B2s" and location else None


@dataclass
class Records:
    before: list[Operation] = field(default_factory=list)

    def life(self, _: str) -> list[Operation]:
        return self.before

    def now(self) -> float:
        return time.time()


def bounded(*before: Operation, **params: Any) -> float | None:
    """Give the time to live that the budget allows."""
    spec = VmSpec.from_params({"vmName": "vm", **params})
    return Guards(Fixed(Path("nowhere")), cast(Store, Records([*before]))).bounded(Asked(spec, {})).spec.ttl


def test_a_spec_without_limits_reads_no_price() -> None:
    """The request stays unchanged."""
    assert (bounded(vmSize="Standard_D2s_v5"), bounded(vmSize="Standard_D2s_v5", ttl="1h")) == (None, HOUR)


def test_a_price_above_max_hourly_price_is_refused() -> None:
    """An equal price is accepted, and so is a VM that exists already."""
    assert bounded(maxHourlyPrice=2) is None
    with refused(FailureKind.QUOTA, "Standard_B2s in westus2, Regular, costs \\$2 an hour, and \\$1.9 is the maximum"):
        bounded(maxHourlyPrice="1.9")
    assert bounded(MADE, maxHourlyPrice="1.9") is None
    with refused(FailureKind.QUOTA, "maxHourlyPrice"):
        bounded(replace(MADE, state=State.FAILED), maxHourlyPrice="1.9")


@pytest.mark.parametrize("count", [None, 3])
@pytest.mark.parametrize("guard", ["maxHourlyPrice", "budget"])
def test_an_unknown_price_is_refused_by_a_limit(guard: str, count: int | None) -> None:
    """For one VM and for a fleet."""
    with refused(FailureKind.QUOTA, f"{guard}: the price of Standard_D2s_v5 in westus2, Regular, is not known"):
        bounded(vmSize="Standard_D2s_v5", vmCount=count, **{guard: 1000})


def test_a_fleet_spends_its_budget_together_and_each_vm_has_a_price() -> None:
    """The budget covers all VMs at the highest price; maxHourlyPrice is for each VM."""
    assert bounded(vmCount=4, budget=16) == pytest.approx(2 * HOUR, abs=60)
    assert bounded(vmCount=4, maxHourlyPrice=2) is None
    with refused(FailureKind.QUOTA, "\\$1.9 is the maximum"):
        bounded(vmCount=4, maxHourlyPrice=1.9)
    with refused(FailureKind.QUOTA, "budget: the price of Standard_D2s_v5 in westus2, Regular, is not known"):
        bounded(vmCount=4, vmSize="Standard_B2s,Standard_D2s_v5", budget=16)
    with refused(FailureKind.QUOTA, "budget: \\$4 are spent, at \\$8 an hour"):
        bounded(MADE, vmCount=4, budget=4)


def test_a_budget_is_a_time_to_live() -> None:
    """It counts from the first request; the earlier of budget and ttl is the expiry."""
    assert bounded(budget=4) == pytest.approx(2 * HOUR, abs=60)
    assert bounded(budget=4, ttl="1h") == HOUR
    assert bounded(budget=4, ttl="3h") == pytest.approx(2 * HOUR, abs=60)
    latest, first = replace(MADE, created=time.time()), replace(MADE, created=time.time() - HOUR)
    assert bounded(latest, first, budget=4) == pytest.approx(HOUR, abs=120)
    with refused(FailureKind.QUOTA, "budget: \\$1 are spent"):
        bounded(MADE, budget=1)


def test_a_refused_price_makes_nothing(state_dir: Path) -> None:
    """No record and no group exist, also after a dry run."""
    ops = VMOps()
    params = {"vmName": "dear", "maxHourlyPrice": 0.01}
    assert ops.vm_provision(dict(params)) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure is not None
    assert (failure.kind, failure.message.split()[-1]) == (FailureKind.QUOTA, "maximum")
    assert (ops.operation(params), ops.resources(params)) == (None, [])
    with refused(FailureKind.QUOTA, "is the maximum"):
        ops.plan(params)


def test_a_vm_expires_when_its_budget_is_spent(
    ops: VMOps, azure: Azure, provision: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Record and tag have the expiry; repeating the request does not extend it."""
    params = {"vmName": "exp1", "budget": 0.16}
    tags = azure.vm(provision(dict(params))["id"])["tags"]
    made = ops.operation(params)
    assert made is not None
    assert made.expires - made.created == pytest.approx(2 * HOUR, abs=60)
    assert times.parse_utc(tags["vmops-expires"]) == pytest.approx(made.expires, abs=1)
    assert ops.vm_provision(dict(params)) == (Status.SUCCEEDED, {})
    again = ops.operation(params)
    assert again is not None
    assert again.expires == pytest.approx(made.expires, abs=1)


def test_a_moving_fleet_keeps_its_price_limit_and_budget(
    ops: VMOps, azure: Azure, provision: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """The cheapest place is first. A move to a higher price stays in the budget, and below maxHourlyPrice."""
    cheap, dear = "Standard_D2s_v5", "Standard_D4s_v5"
    params = {"vmName": "f1", "vmCount": 2, "vmSize": f"{dear},{cheap}", "prefer": "price"}
    assert ops.vm_provision({**params, "maxHourlyPrice": 0.01}) == (Status.FAILED, {})
    assert (ops.operation(params), azure.writes()) == (None, [])
    azure.put("/_local/capacity", [{"size": cheap, "left": 1}])
    made = provision({**params, "budget": 0.768})
    assert sorted(each["vmSize"] for each in made["members"]) == [cheap, dear]
    assert [(each["from"]["vmSize"], each["to"]["vmSize"]) for each in made["moves"]] == [(cheap, dear)]
    asked = ops.operation(params)
    assert asked is not None
    assert asked.expires - asked.created == pytest.approx(2 * HOUR, abs=60)  # both at the dearer one's 0.192
    ends = {azure.vm(each["id"])["tags"]["vmops-expires"] for each in made["members"]}
    assert [times.parse_utc(each) for each in ends] == [pytest.approx(asked.expires, abs=1)]
    ops.refusals({}, forget=True)
    azure.put("/_local/capacity", [{"size": cheap, "left": 1}])
    short = provision({**params, "vmName": "f2", "minCount": 1, "maxHourlyPrice": 0.1})
    assert ([each["vmSize"] for each in short["members"]], len(short["missing"]), short["moves"]) == ([cheap], 1, [])
