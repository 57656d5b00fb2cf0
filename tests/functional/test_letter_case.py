"""Azure compares names without case: another spelling is the same VM, and changes nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure, begun, kill_all
from tests.functional.world import OURS, VM, quick_world
from vmops import Status, VMOps
from vmops.core.polling import poll_until
from vmops.ops import recover
from vmops.protocol import Params
from vmops.spec.names import TOKENS
from vmops.spec.target import Target

Deploy = Callable[[Params], dict[str, Any]]
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
PORTS: Params = {"vmPorts": [22, 80]}


def group(name: str) -> str:
    return f"{SUBSCRIPTION}/resourceGroups/{name}"


def network(path: str) -> str:
    return f"{path}/providers/Microsoft.Network"


def machine(path: str, name: str) -> str:
    return f"{path}/providers/Microsoft.Compute/virtualMachines/{name}"


def deletes(azure: Azure) -> list[str]:
    """Give the deletions so far."""
    return [each for each in azure.writes() if each.startswith("DELETE")]


def vm_guid(azure: Azure, name: str = "exp1", where: str = "vmops-exp1") -> str:
    """Give Azure's own id of the VM."""
    return str(azure.vm(machine(group(where), name))["properties"]["vmId"])


def test_a_vm_in_another_case_is_the_same_vm(ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy) -> None:
    """It is updated in place, and removed under any spelling."""
    made = provision({"vmName": "exp1"})
    ids, guid = azure.ids(), vm_guid(azure)
    params: Params = {"vmName": "Exp1", **PORTS, "dataDisks": [8]}
    assert {step["operation"] for step in ops.plan(params)} == {"update"}
    result = provision(params)
    assert (result["id"], result["name"], result["resourceGroup"]) == (made["id"], "exp1", "vmops-exp1")
    assert vm_guid(azure) == guid
    disk = f"{group('vmops-exp1')}/providers/Microsoft.Compute/disks/exp1-data-0"
    rule = f"{network(group('vmops-exp1'))}/networkSecurityGroups/exp1-nsg/securityRules/tcp-80"
    assert azure.ids() - ids == {disk, rule}
    assert deletes(azure) == []
    assert ops.plan({**params, "vmName": "EXP1"}) == []
    deprovision({"vmName": "eXp1"})
    assert azure.ids() == set()


@pytest.mark.parametrize(
    ("name", "made", "again"),
    [
        ("resourceGroup", "lab", "LAB"),
        ("virtualNetworkName", "net", "Net"),
        ("subnetName", "sub", "SUB"),
        ("networkSecurityGroupName", "guard", "Guard"),
        ("virtualNetworkName", "EXP1-vnet", None),
    ],
)
def test_other_names_match_in_any_case(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy, name: str, made: str, again: str | None
) -> None:
    """Named and default resources match, also those that were made by hand in another spelling."""
    provision({"vmName": "exp1", name: made})
    ids, params = azure.ids(), {"vmName": "exp1", **({name: again} if again else {}), "vmSize": "Standard_D4s_v5"}
    assert {step["operation"] for step in ops.plan(params)} == {"update"}
    provision(params)
    assert azure.ids() == ids
    assert deletes(azure) == []
    deprovision({"vmName": "EXP1", **({"resourceGroup": "Lab"} if name == "resourceGroup" else {})})
    assert azure.ids() == set()


@pytest.mark.parametrize("gone", ["vm", "all but the group", "all"])
def test_a_recreated_resource_keeps_its_spelling(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy, gone: str
) -> None:
    """The spelling is taken from the interface, the group, or the engine's state."""
    provision({"vmName": "exp1", **PORTS})
    ids, path = azure.ids(), group("vmops-exp1")
    azure.delete(f"{machine(path, 'exp1')}?api-version=2024-07-01")
    if gone == "all but the group":
        for kind in ("networkInterfaces/exp1-nic", "publicIPAddresses/exp1-ip", "networkSecurityGroups/exp1-nsg"):
            azure.delete(f"{network(path)}/{kind}?api-version=2024-05-01")
        azure.delete(f"{network(path)}/virtualNetworks/exp1-vnet?api-version=2024-05-01")
    if gone == "all":
        azure.delete(f"{path}?api-version=2024-03-01")
    assert provision({"vmName": "Exp1", **PORTS})["name"] == "exp1"
    assert azure.ids() == ids
    deprovision({"vmName": "Exp1"})
    assert azure.ids() == set()


