"""What a subscription's owners put in the way of a VM, met by the real engine: locks, policies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.azure import Azure
from vmops import Status, VMOps
from vmops.local import inspection
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
LOCK = "/providers/Microsoft.Authorization/locks/keep"


def test_a_teardown_fails_for_a_lock_and_goes_on_without_it(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """What is locked is left; once the lock is gone the same call removes all of it."""
    params: Params = {"vmName": "exp1"}
    vm_id = provision(params)["id"]
    lock = f"{vm_id}{LOCK}?api-version=2016-09-01"
    azure.put(lock, {"properties": {"level": "CanNotDelete"}})
    hasty = {**params, "deployTimeout": 8}
    assert ops.vm_deprovision(hasty) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(False, hasty)[0] is Status.FAILED
    assert vm_id in azure.ids()
    inspection.send(state_dir, "DELETE", lock)
    deprovision(params)
    assert azure.resources() == []
