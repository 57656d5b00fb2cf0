"""Members of a fleet without capacity move to the next of its places, in the same stack; the others stay."""

import os
import shutil
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
GROUND = ("Microsoft.Network/virtualNetworks", "Microsoft.Network/networkSecurityGroups")
OF_EACH = ("virtualMachines", "networkInterfaces", "publicIPAddresses", "disks")
F1: Params = {"vmName": "f1", "vmCount": 6, "vmSize": D4}


def room(azure: Azure, *rooms: Mapping[str, Any]) -> None:
    """Limit the capacity of these places, by default to none; other places are unlimited."""
    azure.put("/_local/capacity", [{"size": D4, "left": 0, **each} for each in rooms])


def machines(azure: Azure) -> dict[str, str]:
    """Give Azure's own id of each VM, by its name."""
    found = [each for each in azure.resources() if each["type"] == "Microsoft.Compute/virtualMachines"]
    return {each["name"]: each["properties"]["vmId"] for each in found}


def of(azure: Azure, fleet: str) -> list[dict[str, Any]]:
    """Give all resources of a fleet, its group included."""
    group = GROUP.replace("f1", fleet)
    return [each for each in azure.resources() if each["id"] == group or each["id"].startswith(f"{group}/")]


def counted(azure: Azure, fleet: str = "f1") -> Counter[str]:
    """Count the VMs, interfaces, addresses and disks of a fleet."""
    kinds = (each["type"].rpartition("/")[2] for each in of(azure, fleet))
    return Counter(each for each in kinds if each in OF_EACH)


def networks(azure: Azure, fleet: str) -> list[str]:
    """Give the locations of a fleet's networks; each has its own security group."""
    found = [sorted(each["location"] for each in of(azure, fleet) if each["type"] == kind) for kind in GROUND]
    assert found[0] == found[1]
    return found[0]


def parts_of(count: int) -> dict[str, int]:
    """Give the counts of resources of so many members."""
    return dict.fromkeys(OF_EACH, count)


def ended(ops: VMOps, params: Params) -> Failure:
    """Provision and wait; give the failure, which must exist."""
    assert ops.vm_provision(params)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure is not None
    return failure


def vm_of(fleet: str, number: int | str) -> str:
    """Give the id of a member."""
    return f"{COMPUTE}/virtualMachines/f1-{number}".replace("f1", fleet)


def creates(azure: Azure, fleet: str = "f1") -> Counter[str]:
    """Count the writes of each VM."""
    begin = f"PUT {vm_of(fleet, '')}"
    writes = (each.partition("?")[0] for each in azure.writes() if each.startswith(begin))
    return Counter(each.rpartition("/")[2] for each in writes)


Strike = Callable[[Azure, str, int], None]
"""Strikes so many of a fleet's six VMs in their first place."""


def no_room(place: Mapping[str, Any]) -> Strike:
    """Give the fault that a member has no capacity anywhere."""
    return lambda azure, _, struck: room(azure, {"left": 6 - struck, **place})


def refusals(code: str, **said: object) -> Strike:
    """Refuse the first create of each member."""
    effect = {"do": "refuse", "code": code, **said}
    return lambda azure, fleet, struck: azure.fault(*(rule(fleet, each, effect) for each in range(struck)))


def rule(fleet: str, number: int | str, effect: Mapping[str, Any], **when: int) -> dict[str, Any]:
    """Give a rule about creates of a member, by default about the first."""
    return {
        "method": "PUT",
        "path": vm_of(fleet, number),
        "verbs": ["create"],
        "effect": effect,
        **(when or {"nth": 1}),
    }


OVER_QUOTA = "Operation could not be completed as it results in exceeding approved standardDSv5Family Cores quota."
KINDS: dict[str, tuple[Params, Strike, dict[str, str | None]]] = {
    "zone": ({"zone": "1,2"}, no_room({"zone": "1"}), {"zone": "2"}),
    "size": ({"vmSize": f"{D4},{A4}"}, no_room({}), {"vmSize": A4}),
    "region": ({"location": "westus2,eastus"}, no_room({"location": "westus2"}), {"location": "eastus"}),
    "sku": ({"vmSize": f"{D4},{A4}"}, refusals("SkuNotAvailable"), {"vmSize": A4}),
    "quota": (
        {"vmSize": f"{D4},{A4}"},
        refusals("OperationNotAllowed", status=409, message=OVER_QUOTA),
        {"vmSize": A4},
    ),
}
FIRST = {"vmSize": D4, "location": "westus2", "zone": None, "priority": "Regular"}


def place_of(member: Mapping[str, Any]) -> dict[str, Any]:
    """Give the place of a member, from its outputs."""
    return {name: member[name] for name in FIRST}


_WHOLE = (1, 3, 6) if os.environ.get("MATRIX") == "whole" else ()
WORLDS: dict[str, dict[str, tuple[int, ...]]] = {
    "of room": {"zone": (3,), "size": (6,), "region": (1, 6)},
    "of a size, of a quota": {"sku": (1,), "quota": (3,)},
}
"""How many of six are struck, and by what; `make moves` strikes one, half and all by each."""


