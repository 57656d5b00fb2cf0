"""A VM that never ran may be made in another place by the same call; a VM that has run is never moved."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from vmops import Settings, Status, VMOps
from vmops.core.failures import FailureKind
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/vmops-n1"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/n1"
SEEN = f"{VM}?api-version=2024-07-01"
N1: Params = {"vmName": "n1"}
NO_SIZE = {"method": "PUT", "path": VM, "effect": {"do": "refuse", "code": "SkuNotAvailable"}}
NO_ROOM = {"method": "PUT", "path": VM, "verbs": ["create"], "effect": {"do": "fail", "code": "AllocationFailed"}}
ELSEWHERE = [{"location": "eastus"}, {"zone": "2"}]


def ended(ops: VMOps, params: Params) -> FailureKind | None:
    """Provision and wait; give the kind of failure, None if it succeeded."""
    begun = ops.vm_provision(params)[0]
    status = ops.wait_vm_deployment(True, params)[0] if begun is Status.PENDING else begun
    if status is Status.SUCCEEDED:
        return None
    failure = ops.last_failure(params)
    assert failure is not None
    return failure.kind


@pytest.mark.parametrize("place", ELSEWHERE, ids=["location", "zone"])
@pytest.mark.parametrize("refusal", [NO_SIZE, NO_ROOM], ids=["refused", "failed"])
def test_a_vm_that_never_ran_is_moved(ops: VMOps, azure: Azure, refusal: dict[str, Any], place: dict[str, str]) -> None:
    """The suggested call moves it. Nothing is left in the first place, and the group keeps its location."""
    azure.fault(refusal)
    assert ended(ops, dict(N1)) is FailureKind.CAPACITY
    azure.let_go()
    assert ended(ops, {**N1, **place}) is None
    vm = azure.get(SEEN)
    assert vm["location"] == place.get("location", "westus2")
    assert (vm.get("zones") or [None])[0] == place.get("zone")
    assert azure.locations(GROUP) == {vm["location"]}
    assert azure.get(f"{GROUP}?api-version=2024-03-01")["location"] == "westus2"
    assert ops.vm_deprovision(dict(N1))[0] is Status.PENDING
    assert ops.wait_vm_deployment(False, dict(N1))[0] is Status.SUCCEEDED
    assert azure.ids() == set()


@pytest.mark.parametrize("place", ELSEWHERE, ids=["location", "zone"])
def test_a_vm_that_has_run_is_not_moved(ops: VMOps, azure: Azure, provision: Deploy, place: dict[str, str]) -> None:
    """Neither after a failed start nor after a deletion by hand: its disks may have data."""
    provision({**N1, "dataDisks": [4]})
    assert ended(ops, {**N1, **place}) is FailureKind.IMMUTABLE
    azure.delete(SEEN)
    before = azure.ids()
    assert ended(ops, {**N1, **place}) is FailureKind.IMMUTABLE
    assert azure.ids() == before


def test_a_vm_without_a_record_is_not_moved(ops: VMOps, azure: Azure, tmp_path: Path, state_dir: Path) -> None:
    """Another host does not know whether it ever ran."""
    azure.fault(NO_ROOM)
    assert ended(ops, dict(N1)) is FailureKind.CAPACITY
    azure.let_go()
    records = state_dir / "operations.db"
    for path in state_dir.glob("operations.db*"):
        path.rename(tmp_path / path.name)
    assert not records.exists()
    there = VMOps(Settings(state_dir=state_dir, owner="tester"))
    before = azure.ids()
    assert ended(there, {**N1, "location": "eastus"}) is FailureKind.IMMUTABLE
    assert azure.ids() == before


def test_a_failed_create_is_retried_in_the_same_place(ops: VMOps, azure: Azure) -> None:
    """The VM is not moved."""
    azure.fault(NO_ROOM)
    assert ended(ops, dict(N1)) is FailureKind.CAPACITY
    azure.let_go()
    assert ended(ops, dict(N1)) is None
