"""Fleets: many VMs by one call, with one lock and one stack; a member's failure does not affect others."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from vmops import Settings, SpecError, Status, VMOps, get, machines
from vmops import machine as machine_of
from vmops.core.failures import Failure, FailureKind
from vmops.leases.sweep import Outcome, sweep
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/vmops-f1"
COMPUTE, NETWORK = f"{GROUP}/providers/Microsoft.Compute", f"{GROUP}/providers/Microsoft.Network"
F1: Params = {"vmName": "f1", "vmCount": 4, "vmSize": "Standard_D2s_v5"}
VERSION = "?api-version=2024-07-01"
DISK = {
    "location": "westus2",
    "sku": {"name": "Standard_LRS"},
    "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 4},
}


def machine(number: int) -> str:
    """Give the id of a member."""
    return f"{COMPUTE}/virtualMachines/f1-{number}"


def no_room(number: int) -> dict[str, Any]:
    """Give a fault: Azure has no capacity for a member."""
    effect = {"do": "fail", "code": "AllocationFailed"}
    return {"method": "PUT", "path": machine(number), "verbs": ["create"], "effect": effect}


def kinds(azure: Azure) -> Counter[str]:
    """Count the resources by type, without children and the group."""
    types = [each["type"] for each in azure.resources() if each["id"] != GROUP]
    return Counter(each.partition("/")[2] for each in types if each.count("/") == 1)


def identities(azure: Azure) -> dict[str, str]:
    """Give Azure's own id of each VM, by its name."""
    found = [each for each in azure.resources() if each["type"] == "Microsoft.Compute/virtualMachines"]
    return {each["name"]: each["properties"]["vmId"] for each in found}


def ended(ops: VMOps, params: Params) -> Failure:
    """Provision and wait; give the failure, which must exist."""
    begun, result = ops.vm_provision(params)
    if begun is Status.PENDING:
        begun, result = ops.wait_vm_deployment(True, params)
    failure = ops.last_failure(params)
    assert (begun, result) == (Status.FAILED, {})
    assert failure is not None
    return failure


def test_a_fleet_is_provisioned_kept_and_removed(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy
) -> None:
    """One call makes all VMs on one network.

    An unchanged fleet costs three reads, and only a deleted member is recreated.
    """
    result = provision(dict(F1))
    assert (result["asked"], result["ready"], result["missing"], result["moves"]) == (4, 4, [], [])
    assert [(each["name"], each["member"], each["power"]) for each in result["members"]] == [
        (f"f1-{number}", number, "running") for number in range(4)
    ]
    first = result["members"][0]
    keys = "name member id vmSize location zone priority pricePerHour publicIp privateIp sshHost sshPort ssh power"
    assert first.keys() == {*keys.split()}
    assert kinds(azure) == {
        "virtualMachines": 4,
        "networkInterfaces": 4,
        "publicIPAddresses": 4,
        "disks": 4,
        "virtualNetworks": 1,
        "networkSecurityGroups": 1,
    }
    tags = [each.get("tags", {}).get("vmops-fleet") for each in azure.resources()]
    assert Counter(filter(None, tags)) == {"f1": 4 * 4 + 3}  # a disk gets its VM's tags
    (subnet,) = (each for each in azure.resources() if "/subnets/" in each["id"])
    assert subnet["properties"]["addressPrefix"] == "10.0.0.0/20"

    before = len(azure.journal())
    assert ops.vm_provision(dict(F1)) == (Status.SUCCEEDED, {})
    assert [each["method"] for each in azure.journal()[before:]] == ["GET"] * 3

    before = len(azure.journal())
    assert len(ops.resources(dict(F1))) == 4 * 4 + 3
    asked = [each["path"] for each in azure.journal()[before:]]
    assert not [each for each in asked if re.search(r"/f1-\d", each)], "one list of each type tells of all"

    assert ops.diff(dict(F1)) == []
    had = identities(azure)
    azure.delete(f"{machine(2)}{VERSION}")
    status, _ = ops.wait_vm_deployment(True, dict(F1))
    assert status is Status.FAILED
    assert [(each["operation"], each["resource"]) for each in ops.diff(dict(F1))] == [("create", "VirtualMachine f1-2")]
    before = len(azure.writes())
    provision(dict(F1))
    assert [each.partition("?")[0] for each in azure.writes()[before:]] == [f"PUT {machine(2)}"]
    now = identities(azure)
    assert now.pop("f1-2") != had.pop("f1-2")
    assert now == had

    bystander = f"{COMPUTE}/disks/f1-9-osdisk"
    azure.put(f"{bystander}?api-version=2024-03-02", DISK)
    deprovision(dict(F1))
    assert azure.ids() == {GROUP, bystander}


