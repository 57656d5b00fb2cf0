"""A resize that the hardware on which a VM runs has no room for, by the real engine: elsewhere, or back as it was."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.azure import Azure
from tests.functional.test_faults import failed
from vmops import VMOps
from vmops.cli.commands.local import app
from vmops.core.failures import FailureKind
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
PARAMS: Params = {"vmName": "exp1", "vmSize": "Standard_D2s_v5"}
OTHER_CLUSTER, SAME_CLUSTER = "Standard_D2as_v5", "Standard_D4s_v5"


def capacity(size: str, left: int) -> None:
    """Let there be room for so many more machines of a size."""
    CliRunner().invoke(app, ["capacity", size, str(left)], catch_exceptions=False)


def power_verbs(azure: Azure) -> list[str]:
    """Give the power verbs that were asked for."""
    return [each.rpartition("/")[2] for each in azure.writes() if each.startswith("POST")]


def size(azure: Azure, vm_id: str) -> str:
    return str(azure.vm(vm_id)["properties"]["hardwareProfile"]["vmSize"])


def events(ops: VMOps, name: str) -> list[dict[str, Any]]:
    """Give the events of that name in the log of the newest deployment."""
    (operation,) = ops.operations()
    logged = map(json.loads, ops.log_path(operation).read_text().splitlines())
    return [each for each in logged if each["event"] == name]


def test_a_size_that_the_hardware_lacks_is_had_elsewhere(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """Azure asks for a deallocation; it is said before, and the VM keeps its disks."""
    vm_id = provision(dict(PARAMS))["id"]
    first = azure.vm(vm_id)["properties"]["vmId"]
    provision({**PARAMS, "vmSize": OTHER_CLUSTER})
    assert (size(azure, vm_id), azure.power(vm_id)) == (OTHER_CLUSTER, "running")
    assert azure.vm(vm_id)["properties"]["vmId"] == first
    assert power_verbs(azure) == ["deallocate", "start"]
    (said,) = events(ops, "deallocated")
    assert "not available in the current hardware cluster" in said["reason"]
    begun = [each["operation"] for each in events(ops, "resource_begun") if "VirtualMachine" in each["resource"]]
    assert begun == ["update", "deallocate", "update", "start"]


@pytest.mark.parametrize("asked", [OTHER_CLUSTER, SAME_CLUSTER])
def test_a_size_for_which_there_is_no_room_leaves_the_vm_as_it_was(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy, asked: str
) -> None:
    """Whether Azure refuses at once or after all: the VM runs again with its old size, and the refusal is named."""
    vm_id = provision(dict(PARAMS))["id"]
    capacity(asked, 0)
    failure = failed(ops, {**PARAMS, "vmSize": asked})
    assert (failure.kind, failure.code) == (FailureKind.CAPACITY, "AllocationFailed")
    assert failure.message.endswith("; the VM runs again as before, with Standard_D2s_v5")
    assert (size(azure, vm_id), azure.power(vm_id)) == ("Standard_D2s_v5", "running")
    assert power_verbs(azure) == ["deallocate", "start", "start"]
    assert azure.vm(vm_id)["properties"]["provisioningState"] == "Succeeded"
    provision(dict(PARAMS))
    deprovision(dict(PARAMS))
    assert azure.resources() == []


def test_a_vm_that_finds_no_way_back_is_told_to_stand_still(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """Its old place may be another's by then; the same call goes on once there is room."""
    vm_id = provision(dict(PARAMS))["id"]
    starts = {"do": "fail", "code": "AllocationFailed"}
    azure.fault({"path": "*/virtualMachines/exp1", "verbs": ["start"], "effect": starts})
    failure = failed(ops, {**PARAMS, "vmSize": OTHER_CLUSTER})
    assert "the VM is stopped, and not back at Standard_D2s_v5: " in failure.message
    assert azure.power(vm_id) == "deallocated"
    azure.let_go()
    provision({**PARAMS, "vmSize": OTHER_CLUSTER})
    assert (size(azure, vm_id), azure.power(vm_id)) == (OTHER_CLUSTER, "running")


def test_a_size_that_the_location_lacks_stops_no_vm(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """No deallocation helps there."""
    vm_id = provision(dict(PARAMS))["id"]
    failure = failed(ops, {**PARAMS, "vmSize": "Standard_M128ms"})
    assert failure.code == "SkuNotAvailable"
    assert (power_verbs(azure), azure.power(vm_id)) == ([], "running")
