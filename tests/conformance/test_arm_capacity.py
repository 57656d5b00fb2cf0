"""Limited capacity for machines: what takes it, what frees it, and the failure without it."""

from typing import Any

import httpx
import pytest

from tests.conformance.arm import COMPUTE, LONG, NETWORK, Arm
from vmops.local.arm.faults.catalogue import FAULTS

VM = f"{COMPUTE}/virtualMachines/vm"
ROOM: dict[str, Any] = {"size": "Standard_B2s", "location": None, "zone": None, "priority": None, "left": 1}


def limit(arm: Arm, *rooms: dict[str, Any]) -> Any:
    """Replace all limits."""
    answer = arm("PUT", "/_local/capacity", list(rooms))
    assert answer.status_code == 200, answer.text
    return answer.json()


def left(arm: Arm) -> list[int]:
    """Give the capacity left in each limit."""
    return [room["left"] for room in arm("GET", "/_local/capacity").json()]


def asked_for(arm: Arm, name: str = "vm", **changes: Any) -> httpx.Response:
    """Request a machine, which must be accepted."""
    if arm("HEAD", NETWORK.partition("/providers")[0]).status_code == 404:
        arm.make_network()
    arm.make_interface(f"{name}-nic")
    answer = arm.put_machine(name, **changes)
    assert answer.status_code in (200, 201), answer.text
    return answer


def ended(arm: Arm, accepted: httpx.Response) -> tuple[str, str]:
    """Advance the time, and give the status and error code of an operation."""
    arm.clock.advance(LONG)
    told = arm.poll(accepted).json()
    return told["status"], told.get("error", {}).get("code", "")


def test_capacity_without_a_limit_is_unlimited(arm: Arm) -> None:
    """The default has no limits."""
    assert arm("GET", "/_local/capacity").json() == []
    assert ended(arm, asked_for(arm)) == ("Succeeded", "")


def test_a_create_without_capacity_fails_at_the_end_of_its_operation(arm: Arm) -> None:
    """The request is accepted, and the machine is left Failed. Once there is capacity, a PUT succeeds."""
    limit(arm, ROOM | {"left": 0})
    created = asked_for(arm)
    arm.clock.advance(90)
    assert arm.poll(created).json()["status"] == "InProgress"
    assert ended(arm, created) == ("Failed", "AllocationFailed")
    assert arm.shown(VM)["properties"]["provisioningState"] == "Failed"
    assert arm.power() is None
    limit(arm, ROOM)
    assert ended(arm, arm.put_machine()) == ("Succeeded", "")
    assert (arm.power(), left(arm)) == ("running", [0])


def test_the_second_of_two_concurrent_creates_gets_no_capacity(arm: Arm) -> None:
    """Capacity is taken with the request, not at the end of the operation."""
    limit(arm, ROOM)
    first, second = asked_for(arm), asked_for(arm, "other")
    assert [ended(arm, each) for each in (first, second)] == [("Succeeded", ""), ("Failed", "AllocationFailed")]


def test_capacity_is_freed_and_reused(arm: Arm) -> None:
    """A stopped machine keeps it; a deallocated or deleted one does not."""
    limit(arm, ROOM)
    assert ended(arm, asked_for(arm)) == ("Succeeded", "")
    arm.done(arm("POST", f"{VM}/powerOff"))
    assert left(arm) == [0]
    arm.done(arm("POST", f"{VM}/start"))
    assert left(arm) == [0]
    arm.done(arm("POST", f"{VM}/deallocate"))
    assert left(arm) == [1]
    assert ended(arm, asked_for(arm, "other")) == ("Succeeded", "")
    assert ended(arm, arm("POST", f"{VM}/start")) == ("Failed", "AllocationFailed")
    assert (arm.power(), arm.shown(VM)["properties"]["provisioningState"]) == ("deallocated", "Failed")
    arm.done(arm("DELETE", f"{COMPUTE}/virtualMachines/other"))
    assert ended(arm, arm("POST", f"{VM}/start")) == ("Succeeded", "")
    assert (arm.power(), left(arm)) == ("running", [0])