def test_a_members_failure_stops_no_other_member(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """Too few VMs are a failure that names the missing.

    With minCount they are enough; the same call retries the missing.
    """
    azure.fault(no_room(1))
    failure = ended(ops, dict(F1))
    assert failure.kind is FailureKind.CAPACITY
    assert "3 of 4 VMs run, 4 are needed; f1-1: " in failure.message
    assert len(identities(azure)) == 4  # one of them Failed
    had = identities(azure)
    azure.fault(no_room(1), {**no_room(1), "verbs": ["update"]})
    enough = {**F1, "minCount": 3}
    result = provision(dict(enough))
    assert (result["asked"], result["ready"]) == (4, 3)
    assert [(each["name"], each["member"], each["kind"]) for each in result["missing"]] == [("f1-1", 1, "capacity")]
    azure.let_go()
    assert ops.vm_provision(dict(enough)) == (Status.SUCCEEDED, {})  # the refusal is still remembered
    ops.refusals({}, forget=True)
    assert provision(dict(enough))["ready"] == 4
    now = identities(azure)
    assert {name: now[name] for name in ("f1-0", "f1-2", "f1-3")} == {
        name: had[name] for name in ("f1-0", "f1-2", "f1-3")
    }


def test_a_foreign_resource_with_a_members_name_is_refused(ops: VMOps, azure: Azure) -> None:
    """A foreign VM with that name is named and left unchanged, and nothing is made."""
    azure.put(f"{GROUP}?api-version=2024-03-01", {"location": "westus2"})
    single: Params = {"vmName": "f1-3", "resourceGroup": "vmops-f1"}
    assert ops.vm_provision(single)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, single)[0] is Status.SUCCEEDED
    before = azure.resources()
    failure = ended(ops, dict(F1))
    assert failure.kind is FailureKind.CONFLICT
    assert "f1-3" in failure.resource
    assert azure.resources() == before


def test_a_fleet_grows_shrinks_and_replaces_one(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """Remaining members are unchanged, stopped ones are removed first, and no number in use is given twice."""
    provision(dict(F1))
    had = identities(azure)
    azure.post(f"{machine(1)}/deallocate{VERSION}", None)
    fewer: Params = {"vmName": "f1", "vmCount": 3}
    steps = ops.plan(dict(fewer), same=True)
    deleted = {each["resource"] for each in steps if each["operation"] == "delete"}
    assert deleted == {"VirtualMachine f1-1", "NetworkInterface f1-1-nic", "PublicIPAddress f1-1-ip"}
    again(ops, fewer, "f1-0 f1-2 f1-3")
    assert identities(azure) == {name: had[name] for name in ("f1-0", "f1-2", "f1-3")}
    assert [arm_id for arm_id in azure.ids() if "f1-1" in arm_id] == []

    again(ops, {"vmName": "f1", "vmCount": 5}, "f1-0 f1-1 f1-2 f1-3 f1-4")
    grown = identities(azure)
    assert {name: grown[name] for name in ("f1-0", "f1-2", "f1-3")} == {
        name: had[name] for name in ("f1-0", "f1-2", "f1-3")
    }

    renewed: Params = {"vmName": "f1", "member": 3}
    before = len(azure.writes())
    assert ops.replace(renewed)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, renewed)[0] is Status.SUCCEEDED, ops.last_failure(renewed)
    writes = [each.partition("?")[0] for each in azure.writes()[before:]]
    assert writes == [f"DELETE {machine(3)}", f"PUT {machine(3)}"]
    assert identities(azure).pop("f1-3") != grown.pop("f1-3")
    assert ended(ops, {"vmName": "f1"}).kind is FailureKind.IMMUTABLE


