"""VMs that share a group, a network and a security group: the first makes them, the last removes them."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.azure import Azure
from vmops import Status, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.protocol import Params

SHARED: Params = {
    "resourceGroup": "lab",
    "virtualNetworkName": "net",
    "subnetName": "sub",
    "networkSecurityGroupName": "wall",
}
NAMES = [f"exp{number}" for number in range(1, 4)]
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/lab"
NETWORK = f"{GROUP}/providers/Microsoft.Network"
THEIRS: dict[str, dict[str, Any]] = {
    GROUP: {"location": "westus2", "tags": {"team": "lab"}},
    f"{NETWORK}/virtualNetworks/net": {
        "location": "westus2",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [{"name": "sub", "properties": {"addressPrefix": "10.0.0.0/24"}}],
        },
    },
    f"{NETWORK}/networkSecurityGroups/wall": {"location": "westus2", "properties": {}},
}


def shown(azure: Azure, path: str) -> Any:
    """Give a resource without the counters that change with its contents."""
    return json.loads(re.sub(r', "etag": "[^,}]*"', "", json.dumps(azure.get(f"{path}?api-version=2024-05-01"))))


def test_concurrent_vms_share_a_new_network(ops: VMOps, azure: Azure) -> None:
    """Each finds nothing, and one makes the network. Removed at the same time, they leave nothing."""
    several: list[Params] = [{**SHARED, "vmName": name} for name in NAMES]
    assert [ops.vm_provision(params) for params in several] == [(Status.PENDING, {})] * 3
    for params in several:
        assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    networks = [each for each in azure.ids() if each.count("/") == 8 and "/virtualNetworks/" in each]
    assert networks == [f"{NETWORK}/virtualNetworks/net"]

    def remove(params: Params) -> Status:
        assert ops.vm_deprovision(params) == (Status.PENDING, {})
        return ops.wait_vm_deployment(False, params)[0]

    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(remove, several)) == [Status.SUCCEEDED] * 3
    assert azure.resources() == []


@pytest.mark.parametrize("taken", THEIRS, ids=lambda path: path.rpartition("/")[2])
def test_a_resource_created_after_the_preflight_is_external(ops: VMOps, azure: Azure, taken: str) -> None:
    """The provision surveys again and uses the other's resource, which its removal keeps."""
    before = list(THEIRS)[: list(THEIRS).index(taken)]
    for path in before:
        azure.put(f"{path}?api-version=2024-05-01", THEIRS[path])
    looks = 1 if before else 0  # existing resources are first read by the group's list
    azure.fault({"method": "GET", "path": taken, "nth": 2 - looks, "effect": {"do": "delay"}})
    params: Params = {**SHARED, "vmName": "exp1"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert poll_until(lambda: azure.kept() or NotYet(0.01), timeout=60)
    azure.put(f"{taken}?api-version=2024-05-01", THEIRS[taken])
    theirs = [shown(azure, path) for path in [*before, taken]]
    azure.let_go()
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    assert ops.vm_deprovision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(False, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    assert [shown(azure, path) for path in [*before, taken]] == theirs