def test_a_limit_applies_to_zone_location_and_priority(arm: Arm) -> None:
    """Other places are unaffected. A machine counts in all limits that match it."""
    spot = {"hardwareProfile__vmSize": "Standard_D2s_v5", "priority": "Spot"}
    limit(
        arm,
        ROOM | {"zone": "1", "left": 0},
        ROOM | {"location": "East US", "left": 0},
        ROOM | {"location": "westus2", "left": 5},
        ROOM | {"left": 7},
        ROOM | {"size": "standard_d2s_v5", "priority": "Regular", "left": 0},
    )
    assert ended(arm, asked_for(arm)) == ("Succeeded", "")
    assert ended(arm, asked_for(arm, "zoned", zones=["1"])) == ("Failed", "ZonalAllocationFailed")
    assert ended(arm, asked_for(arm, "elsewhere", zones=["2"])) == ("Succeeded", "")
    assert ended(arm, asked_for(arm, "spot", **spot)) == ("Succeeded", "")
    assert left(arm) == [0, 0, 3, 5, 0]


def test_a_create_that_fails_otherwise_frees_its_capacity(arm: Arm) -> None:
    """A Failed machine that does not run takes no capacity; one that runs does."""
    limit(arm, ROOM)
    arm("PUT", "/_local/faults", [FAULTS["internal-operation-error"].rule("fault").plain()])
    assert ended(arm, asked_for(arm)) == ("Failed", "InternalOperationError")
    assert left(arm) == [1]
    arm("PUT", "/_local/faults", [FAULTS["os-provisioning-timed-out"].rule("fault").plain()])
    assert ended(arm, arm.put_machine()) == ("Failed", "OSProvisioningTimedOut")
    assert (arm.power(), left(arm)) == ("running", [0])
    arm("PUT", "/_local/faults", [])
    assert ended(arm, arm.put_machine()) == ("Succeeded", "")
    assert left(arm) == [0]


def test_a_resize_changes_the_used_capacity(arm: Arm) -> None:
    """A running machine needs capacity of the new size and frees the old; a deallocated one needs none."""
    bigger = ROOM | {"size": "Standard_B4ms"}
    limit(arm, ROOM, bigger)
    assert ended(arm, asked_for(arm)) == ("Succeeded", "")
    arm.done(arm.put_machine(hardwareProfile__vmSize="Standard_B4ms"))
    assert left(arm) == [1, 0]
    limit(arm, ROOM | {"left": 0}, bigger)
    assert ended(arm, arm.put_machine(hardwareProfile__vmSize="Standard_B2s")) == ("Failed", "AllocationFailed")
    assert arm.power() == "running"
    arm.done(arm("POST", f"{VM}/deallocate"))
    assert left(arm) == [0, 2]
    arm.done(arm.put_machine(hardwareProfile__vmSize="Standard_B2s"))


def test_an_eviction_frees_capacity(arm: Arm) -> None:
    """With either eviction policy."""
    size = "Standard_D2s_v5"
    limit(arm, ROOM | {"size": size, "left": 2})
    for name, policy in (("vm", "Deallocate"), ("other", "Delete")):
        asked_for(arm, name, hardwareProfile__vmSize=size, priority="Spot", evictionPolicy=policy)
        arm.clock.advance(LONG)
        arm("POST", f"{COMPUTE}/virtualMachines/{name}/simulateEviction")
    assert arm("GET", VM).status_code == 200
    arm.clock.advance(LONG)
    assert left(arm) == [2]


@pytest.mark.parametrize(
    ("room", "words"),
    [
        (ROOM | {"size": "Standard_Nope"}, "0.size: 'Standard_Nope' is wrong: there is no such size"),
        (ROOM | {"location": "mars"}, "0.location: 'mars' is wrong: there is no such location"),
        (ROOM | {"priority": "Low"}, "0.priority: 'Low' is wrong"),
        (ROOM | {"left": -1}, "0.left: -1 is wrong"),
        (ROOM | {"weight": 1}, "0.weight: 1 is wrong"),
        ({"size": "Standard_B2s"}, "0.left:"),
    ],
)
def test_an_invalid_limit_is_refused(arm: Arm, room: dict[str, Any], words: str) -> None:
    """The error names the field and the rule, and the active limits stay."""
    before = limit(arm, ROOM)
    answer = arm("PUT", "/_local/capacity", [room])
    assert answer.status_code == 400
    assert words in answer.json()["problems"][0]
    assert arm("GET", "/_local/capacity").json() == before == [ROOM]
    assert arm("DELETE", "/_local/capacity").json() == []
