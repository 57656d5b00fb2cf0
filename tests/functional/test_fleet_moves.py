"""Members of a fleet that find no room are made in the next of its places, in the same stack; the others stay."""

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.test_fleet_kill import killed_at, provisioned
from vmops import Status, VMOps
from vmops.core.failures import Failure, FailureKind
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/vmops-f1"
COMPUTE = f"{GROUP}/providers/Microsoft.Compute"
D4, A4, D2 = "Standard_D4s_v5", "Standard_D4as_v5", "Standard_D2s_v5"
OF_EACH = ("virtualMachines", "networkInterfaces", "publicIPAddresses", "disks")
F1: Params = {"vmName": "f1", "vmCount": 6, "vmSize": D4}


def room(azure: Azure, *rooms: Mapping[str, Any]) -> None:
    """Leave so much room in these places, by default none; what is not named may be anything."""
    azure.put("/_local/capacity", [{"size": D4, "left": 0, **each} for each in rooms])


def machines(azure: Azure) -> dict[str, str]:
    """Give Azure's identity of each VM, by its name."""
    found = [each for each in azure.resources() if each["type"] == "Microsoft.Compute/virtualMachines"]
    return {each["name"]: each["properties"]["vmId"] for each in found}


def counted(azure: Azure) -> Counter[str]:
    """Count the VMs, interfaces, addresses and disks that there are."""
    kinds = (each.rpartition("/")[0].rpartition("/")[2] for each in azure.ids())
    return Counter(each for each in kinds if each in OF_EACH)


def parts_of(count: int) -> dict[str, int]:
    """Give what so many members have."""
    return dict.fromkeys(OF_EACH, count)


def ended(ops: VMOps, params: Params) -> Failure:
    """Provision and wait; give the failure, which must be one."""
    assert ops.vm_provision(params)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure is not None
    return failure


def creates(azure: Azure) -> Counter[str]:
    """Count the writes of each VM."""
    writes = (each.partition("?")[0] for each in azure.writes() if each.startswith(f"PUT {COMPUTE}/virtualMachines/"))
    return Counter(each.rpartition("/")[2] for each in writes)


NO_SKU = [
    {
        "method": "PUT",
        "path": f"{COMPUTE}/virtualMachines/f1-{number}",
        "verbs": ["create"],
        "nth": 1,
        "effect": {"do": "refuse", "code": "SkuNotAvailable"},
    }
    for number in (1, 4)
]
MOVES: dict[str, tuple[Params, list[dict[str, Any]], list[dict[str, Any]], Counter[tuple[object, ...]], int]] = {
    "half, then one": (
        {"zone": "1,2", "vmSize": [D4, A4]},
        [{"zone": "1", "left": 3}, {"zone": "2", "left": 2}],
        [],
        Counter({(D4, "1", "Regular"): 3, (D4, "2", "Regular"): 2, (A4, "1", "Regular"): 1}),
        4,
    ),
    "all": ({"priority": "SpotThenRegular"}, [{"priority": "Spot"}], [], Counter({(D4, None, "Regular"): 6}), 6),
    "a size that is not for sale": (
        {"zone": "spread", "vmSize": f"{D4},{A4}"},
        [],
        NO_SKU,
        Counter({(D4, "1", "Regular"): 2, (D4, "3", "Regular"): 4}),
        2,
    ),
}


@pytest.mark.parametrize("struck", MOVES)
def test_who_finds_no_room_is_made_elsewhere(ops: VMOps, azure: Azure, provision: Deploy, struck: str) -> None:
    """One round a place; no sibling is written again, all stay where they are, and a removal leaves nothing."""
    lists, full, faults, there, moved = MOVES[struck]
    room(azure, *full)
    azure.fault(*faults)
    params = {**F1, **lists}
    made = provision(dict(params))
    assert (made["ready"], made["missing"], len(made["moves"])) == (6, [], moved)
    assert Counter((each["vmSize"], each["zone"], each["priority"]) for each in made["members"]) == there
    assert counted(azure) == parts_of(6)
    movers = {f"f1-{each['member']}" for each in made["moves"]}
    assert {name for name, times in creates(azure).items() if times > 1} == movers
    had, sent = machines(azure), azure.writes()
    for _ in range(3):  # as mlos_bench does, before each trial
        assert ops.vm_provision(dict(params)) == (Status.SUCCEEDED, {})
    assert azure.writes() == sent
    room(azure)
    provision({**params, "tags": {"a": "b"}})
    assert machines(azure) == had
    assert ops.vm_deprovision(dict(F1))[0] is Status.PENDING
    assert ops.wait_vm_deployment(False, dict(F1))[0] is Status.SUCCEEDED
    assert azure.ids() == set()


