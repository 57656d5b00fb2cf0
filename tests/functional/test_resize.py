"""Resizes that the VM's hardware cannot provide, with the real engine: elsewhere, or back to the old size."""

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
    """Limit the capacity for a size to so many more machines."""
    CliRunner().invoke(app, ["capacity", size, str(left)], catch_exceptions=False)


def power_verbs(azure: Azure) -> list[str]:
    """Give the requested power verbs."""
    return [each.rpartition("/")[2] for each in azure.writes() if each.startswith("POST")]


def size(azure: Azure, vm_id: str) -> str:
    return str(azure.vm(vm_id)["properties"]["hardwareProfile"]["vmSize"])


def events(ops: VMOps, name: str) -> list[dict[str, Any]]:
    """Give the events of that name in the log of the newest deployment."""
    (operation,) = ops.operations()
    logged = map(json.loads, ops.log_path(operation).read_text().splitlines())
    return [each for each in logged if each["event"] == name]


def test_a_size_outside_the_cluster_is_reached_by_deallocation(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """Azure requires it. It is logged first, and the VM keeps its disks."""
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
def test_a_resize_without_capacity_restores_the_old_size(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy, asked: str
) -> None:
    """Whether Azure refuses at once or at the end of the operation. The VM runs again, and the refusal is reported."""
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


def test_a_failed_resize_that_cannot_be_undone_reports_a_stopped_vm(
    ops: VMOps, azure: Azure, provision: Deploy
) -> None:
    """The capacity for its old size is used by others; the same call continues once there is some."""
    vm_id = provision(dict(PARAMS))["id"]
    starts = {"do": "fail", "code": "AllocationFailed"}
    azure.fault({"path": "*/virtualMachines/exp1", "verbs": ["start"], "effect": starts})
    failure = failed(ops, {**PARAMS, "vmSize": OTHER_CLUSTER})
    assert "the VM is stopped, and not back at Standard_D2s_v5: " in failure.message
    assert azure.power(vm_id) == "deallocated"
    azure.let_go()
    provision({**PARAMS, "vmSize": OTHER_CLUSTER})
    assert (size(azure, vm_id), azure.power(vm_id)) == (OTHER_CLUSTER, "running")


def test_a_size_missing_in_the_location_does_not_stop_the_vm(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """A deallocation would not help."""
    vm_id = provision(dict(PARAMS))["id"]
    failure = failed(ops, {**PARAMS, "vmSize": "Standard_M128ms"})
    assert failure.code == "SkuNotAvailable"
    assert (power_verbs(azure), azure.power(vm_id)) == ([], "running")
