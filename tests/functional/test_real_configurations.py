"""Real configurations of VMs, at the wire: requested properties are sent, kept, repaired, or refused."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from vmops import Status, VMOps
from vmops.core.failures import FailureKind
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
SHARED, GROUP = f"{SUBSCRIPTION}/resourceGroups/shared", f"{SUBSCRIPTION}/resourceGroups/vmops-exp1"
NET = f"{SHARED}/providers/Microsoft.Network/virtualNetworks/net"
SUBNET = f"{NET}/subnets/lab"
NIC = f"{GROUP}/providers/Microsoft.Network/networkInterfaces/exp1-nic?api-version=2024-05-01"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/exp1"


@pytest.fixture
def theirs(azure: Azure) -> set[str]:
    """Create a foreign network in another group and another location; give the ids of its resources."""
    azure.put(f"{SHARED}?api-version=2024-03-01", {"location": "westus2"})
    subnet = {"name": "lab", "properties": {"addressPrefix": "10.9.0.0/24"}}
    space = {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}, "subnets": [subnet]}
    azure.put(f"{NET}?api-version=2024-05-01", {"location": "eastus", "properties": space})
    return azure.ids()


def refused(ops: VMOps, azure: Azure, params: Params, kind: FailureKind, words: str) -> None:
    """Expect a provision to be refused with these words, and nothing written."""
    before = azure.writes()
    assert ops.vm_provision(params)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, params)[0] is Status.FAILED
    failure = ops.last_failure(params)
    assert failure is not None
    assert (failure.kind, words in failure.message) == (kind, True), str(failure)
    assert azure.writes() == before


def test_an_external_subnet_is_used_and_not_changed(
    ops: VMOps, azure: Azure, theirs: set[str], provision: Deploy, deprovision: Deploy
) -> None:
    """The VM is in the location of that network. Nothing there is written, and all of it stays after the removal."""
    params: Params = {"vmName": "exp1", "subnetId": SUBNET}
    gone = {**params, "subnetId": f"{NET}/subnets/other"}
    refused(ops, azure, gone, FailureKind.INVALID, f"subnetId: there is no {NET}/subnets/other")
    away = {**params, "location": "westus2"}
    refused(ops, azure, away, FailureKind.INVALID, "location: westus2 is not where the network of subnetId is: eastus")
    made = provision(params)
    assert (made["location"], made["privateIp"]) == ("eastus", "10.9.0.4")
    assert ops.plan({**params, "subnetId": SUBNET.upper()}) == []
    assert ops.vm_provision({**params, "subnetId": SUBNET.upper()})[0] is Status.SUCCEEDED
    assert [write for write in azure.writes() if "virtualNetworks" in write] == [f"PUT {NET}"]
    refused(ops, azure, {"vmName": "exp1", "location": "eastus"}, FailureKind.IMMUTABLE, "cannot be changed to none")
    deprovision(params)
    assert azure.ids() == theirs


COMPUTE = f"{SHARED}/providers/Microsoft.Compute"
COMMUNITY = "/CommunityGalleries/bench-6c2b6a55-3f0d-4c58-9a51-0d1f6f5a7d10/Images"
VERSION = "?api-version=2024-07-01"


def test_an_image_is_read_before_anything_is_made(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """An absent image, one of Windows, and one that the size cannot boot are refused. Another image replaces the VM."""
    azure.put(f"{SHARED}?api-version=2024-03-01", {"location": "westus2"})
    where: Params = {"location": "westus2"}
    gallery, lab = f"{COMPUTE}/galleries/g", f"{COMPUTE}/galleries/g/images/lab"
    says = {"osType": "Linux", "osState": "Generalized", "hyperVGeneration": "V2", "architecture": "x64"}
    azure.put(f"{gallery}{VERSION}", where)
    azure.get(f"{gallery}{VERSION}")
    named = {"identifier": {"publisher": "p", "offer": "o", "sku": "s"}}
    azure.put(f"{lab}{VERSION}", {**where, "properties": {**says, **named}})
    azure.put(f"{lab}/versions/1.0.0{VERSION}", {**where, "properties": {"storageProfile": {}}})
    for image_id, size, words in (
        (f"{COMPUTE}/images/none", "B2s", f"imageId: there is no {COMPUTE}/images/none"),
        (lab, "D2ps_v5", "imageId: it is for x64 processors, and vmSize Standard_D2ps_v5 has Arm64"),
        (f"{COMMUNITY}/ubuntu-24.04-gen1", "D2s_v6", "it is of generation 1, and vmSize Standard_D2s_v6 boots"),
        (f"{COMMUNITY}/windows-2022", "B2s", "imageId: it is an image of Windows, and vmops makes VMs of Linux"),
    ):
        params: Params = {"vmName": "exp1", "imageId": image_id, "vmSize": f"Standard_{size}"}
        refused(ops, azure, params, FailureKind.INVALID, words)
    provision({"vmName": "exp1", "imageId": lab})
    first = azure.vm(VM)["properties"]
    assert first["storageProfile"]["imageReference"] == {"id": lab, "exactVersion": "1.0.0"}
    in_capitals: Params = {"vmName": "exp1", "imageId": lab.upper(), "vmSize": "Standard_D4s_v5"}
    steps = ops.plan(in_capitals)
    assert [(step["operation"], step["resource"]) for step in steps] == [("update", "VirtualMachine exp1")]
    provision({"vmName": "exp1", "imageId": f"{COMMUNITY}/ubuntu-24.04"})
    assert azure.vm(VM)["properties"]["vmId"] != first["vmId"]


def test_identities_and_guards_are_kept_repaired_or_refused(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """Declared values are repaired, foreign ones stay, and changes that need a stopped VM are refused."""
    azure.put(f"{SHARED}?api-version=2024-03-01", {"location": "westus2"})
    me, other, theirs = (
        f"{SHARED}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}" for name in "mot"
    )
    for each in (me, other, theirs):
        azure.put(f"{each}?api-version=2023-01-31", {"location": "westus2"})
    params: Params = {"vmName": "exp1", "managedIdentity": me, "securityType": "TrustedLaunch", "secureBoot": True}
    provision(params)
    assert ops.vm_provision({**params, "managedIdentity": me.upper()})[0] is Status.SUCCEEDED
    assert ops.plan({**params, "managedIdentity": me.upper()}) == []
    vm_id = azure.vm(VM)["properties"]["vmId"]
    azure.patch(f"{VM}{VERSION}", {"identity": {"type": "UserAssigned", "userAssignedIdentities": {theirs: {}}}})
    azure.patch(f"{VM}{VERSION}", {"identity": {"type": "UserAssigned", "userAssignedIdentities": {me: None}}})
    made = provision(params)
    assert made["repaired"] == [f"identity {me}: missing: repaired"]
    assert made["notOurs"] == [f"identity {theirs}: kept"]
    assert set(azure.vm(VM)["identity"]["userAssignedIdentities"]) == {me, theirs}
    provision({**params, "managedIdentity": ["system", other]})
    identity = azure.vm(VM)["identity"]
    assert (identity["type"], set(identity["userAssignedIdentities"])) == (
        "SystemAssigned, UserAssigned",
        {other, theirs},
    )
    silent = {name: value for name, value in params.items() if name != "managedIdentity"}
    provision(silent)
    assert azure.vm(VM)["identity"] == identity
    refused(ops, azure, {**silent, "encryptionAtHost": True}, FailureKind.IMMUTABLE, "encryptionAtHost: the VM has Fal")
    refused(ops, azure, {**silent, "secureBoot": False}, FailureKind.IMMUTABLE, "secureBoot: the VM has True and canno")
    assert azure.vm(VM)["properties"]["vmId"] == vm_id


def test_disks_and_interfaces_are_as_requested(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy
) -> None:
    """On a size with NVMe only, with an ephemeral system disk; a VM that must not be deallocated is not."""
    guard = f"{GROUP}/providers/Microsoft.Network/networkSecurityGroups/exp1-nsg"
    params: Params = {
        "vmName": "exp1",
        "vmSize": "Standard_D2ds_v6",
        "diskControllerType": "NVMe",
        "ephemeralOsDisk": "nvme",
        "acceleratedNetworking": "auto",
        "privateIpAddress": "10.0.0.9",
        "networkSecurityGroupOn": "both",
        "bootDiagnostics": False,
        "dataDisks": 8,
        "dataDiskCaching": "ReadOnly",
        "dataDiskType": "Premium_LRS",
    }
    small: Params = {**params, "vmName": "exp2", "vmSize": "Standard_D2s_v6"}
    assert ops.vm_provision(small)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, small)[0] is Status.FAILED
    assert "invalid: " in (told := str(ops.last_failure(small)))
    assert "Ephemeral VM with size greater than 0 GB" in told
    assert provision(params)["privateIp"] == "10.0.0.9"
    nic = azure.get(NIC)["properties"]
    assert (nic["enableAcceleratedNetworking"], nic["networkSecurityGroup"]) == (True, {"id": guard})
    assert not [each for each in azure.ids() if each.endswith("exp1-osdisk")]
    assert ops.plan(params) == []
    azure.patch(f"{VM}{VERSION}", {"properties": {"diagnosticsProfile": {"bootDiagnostics": {"enabled": True}}}})
    assert provision(params)["repaired"] == ["bootDiagnostics: True instead of False: repaired"]
    refused(ops, azure, {**params, "dataDisks": 9}, FailureKind.IMMUTABLE, "the VM cannot be deallocated")
    refused(ops, azure, {**params, "diskControllerType": "SCSI"}, FailureKind.IMMUTABLE, "diskControllerType: the VM ")
    refused(ops, azure, {**params, "acceleratedNetworking": "no"}, FailureKind.IMMUTABLE, "acceleratedNetworking: the ")
    other = {**params, "dataDiskType": "Standard_LRS"}
    refused(ops, azure, other, FailureKind.IMMUTABLE, "dataDiskType: the VM has Premium_LRS and cannot be changed to")
    managed = {name: value for name, value in params.items() if name != "ephemeralOsDisk"}
    refused(ops, azure, managed, FailureKind.IMMUTABLE, "ephemeralOsDisk: the VM has NvmeDisk and cannot be changed to")
    deprovision(params)
    deprovision(small)
    assert azure.ids() == set()


DISK = f"{GROUP}/providers/Microsoft.Compute/disks/exp1-data-0"


def test_disks_with_their_own_speed_survive_a_replacement(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy, state_dir: Path
) -> None:
    """They are made before the VM and change in place.

    They keep foreign tags, are found without a state, and are removed at the end.
    """
    params: Params = {
        "vmName": "exp1",
        "vmSize": "Standard_D2s_v5",
        "zone": 1,
        "dataDisks": [8, 8],
        "dataDiskType": "PremiumV2_LRS",
        "dataDiskIops": 3500,
    }
    provision(params)
    first, unique = azure.vm(VM)["properties"]["vmId"], azure.get(f"{DISK}{VERSION}")["properties"]["uniqueId"]
    assert ops.plan(params) == []
    azure.patch(f"{DISK}{VERSION}", {"tags": {**azure.get(f"{DISK}{VERSION}")["tags"], "cost": "lab"}})
    faster: Params = {**params, "dataDiskIops": 4000, "dataDiskMbps": 1000}
    assert {(step["operation"], step["type"]) for step in ops.plan(faster) if step["operation"] != "keep"} == {
        ("update", "Microsoft.Compute/disks")
    }
    assert provision(faster)["notOurs"] == ["tag cost on exp1-data-0: kept"]
    disk = azure.get(f"{DISK}{VERSION}")
    assert (disk["properties"]["diskIOPSReadWrite"], disk["properties"]["diskMBpsReadWrite"]) == (4000, 1000)
    assert (disk["tags"]["cost"], azure.vm(VM)["properties"]["vmId"]) == ("lab", first)
    anew: Params = {**faster, "adminUsername": "ada", "dataDisks": [8]}
    assert ops.losses(anew) == ["exp1 is replaced because of adminUsername, and loses exp1-osdisk"]
    provision(anew)
    assert azure.vm(VM)["properties"]["vmId"] != first
    assert azure.get(f"{DISK}{VERSION}")["properties"]["uniqueId"] == unique
    assert DISK.replace("data-0", "data-1") in azure.ids()
    shutil.rmtree(state_dir / "backend")
    provision({**anew, "dataDisks": [8, 8], "vmPorts": [22, 80]})
    assert azure.get(f"{DISK}{VERSION}")["properties"]["uniqueId"] == unique
    refused(
        ops, azure, {**faster, "dataDiskType": "UltraSSD_LRS"}, FailureKind.IMMUTABLE, "dataDiskType: the VM has Pr"
    )
    deprovision(params)
    assert azure.ids() == set()
