"""A second runner, or one without its state: it has the cloud, but nothing of the first runner."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from vmops import Status, VMOps
from vmops.core import keys
from vmops.core.failures import FailureKind
from vmops.protocol import Params

EXP1: Params = {"vmName": "exp1"}


@pytest.fixture
def again(ops: VMOps, state_dir: Path, tmp_path: Path) -> VMOps:
    """Give the second runner, for the same owner, with its own records, keys and backend."""
    second = tmp_path / "second"
    second.mkdir(mode=0o700)
    (second / "local").symlink_to(state_dir / "local")
    return VMOps(ops.settings.model_copy(update={"state_dir": second, "worker_idle": 0}))  # no fork server stays


def operations(ops: VMOps, params: Params) -> set[str]:
    """Give what a provision would do to existing resources."""
    return {step["operation"] for step in ops.plan(params) if step["type"]}


def test_a_runner_without_the_key_replaces_nothing(
    ops: VMOps, again: VMOps, azure: Azure, provision: Callable[[Params], dict[str, Any]]
) -> None:
    """It is refused at once with a remedy, and the first runner's VM stays unchanged."""
    vm_id = provision(EXP1)["id"]
    body, writes = azure.vm(vm_id), len(azure.writes())
    for _ in range(2):
        assert again.vm_provision(EXP1) == (Status.FAILED, {})
        failure = again.last_failure(EXP1)
        assert failure
        assert (failure.kind, failure.retryable) == (FailureKind.IMMUTABLE, False)
        assert failure.next_step.startswith("give adminPasswordOrKey, or copy keys/ssh/exp1-")
    assert (azure.vm(vm_id), len(azure.writes())) == (body, writes)


def test_a_runner_with_the_key_adopts_the_vm(
    ops: VMOps, again: VMOps, azure: Azure, state_dir: Path, provision: Callable[[Params], dict[str, Any]]
) -> None:
    """Its plan shows the adoption and the differences; a provision changes those, and the VM stays the same."""
    params: Params = {**EXP1, "adminPasswordOrKey": keys.ssh_public_key(state_dir, "ci")}
    vm_id = provision(params)["id"]
    first = azure.vm(vm_id)["properties"]["vmId"]
    assert operations(again, params) == {"adopt"}
    larger = {**params, "vmSize": "Standard_B4ms"}
    assert {step["resource"] for step in again.plan(larger) if step["operation"] == "update"} == {"VirtualMachine exp1"}
    assert operations(again, larger) == {"adopt", "update"}
    assert again.vm_provision(larger) == (Status.PENDING, {})
    assert again.wait_vm_deployment(True, larger)[0] is Status.SUCCEEDED, again.last_failure(larger)
    properties = azure.vm(vm_id)["properties"]
    assert (properties["vmId"], properties["hardwareProfile"]["vmSize"]) == (first, "Standard_B4ms")
    assert operations(again, larger) == set()