@pytest.mark.parametrize("lack", WORLDS)
def test_a_member_without_capacity_moves_to_another_place(
    ops: VMOps, azure: Azure, provision: Deploy, state_dir: Path, lack: str
) -> None:
    """One round is enough. No other member is written or moved, and nothing is left in the first place."""
    for kind, times in WORLDS[lack].items():
        for struck in _WHOLE or times:
            moved_and_stayed(ops, azure, provision, kind, struck)
            azure.let_go()
            room(azure)
            ops.refusals({}, forget=True)
    if "region" in WORLDS[lack]:
        for path in state_dir.glob("operations.db*"):
            path.unlink()
        is_the_same_in_another_order(VMOps(ops.settings), azure)


def is_the_same_in_another_order(ops: VMOps, azure: Azure) -> None:
    """Let a host without records grow a fleet with its locations in another order, and remove it."""
    had = machines(azure)
    params: Params = {**F1, "vmName": "region1", "location": "eastus,westus2", "vmCount": 7, "tags": {"a": "b"}}
    status, made = provisioned(ops, params)
    assert (status, made["ready"]) == (Status.SUCCEEDED, 7), ops.last_failure(params)
    now = machines(azure)
    assert {name: now[name] for name in had} == had
    assert (now.keys() - had.keys(), networks(azure, "region1")) == ({"region1-6"}, ["eastus", "westus2"])
    cards = {
        each["name"]: each["location"] for each in of(azure, "region1") if each["type"].endswith("/networkInterfaces")
    }
    assert {name for name, location in cards.items() if name.endswith("-eastus") != (location == "eastus")} == set()
    assert ops.vm_deprovision(dict(params))[0] is Status.PENDING
    assert ops.wait_vm_deployment(False, dict(params))[0] is Status.SUCCEEDED
    assert not of(azure, "region1")


def moved_and_stayed(ops: VMOps, azure: Azure, provision: Deploy, kind: str, struck: int) -> None:
    """Make a fleet of which so many members are struck, and check the place of each."""
    fleet, (lists, strike, there) = f"{kind}{struck}", KINDS[kind]
    first = {name: "1" if (name, kind) == ("zone", "zone") else value for name, value in FIRST.items()}
    strike(azure, fleet, struck)
    params: Params = {**F1, **lists, "vmName": fleet}
    made = provision(dict(params))
    assert (made["asked"], made["ready"], made["missing"]) == (6, 6, [])
    moved = [each["member"] for each in made["members"] if place_of(each) == first | there]
    stayed = [each["member"] for each in made["members"] if place_of(each) == first]
    assert (len(moved), sorted(moved + stayed)) == (struck, [*range(6)])
    told = sorted((each["member"], each["from"], each["to"]) for each in made["moves"])
    assert told == [(number, first, first | there) for number in moved]
    assert {name for name, times in creates(azure, fleet).items() if times > 1} == {f"{fleet}-{n}" for n in moved}
    assert counted(azure, fleet) == parts_of(6)
    assert set(networks(azure, fleet)) == {each["location"] for each in made["members"]}
    had, sent = machines(azure), azure.writes()
    assert ops.vm_provision(dict(params)) == (Status.SUCCEEDED, {})  # as mlos_bench does, before each trial
    assert (azure.writes(), machines(azure)) == (sent, had)


