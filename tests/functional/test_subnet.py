"""A subnet of ours in an external network: it has no tags, and is removed with its VM."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure, kill_all
from vmops import Status, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/shared"
NET = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net"
PARAMS: Params = {
    "vmName": "exp1",
    "resourceGroup": "shared",
    "virtualNetworkName": "net",
    "subnetPrefix": "10.0.1.0/24",
}


@pytest.fixture
def theirs(azure: Azure) -> set[str]:
    """Create an external network with a subnet, and give the ids of its resources."""
    azure.put(f"{GROUP}?api-version=2024-03-01", {"location": "westus2"})
    subnet = {"name": "theirs", "properties": {"addressPrefix": "10.0.0.0/24"}}
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]}
    azure.put(f"{NET}?api-version=2024-05-01", {"location": "westus2", "properties": space})
    return azure.ids()


@pytest.mark.parametrize("named", [{}, {"subnetName": "lab"}], ids=["by its VM", "by the user"])
def test_a_subnet_of_ours_is_removed_with_its_vm(
    ops: VMOps, azure: Azure, theirs: set[str], provision: Deploy, deprovision: Deploy, named: Params
) -> None:
    """Whatever its name, and after several provisions. The network and its other subnets stay."""
    params = {**PARAMS, **named}
    provision(params)
    provision({**params, "vmSize": "Standard_B4ms"})
    assert ops.plan({**params, "vmSize": "Standard_B4ms"}) == []
    deprovision(params)
    assert azure.ids() == theirs


def test_a_subnet_in_use_by_another_vm_stays(
    ops: VMOps, azure: Azure, theirs: set[str], provision: Deploy, deprovision: Deploy
) -> None:
    """ARM refuses its deletion; the VM that made it is removed."""
    first, second = {**PARAMS, "subnetName": "lab"}, {**PARAMS, "subnetName": "lab", "vmName": "exp2"}
    provision(first)
    provision(second)
    deprovision(first)
    assert f"{NET}/subnets/lab" in azure.ids()
    assert ops.vm_stop(second)[0] is Status.PENDING
    deprovision(second)


def test_a_subnet_with_an_interrupted_create_is_removed(
    ops: VMOps, azure: Azure, state_dir: Path, theirs: set[str], deprovision: Deploy
) -> None:
    """The engine dies during its request: the following removal knows that the subnet is ours."""
    rule = {"method": "PUT", "path": f"{NET}/subnets/*", "effect": {"do": "delay"}}
    azure.fault(rule)
    assert ops.vm_provision(dict(PARAMS)) == (Status.PENDING, {})
    assert poll_until(lambda: azure.kept() or NotYet(0.01), timeout=240)
    kill_all(state_dir)
    azure.let_go()
    deprovision(dict(PARAMS))
    assert azure.ids() == theirs