def test_a_removal_allows_another_spelling(azure: Azure, provision: Deploy, deprovision: Deploy) -> None:
    """Nothing with the earlier spelling exists any more."""
    provision({"vmName": "exp1"})
    deprovision({"vmName": "exp1"})
    assert provision({"vmName": "Exp1"})["name"] == "Exp1"
    assert machine(group("vmops-Exp1"), "Exp1") in azure.ids()


def test_an_external_group_keeps_its_spelling(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """From the first provision on, so that the second does not move the VM to another group."""
    azure.put(f"{group('Lab')}?api-version=2024-03-01", {"location": "westus2"})
    params: Params = {"vmName": "exp1", "resourceGroup": "lab"}
    assert provision(params)["resourceGroup"] == "Lab"
    provision({**params, **PORTS, "resourceGroup": "LAB"})
    assert deletes(azure) == []
    assert ops.plan({**params, **PORTS}) == []


def test_a_subnet_in_an_external_network_matches_in_any_case(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy
) -> None:
    """It has no tag: the engine's state shows that it is ours, and the network its spelling."""
    shared = group("shared")
    azure.put(f"{shared}?api-version=2024-03-01", {"location": "westus2"})
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    azure.put(
        f"{network(shared)}/virtualNetworks/net?api-version=2024-05-01", {"location": "westus2", "properties": space}
    )
    theirs = azure.ids()
    params: Params = {"vmName": "exp1", "resourceGroup": "shared", "virtualNetworkName": "net", "subnetName": "lab"}
    provision(params)
    ids = azure.ids()
    other: Params = {**params, "virtualNetworkName": "NET", "subnetName": "Lab", "vmSize": "Standard_D4s_v5"}
    provision(other)
    assert azure.ids() == ids
    assert deletes(azure) == []
    assert ops.plan({**other, "subnetName": "LAB"}) == []
    deprovision({"vmName": "Exp1", "resourceGroup": "Shared"})
    assert azure.ids() == theirs


def test_every_other_verb_takes_any_spelling(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """They ask ARM by id, and the records by stack."""
    provision({"vmName": "exp1"})
    params: Params = {"vmName": "EXP1"}
    assert ops.vm_provision({"vmName": "Exp1"}) == (Status.SUCCEEDED, {}), "nothing was to be done"
    assert ops.vm_stop(params)[0] is Status.PENDING
    assert ops.wait_vm_operation(params)[0] is Status.SUCCEEDED
    assert azure.power(machine(group("vmops-exp1"), "exp1")) == "stopped"
    assert ops.vm_start(params)[0] is Status.PENDING
    assert ops.wait_vm_operation(params)[0] is Status.SUCCEEDED
    assert ops.extend(params, "1h")[0] is Status.SUCCEEDED
    assert ops.wait_vm_deployment(True, {"vmName": "eXP1"})[0] is Status.SUCCEEDED
    seen = ops.status({"vmName": "EXP1"})
    assert (seen["machine"]["power"], seen["operation"]["vmName"]) == ("running", "exp1")
    assert ops.resources({"vmName": "EXP1"}) == ops.resources({"vmName": "exp1"})


def test_recover_in_another_case_adopts_nothing_twice(
    ops: VMOps, azure: Azure, provision: Deploy, state_dir: Path
) -> None:
    """A VM in the state is known under any spelling."""
    provision({"vmName": "exp1"})
    status, found = ops.recover({"vmName": "Exp1"})
    assert status is Status.SUCCEEDED
    assert (found["adopted"], found["cleared"], found["foreign"]) == ([], [], [])


def test_an_interrupted_create_continues_in_another_case(
    ops: VMOps, azure: Azure, provision: Deploy, state_dir: Path
) -> None:
    """The engine died while creating the VM: the next call adopts the VM and makes no second one."""
    azure.stick("create")
    assert ops.vm_provision({"vmName": "exp1"}) == (Status.PENDING, {})
    assert poll_until(lambda: begun(azure), timeout=240)
    kill_all(state_dir)
    azure.let_go()
    assert provision({"vmName": "Exp1"})["name"] == "exp1"
    assert deletes(azure) == []


def test_recover_in_another_case_keeps_the_spelling(tmp_path: Path) -> None:
    """The group's list may lack a new VM, so it is read by its id."""
    with quick_world(tmp_path) as world:
        world.put_machine(OURS)
        target = Target.from_params({"vmName": "VM", "resourceGroup": "RG"})
        assert recover._intended(world.arm, target, []) == {f"{TOKENS['vm']}::vm": VM}