def test_a_refusal_in_a_second_place_stops_no_other_member(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """It moves to its third place.

    A throttled member stays; a forbidden one is missing at once and is not tried elsewhere.
    """
    params: Params = {**F1, "zone": "1,2", "vmSize": [D4, A4], "minCount": 5}
    azure.fault(
        rule("f1", 0, {"do": "fail", "code": "ZonalAllocationFailed"}),
        rule("f1", 0, {"do": "refuse", "code": "SkuNotAvailable"}, nth=2),
        rule("f1", 2, {"do": "refuse", "code": "RequestDisallowedByPolicy"}, times=9),
        rule("f1", 3, {"do": "refuse", "code": "SubscriptionRequestsThrottled"}, times=2),
    )
    made = provision(dict(params))
    assert (made["asked"], made["ready"]) == (6, 5)
    assert [(each["member"], each["kind"], each["code"]) for each in made["missing"]] == [
        (2, "auth", "RequestDisallowedByPolicy")
    ]
    first: dict[str, str | None] = {**FIRST, "zone": "1"}
    second, third = {**first, "zone": "2"}, {**first, "vmSize": A4}
    assert [(each["member"], each["from"], each["to"]) for each in made["moves"]] == [
        (0, first, second),
        (0, second, third),
    ]
    assert [place_of(each) for each in made["members"]] == [third, *[first] * 4]
    again = creates(azure)
    assert (again["f1-0"], {again[f"f1-{number}"] for number in (1, 4, 5)}) == (3, {1})

    azure.fault(rule("f2", "*", {"do": "refuse", "code": "RequestDisallowedByPolicy"}, times=9))
    failure = ended(ops, {**params, "vmName": "f2", "vmCount": 2, "minCount": 1})
    assert (failure.kind, failure.code) == (FailureKind.AUTH, "RequestDisallowedByPolicy")
    assert {*creates(azure, "f2").values()} == {1}


def test_throttling_moves_no_member(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """Half of 120 requests are throttled. Only the members without capacity move."""
    room(azure, {"left": 3})
    too_many = {"do": "refuse", "code": "SubscriptionRequestsThrottled", "retryAfter": 1}
    azure.fault({"path": GROUP, "times": 120, "share": 0.5, "effect": too_many})
    made = provision({**F1, "vmSize": [D4, A4]})
    assert (made["asked"], made["ready"], made["missing"]) == (6, 6, [])
    assert Counter(each["vmSize"] for each in made["members"]) == {D4: 3, A4: 3}
    assert {each["to"]["vmSize"] for each in made["moves"]} == {A4}
    assert len(made["moves"]) == 3
    assert counted(azure) == parts_of(6)
    refused = [each for each in azure.journal() if each["status"] == 429]
    assert len(refused) > 40, len(refused)


def test_a_member_without_any_place_is_missing_and_leaves_nothing(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """Fleets share remembered refusals.

    A fleet with missing members counts as fulfilled until a place may have capacity.
    """
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


def test_a_place_gets_as_many_members_as_its_quota_allows(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """The cores of all members are counted before anything is made, so ARM refuses none."""
    made = provision({**F1, "vmSize": D2, "location": "brazilsouth", "priority": "Regular,Spot"})
    assert Counter(each["priority"] for each in made["members"]) == {"Regular": 5, "Spot": 1}
    assert made["moves"] == []
    assert {*creates(azure).values()} == {1}


def test_a_detached_data_disk_is_deleted_with_the_first_place(azure: Azure, provision: Deploy) -> None:
    """It is recreated in the VM's new place; other members' disks stay."""
    room(azure, {"location": "westus2", "left": 1})
    disks = {"dataDisks": [4], "dataDiskType": "PremiumV2_LRS", "zone": "1", "location": "westus2,eastus"}
    made = provision({**F1, "vmCount": 2, **disks})
    assert len(made["moves"]) == 1
    found = {each["name"]: each["location"] for each in of(azure, "f1") if each["type"].endswith("/disks")}
    there = {each["member"]: each["location"] for each in made["members"]}
    ends = {number: "" if location == "westus2" else f"-{location}" for number, location in there.items()}
    named = [(f"f1-{number}-{disk}{ends[number]}", there[number]) for number in there for disk in ("osdisk", "data-0")]
    assert found == dict(named)


def test_a_moving_fleet_converges_after_a_kill_at_any_moment(ops: VMOps, azure: Azure, state_dir: Path) -> None:
    """Running members stay, moving members end in their new place, and members without capacity leave nothing.

    The first place is emptied even if the engine's state and its copies are lost.
    """
    any_vm = f"{COMPUTE}/virtualMachines/f1-*"
    params: Params = {**F1, "vmCount": 3, "minCount": 2, "location": "westus2,eastus"}
    room(azure, {"location": "westus2", "left": 2})
    killed_at(("DELETE", any_vm, True), ops, azure, state_dir, params)
    ran = machines(azure)
    assert len(ran) == 2
    killed_at(("PUT", any_vm, False), ops, azure, state_dir, params)
    assert counted(azure)["networkInterfaces"] == 4  # the moved member has one in each location
    shutil.rmtree(state_dir / "backend")
    status, result = provisioned(ops, params)
    assert (status, result["ready"]) == (Status.SUCCEEDED, 3), ops.last_failure(params)
    assert Counter(each["location"] for each in result["members"]) == {"westus2": 2, "eastus": 1}
    had = machines(azure)
    assert {name: had[name] for name in ran} == ran
    assert counted(azure) == parts_of(3)

    room(azure, {})
    more: Params = {**params, "vmCount": 4}
    killed_at(
        ("DELETE", f"{GROUP}/providers/Microsoft.Network/networkInterfaces/f1-*", False), ops, azure, state_dir, more
    )
    status, result = provisioned(ops, more)
    assert (status, result["asked"], result["ready"]) == (Status.SUCCEEDED, 4, 3), ops.last_failure(more)
    assert machines(azure) == had
    assert counted(azure) == parts_of(3)

    room(azure, {"location": "westus2"})
    ops.refusals({}, forget=True)
    most: Params = {**params, "vmCount": 5}
    killed_at(("PUT", f"{COMPUTE}/virtualMachines/f1-4", True), ops, azure, state_dir, most)  # a member without records
    status, result = provisioned(ops, most)
    assert (status, result["ready"]) == (Status.SUCCEEDED, 5), ops.last_failure(most)
    assert {each["location"] for each in result["members"] if each["member"] > 2} == {"eastus"}
    assert {name: machines(azure)[name] for name in had} == had