def again(ops: VMOps, params: Params, names: str) -> None:
    """Provision with the last parameters, changed by these; check which members exist then."""
    asked = dict(params)
    assert ops.vm_provision(asked, same=True)[0] is Status.PENDING, ops.last_failure(params)
    status, result = ops.wait_vm_deployment(True, asked)
    assert status is Status.SUCCEEDED, ops.last_failure(params)
    assert [each["name"] for each in result["members"]] == names.split()


def test_a_members_name_selects_it_and_removal_needs_the_fleets_name(
    ops: VMOps, azure: Azure, provision: Deploy, state_dir: Path, tmp_path: Path
) -> None:
    """Status and power accept a member's name, and fleet-wide verbs refuse it.

    An expired fleet is swept by tags alone.
    """
    provision({**F1, "vmCount": 2, "ttl": "1h"})
    member: Params = {"vmName": "f1-1"}
    assert ops.vm_stop(member)[0] is Status.PENDING, ops.last_failure(member)
    assert ops.wait_vm_operation(member)[0] is Status.SUCCEEDED
    assert [azure.power(machine(number)) for number in range(2)] == ["running", "stopped"]
    seen = ops.members({"vmName": "f1"})
    assert (seen["asked"], seen["ready"]) == (2, 1)
    assert [(each["name"], each["message"]) for each in seen["missing"]] == [("f1-1", "the VM is stopped")]
    assert (ops.status(member)["machine"]["power"], ops.status({"vmName": "f1"})["ready"]) == ("stopped", 1)
    rows = [(each["vmName"], each["member"], each["power"]) for each in ops.vms().vms]
    assert rows == [("f1", 0, "running"), ("f1", 1, "stopped")]
    for refused in (ops.vm_deprovision(dict(member)), ops.extend(dict(member), "2h"), ops.vm_provision(dict(member))):
        assert refused == (Status.FAILED, {})
        assert "f1-1 is member 1 of the fleet f1" in str(ops.last_failure(member))
    assert list(ops.orphans([])) == []
    fleet: Params = {"vmName": "f1"}
    effect = {"do": "fail", "code": "AllocationFailed"}
    azure.fault({"method": "POST", "path": f"{machine(1)}/start", "effect": effect})
    assert ops.vm_start(fleet)[0] is Status.PENDING
    assert ops.wait_vm_operation(fleet) == (Status.FAILED, {})
    assert "1 of 2 VMs failed: f1-1; " in str(ops.last_failure(fleet))
    azure.let_go()
    assert ops.vm_start(fleet)[0] is Status.PENDING
    assert str(fleet["asyncResultsUrl"]).startswith("vmops:operation/")
    assert ops.wait_vm_operation(fleet)[1]["switched"] == ["f1-0", "f1-1"]
    assert ops.members(fleet)["ready"] == 2

    for number in range(2):
        tags = azure.get(f"{machine(number)}{VERSION}")["tags"]
        azure.tag(machine(number), {**tags, "vmops-expires": "2020-01-01T00:00:00Z"})
    for path in state_dir.glob("operations.db*"):
        path.rename(tmp_path / path.name)
    there = VMOps(Settings(state_dir=state_dir, owner="tester"))
    (swept,) = sweep(there).swept
    assert (swept.lifetime.identity.vm_name, swept.outcome) == ("f1", Outcome.REMOVED)
    assert azure.ids() == set()


def test_a_program_holds_a_fleet(azure: Azure, state_dir: Path) -> None:
    """It gets a machine for each member. A single machine cannot hold a fleet."""
    settings = Settings(state_dir=state_dir, owner="tester")
    wanted = {**F1, "vmCount": 2}
    with pytest.raises(SpecError, match="vmCount"):
        machine_of(wanted, settings=settings)
    with machines(wanted, settings=settings) as vms:
        assert [each.name for each in vms] == ["f1-0", "f1-1"]
        vms[1].stop()
        assert [each.refresh() for each in vms] == ["running", "stopped"]
        assert get("f1-1", settings=settings).id == vms[1].id
    assert azure.ids() == set()
