"""What real configurations say of a VM, at the wire: sent where it is given, kept, repaired, or refused."""

from collections.abc import Callable
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
    """Put somebody else's network there, in another group and another location; give the ids of all of it."""
    azure.put(f"{SHARED}?api-version=2024-03-01", {"location": "westus2"})
    subnet = {"name": "lab", "properties": {"addressPrefix": "10.9.0.0/24"}}
    space = {"addressSpace": {"addressPrefixes": ["10.9.0.0/16"]}, "subnets": [subnet]}
    azure.put(f"{NET}?api-version=2024-05-01", {"location": "eastus", "properties": space})
    return azure.ids()


def refused(ops: VMOps, azure: Azure, params: Params, kind: FailureKind, words: str) -> None:
    """See a provision refused in these words, with nothing written."""
    before = azure.writes()
    assert ops.vm_provision(params)[0] is Status.PENDING
    assert ops.wait_vm_deployment(True, params)[0] is Status.FAILED
    failure = ops.last_failure(params)
    assert failure is not None
    assert (failure.kind, words in failure.message) == (kind, True), str(failure)
    assert azure.writes() == before


def test_a_subnet_of_another_group_is_used_and_never_touched(
    ops: VMOps, azure: Azure, theirs: set[str], provision: Deploy, deprovision: Deploy
) -> None:
    """The VM goes where that network is; nothing there is written, and all of it stays when the VM goes."""
    params: Params = {"vmName": "exp1", "subnetId": SUBNET}
    gone = {**params, "subnetId": f"{NET}/subnets/other"}
    refused(ops, azure, gone, FailureKind.INVALID, f"subnetId: there is no {NET}/subnets/other")
    away = {**params, "location": "westus2"}
    refused(ops, azure, away, FailureKind.INVALID, "location: westus2 is not where the network of subnetId is: eastus")
    made = provision(params)
    assert (made["location"], made["privateIp"]) == ("eastus", "10.9.0.4")
    assert ops.plan(params) == []
    assert ops.vm_provision({**params, "subnetId": SUBNET.upper()})[0] is Status.SUCCEEDED
    assert [write for write in azure.writes() if "virtualNetworks" in write] == [f"PUT {NET}"]
    refused(ops, azure, {"vmName": "exp1", "location": "eastus"}, FailureKind.IMMUTABLE, "cannot be changed to none")
    deprovision(params)
    assert azure.ids() == theirs
