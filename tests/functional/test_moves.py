"""A VM without capacity moves to the next of its places, in the same stack; a VM that has run is never moved."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.test_never_ran import ended
from vmops import Status, VMOps
from vmops.core.failures import FailureKind
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/vmops-m1"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/m1"
SEEN = f"{VM}?api-version=2024-07-01"
D4, A4, D2 = "Standard_D4s_v5", "Standard_D4as_v5", "Standard_D2s_v5"
M1: Params = {"vmName": "m1", "vmSize": D4}


def room(azure: Azure, *rooms: Mapping[str, Any]) -> None:
    """Remove the capacity of these places; others are unlimited."""
    azure.put("/_local/capacity", [{"size": D4, "left": 0, **each} for each in rooms])


MOVES: dict[str, tuple[Params, list[dict[str, Any]], dict[str, Any]]] = {
    "zone": ({"zone": "1,2"}, [{"zone": "1"}], {"zone": "2"}),
    "size": ({"vmSize": [D4, A4]}, [{}], {"vmSize": A4}),
    "region": ({"location": "westus2,eastus"}, [{"location": "westus2"}], {"location": "eastus"}),
    "priority": ({"priority": "SpotThenRegular"}, [{"priority": "Spot"}], {"priority": "Regular"}),
}


@pytest.mark.parametrize("kind", MOVES)
def test_a_vm_is_made_in_a_place_with_capacity(ops: VMOps, azure: Azure, provision: Deploy, kind: str) -> None:
    """It stays in its stack and in its new place. Nothing is left in the first place, nor after the removal."""
    lists, full, there = MOVES[kind]
    room(azure, *full)
    made = provision(params := {**M1, **lists})
    place = {"vmSize": D4, "location": "westus2", "zone": None, "priority": "Regular", **there}
    assert {name: made[name] for name in place} == place
    assert [each["to"] | place for each in made["moves"]] == [place]
    assert azure.locations(GROUP) == {place["location"]}
    gone = [each for each in azure.writes() if each.startswith("DELETE") and "/networkInterfaces/" in each]
    assert len(gone) == len({"westus2", place["location"]}) - 1  # resources in the same location stay
    assert len([each for each in azure.ids() if "/disks/" in each]) == 1
    vm_id = azure.get(SEEN)["properties"]["vmId"]
    room(azure)
    assert ops.vm_provision(dict(params)) == (Status.SUCCEEDED, {})
    assert ended(ops, {**params, "tags": {"a": "b"}}) is None
    assert ended(ops, {**M1, **there}) is None  # its present place, as words
    assert azure.get(SEEN)["properties"]["vmId"] == vm_id
    assert ops.vm_deprovision(dict(M1))[0] is Status.PENDING
    assert ops.wait_vm_deployment(False, dict(M1))[0] is Status.SUCCEEDED
    assert azure.ids() == set()


def test_without_capacity_anywhere_nothing_is_left(ops: VMOps, azure: Azure) -> None:
    """The refusals are remembered for all VMs until they expire."""
    room(azure, {}, {"size": A4})
    params = {**M1, "vmSize": f"{D4},{A4}", "location": "westus2,eastus"}
    assert ended(ops, params) is FailureKind.CAPACITY
    assert (failure := ops.last_failure(params))
    assert "none of 4 places has room" in failure.message
    assert azure.ids() == set()
    assert [each["code"] for each in ops.refusals({}) if each["verdict"] == "blocked"] == ["AllocationFailed"] * 4
    assert {each["verdict"] for each in ops.offers(params, [])} == {"blocked"}
    sent = azure.writes()
    assert ended(ops, {**params, "vmName": "m2"}) is FailureKind.CAPACITY
    assert azure.writes() == sent
    assert ops.refusals({}, forget=True)
    assert ops.refusals({}) == []
    room(azure)
    assert ended(ops, params) is None


def test_a_vm_that_has_run_is_not_moved(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """A start without capacity leaves it Failed, but its disk has data."""
    params = {**M1, "vmSize": f"{D4},{A4}", "location": "westus2,eastus", "zone": "any", "dataDisks": [4]}
    provision(params)
    made = azure.get(SEEN)
    disks = {each["id"]: each["properties"]["uniqueId"] for each in azure.resources() if "/disks/" in each["id"]}
    assert ops.deallocate(dict(M1))[0] in {Status.PENDING, Status.SUCCEEDED}
    assert ops.wait_vm_operation(dict(M1))[0] is Status.PENDING
    room(azure, {})
    assert ended(ops, params) is FailureKind.CAPACITY
    room(azure)
    assert ended(ops, params) is None
    assert azure.get(SEEN)["properties"]["vmId"] == made["properties"]["vmId"]
    now = {each["id"]: each["properties"]["uniqueId"] for each in azure.resources() if "/disks/" in each["id"]}
    assert now == disks
    assert ended(ops, {**params, "vmSize": D2}) is None  # a size that is not in the list is changed in place
    assert ended(ops, {**params, "zone": "2,3"}) is FailureKind.IMMUTABLE
    assert azure.get(SEEN)["properties"]["vmId"] == made["properties"]["vmId"]


REFUSED: dict[str, tuple[dict[str, Any], FailureKind | None, tuple[str, str] | None, int]] = {
    "a size that is not for sale": ({"do": "refuse", "code": "SkuNotAvailable"}, None, (A4, "1"), 3),
    "a quota": ({"do": "refuse", "code": "QuotaExceeded", "message": "Maximum allowed: 10"}, None, (A4, "1"), 3),
    "an error of Azure's own": ({"do": "fail", "code": "InternalOperationError"}, None, (D4, "2"), 3),
    "a storm of 429": ({"do": "refuse", "code": "SubscriptionRequestsThrottled"}, None, (D4, "2"), 5),
    "a policy": ({"do": "refuse", "code": "RequestDisallowedByPolicy"}, FailureKind.AUTH, None, 2),
}


@pytest.mark.parametrize("refusal", REFUSED)
def test_a_refusal_in_the_second_place_moves_or_fails_the_vm(ops: VMOps, azure: Azure, refusal: str) -> None:
    """A refusal that no place can cure tries no further place, and keeps what was made."""
    effect, kind, there, creates = REFUSED[refusal]
    room(azure, {"zone": "1"})
    azure.fault(
        {"method": "PUT", "path": VM, "verbs": ["create"], "nth": 2, "times": creates - 2 or 1, "effect": effect}
    )
    assert ended(ops, {**M1, "vmSize": [D4, A4], "zone": "1,2"}) is kind
    assert len([each for each in azure.writes() if each == f"PUT {VM}"]) == creates
    if there:
        vm = azure.get(SEEN)
        assert (vm["properties"]["hardwareProfile"]["vmSize"], vm["zones"][0]) == there


def test_places_that_azure_lists_as_unavailable_are_not_tried(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """If quotas, zones or prices rule out all places, nothing is made, and the failure says why."""
    scarce = {"vmName": "m1", "vmSize": "Standard_D16s_v5", "location": "brazilsouth", "priority": "Regular,Spot"}
    assert ended(ops, scarce) is FailureKind.QUOTA
    assert (failure := ops.last_failure(scarce))
    assert "cores: 10 allowed, 0 used, 16 more needed (QuotaExceeded" in failure.message
    assert {each["verdict"] for each in ops.places(scarce)} == {"blocked"}
    assert {each["operation"] for each in ops.plan(scarce)} == {"create"}
    assert azure.writes() == []
    dear = {"vmName": "m1", "vmSize": f"{D4},{D2}", "zone": "any", "location": "westus,eastus"}
    assert ended(ops, {**dear, "maxHourlyPrice": 0.01}) is FailureKind.QUOTA
    assert azure.writes() == []
    made = provision({**dear, "maxHourlyPrice": 0.15, "priority": "Regular,Spot"})
    assert (made["vmSize"], made["location"], made["zone"], made["priority"]) == (D2, "eastus", "1", "Regular")
    cheapest = provision({**dear, "vmName": "m2", "prefer": "price", "location": "eastus", "priority": "Regular,Spot"})
    assert (cheapest["vmSize"], cheapest["priority"]) == (D2, "Spot")
    assert len([each for each in azure.writes() if "/virtualMachines/" in each]) == 2