def test_who_finds_room_nowhere_is_missing_and_leaves_nothing(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """Fleets share what is remembered; a short one is as it was asked for until one of the places may have room."""
    params: Params = {**F1, "vmSize": [D4, A4], "minCount": 4}
    room(azure, {}, {"size": A4})
    failure = ended(ops, params)
    assert failure.kind is FailureKind.CAPACITY
    assert "0 of 6 VMs run, 4 are needed; f1-0: " in failure.message
    assert "none of 2 places has room" in failure.message
    assert azure.ids() == set()
    sent = azure.writes()
    assert ended(ops, {**params, "vmName": "f2"}).kind is FailureKind.CAPACITY
    assert azure.writes() == sent
    ops.refusals({}, forget=True)

    room(azure, {"left": 3}, {"size": A4, "left": 2})
    short = provision(dict(params))
    assert (short["asked"], short["ready"]) == (6, 5)
    (missing,) = short["missing"]
    assert (missing["kind"], missing["code"]) == ("capacity", "AllocationFailed")
    assert counted(azure) == parts_of(5)
    had, sent = machines(azure), azure.writes()
    for _ in range(3):
        assert ops.vm_provision(dict(params)) == (Status.SUCCEEDED, {})
    assert azure.writes() == sent
    room(azure)
    ops.refusals({}, forget=True)
    full = provision(dict(params))
    assert (full["ready"], full["missing"]) == (6, [])
    assert {name: machines(azure)[name] for name in had} == had

    number = next(each["member"] for each in full["members"] if each["vmSize"] == D4)
    path, effect = f"{COMPUTE}/virtualMachines/f1-{number}", {"do": "fail", "code": "AllocationFailed"}
    azure.fault({"method": "PUT", "path": path, "verbs": ["create"], "nth": 1, "effect": effect})
    had, renewed = machines(azure), {"vmName": "f1", "member": number}
    assert ops.replace(renewed)[0] is Status.PENDING
    status, result = ops.wait_vm_deployment(True, renewed)
    assert status is Status.SUCCEEDED, ops.last_failure(renewed)
    assert [(each["member"], each["to"]["vmSize"]) for each in result["moves"]] == [(number, A4)]
    now = machines(azure)
    assert now.pop(f"f1-{number}") != had.pop(f"f1-{number}")
    assert now == had


def test_as_many_are_made_in_a_place_as_its_quota_has_room_for(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """The cores of all members are counted before anything is made, and nobody is refused."""
    made = provision({**F1, "vmSize": D2, "location": "brazilsouth", "priority": "Regular,Spot"})
    assert Counter(each["priority"] for each in made["members"]) == {"Regular": 5, "Spot": 1}
    assert made["moves"] == []
    assert {*creates(azure).values()} == {1}


def test_a_fleet_that_moves_converges_whenever_it_is_killed(ops: VMOps, azure: Azure, state_dir: Path) -> None:
    """Who ran stays, who was on the way is made where it was to be, and of who finds room nowhere nothing is left."""
    any_vm = f"{COMPUTE}/virtualMachines/f1-*"
    params: Params = {**F1, "vmCount": 3, "minCount": 2, "zone": "1,2"}
    room(azure, {"zone": "1", "left": 2})
    killed_at(("DELETE", any_vm, True), ops, azure, state_dir, params)
    ran = machines(azure)
    assert len(ran) == 2
    killed_at(("PUT", any_vm, False), ops, azure, state_dir, params)
    status, result = provisioned(ops, params)
    assert (status, result["ready"]) == (Status.SUCCEEDED, 3), ops.last_failure(params)
    assert Counter(each["zone"] for each in result["members"]) == {"1": 2, "2": 1}
    had = machines(azure)
    assert {name: had[name] for name in ran} == ran

    room(azure, {})
    more: Params = {**params, "vmCount": 4}
    killed_at(
        ("DELETE", f"{GROUP}/providers/Microsoft.Network/networkInterfaces/f1-*", False), ops, azure, state_dir, more
    )
    status, result = provisioned(ops, more)
    assert (status, result["asked"], result["ready"]) == (Status.SUCCEEDED, 4, 3), ops.last_failure(more)
    assert machines(azure) == had
    assert counted(azure) == parts_of(3)

    room(azure, {"zone": "1"})
    ops.refusals({}, forget=True)
    most: Params = {**params, "vmCount": 5}
    killed_at(("PUT", f"{COMPUTE}/virtualMachines/f1-4", True), ops, azure, state_dir, most)  # of which nobody knew yet
    status, result = provisioned(ops, most)
    assert (status, result["ready"]) == (Status.SUCCEEDED, 5), ops.last_failure(most)
    assert {each["zone"] for each in result["members"] if each["member"] > 2} == {"2"}
    assert {name: machines(azure)[name] for name in had} == had
