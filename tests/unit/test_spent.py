"""The cost of VMs' compute so far: an upper bound, or unknown."""

import time
from typing import Any

import pytest

from vmops.jobs.operation import Operation, State, Verb
from vmops.ops import spent

ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/exp1"
HOUR = 3600.0


def machine(hours: float | None = 2.0, size: str = "Standard_D4s_v5", priority: str | None = None) -> dict[str, Any]:
    """Give a VM that was made some hours ago."""
    made = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - (hours or 0) * HOUR))
    properties: dict[str, Any] = {"hardwareProfile": {"vmSize": size}}
    properties |= {"timeCreated": made} if hours is not None else {}
    properties |= {"priority": priority} if priority else {}
    return {"id": ID, "properties": properties}


def deployed(hours: float, size: str, priority: str = "Regular", *, member: bool = False) -> Operation:
    """Give a deployment that ended some hours ago, with the VM's size."""
    told = {"id": ID.upper(), "vmSize": size, "priority": priority}
    outputs = {"members": [told]} if member else told
    ended = time.time() - hours * HOUR
    return Operation(
        "1",
        Verb.PROVISION,
        "exp1-0",
        "local",
        "s",
        "g",
        "exp1",
        "me",
        state=State.SUCCEEDED,
        ended=ended,
        outputs=outputs,
    )


@pytest.mark.parametrize("power", ["running", "stopped"])
def test_cost_is_price_times_hours_since_creation(power: str) -> None:
    """A stopped VM counts as a running one."""
    assert spent.so_far(machine(), power, 0.5, [deployed(1, "Standard_D4s_v5")]) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("member", [False, True])
def test_cost_is_unknown_without_price_time_or_constant_size(member: bool) -> None:
    """Without a price or a time, while it is let go, or if it had another size or priority meanwhile."""
    assert spent.so_far(machine(), "running", None, []) is None
    assert spent.so_far(machine(None), "running", 0.5, []) is None
    for power in ("deallocated", "deallocating", ""):
        assert spent.so_far(machine(), power, 0.5, []) is None
    assert spent.so_far(machine(), "running", 0.5, [deployed(1, "Standard_D8s_v5", member=member)]) is None
    assert spent.so_far(machine(), "running", 0.5, [deployed(1, "Standard_D4s_v5", "Spot", member=member)]) is None
    earlier = deployed(3, "Standard_D8s_v5", member=member)  # of a VM that was removed
    assert spent.so_far(machine(), "running", 0.5, [earlier]) is not None


def test_the_sum_is_unknown_if_one_cost_is() -> None:
    """And for no VMs."""
    assert spent.of_all([0.5, 0.25]) == 0.75
    assert spent.of_all([0.5, None]) is None
    assert spent.of_all([]) is None
