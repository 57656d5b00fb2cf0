"""Whatever is killed in the middle, the same call converges, and a deprovision then leaves nothing."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure, living, processes_of
from vmops import Status, VMOps
from vmops.failures import Kind
from vmops.local import daemon
from vmops.protocol import Params
from vmops.waiting import Later, wait

Deploy = Callable[[Params], dict[str, Any]]
PACE = 0.03


def begun(azure: Azure) -> bool | Later:
    """Tell whether ARM has taken the create of the VM on."""
    return any(each["method"] == "PUT" and "virtualMachines" in each["path"] for each in azure.journal()) or Later(0.02)


def kill(state_dir: Path, *victims: str) -> None:
    """Kill the worker, the engine, or both, at once."""
    for kind, process in living(state_dir):
        if kind in victims:
            os.kill(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("victims", [("worker",), ("engine",), ("worker", "engine")], ids="-".join)
def test_a_killed_provision_is_taken_up(
    ops: VMOps, azure: Azure, state_dir: Path, deprovision: Deploy, victims: tuple[str, ...]
) -> None:
    """The wait says so at once; the same call adopts what ARM carried out, and makes no second VM."""
    daemon.ensure(state_dir, PACE)
    params: Params = {"vmName": "exp1"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert wait(lambda: begun(azure), timeout=60)
    kill(state_dir, *victims)
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert failure.kind is Kind.INTERRUPTED
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    made = [each for each in azure.ids() if "/virtualMachines/" in each]
    assert len(made) == 1
    deprovision(params)
    assert azure.resources() == []
    assert wait(lambda: Later(0.02) if processes_of(state_dir) else True, timeout=5)


def test_a_killed_provision_can_be_deprovisioned(
    ops: VMOps, azure: Azure, state_dir: Path, deprovision: Deploy
) -> None:
    """Nobody needs the secrets of what was being made to take it down."""
    daemon.ensure(state_dir, PACE)
    params: Params = {"vmName": "exp1"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert wait(lambda: begun(azure), timeout=60)
    kill(state_dir, "worker", "engine")
    deprovision(params)
    assert azure.resources() == []


def test_a_killed_deprovision_is_taken_up(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """Killed while the VM is being deleted, the same call removes the rest."""
    params: Params = {"vmName": "exp1"}
    provision(params)
    daemon.ensure(state_dir, PACE)
    assert ops.vm_deprovision(params) == (Status.PENDING, {})
    assert wait(lambda: any(each.startswith("DELETE") for each in azure.writes()) or Later(0.02), timeout=60)
    kill(state_dir, "worker", "engine")
    assert ops.wait_vm_deployment(False, params) == (Status.FAILED, {})
    deprovision(params)
    assert azure.resources() == []


def test_the_local_azure_may_die_in_the_middle(ops: VMOps, azure: Azure, state_dir: Path, deprovision: Deploy) -> None:
    """The worker starts it again at the same ports, adopts what had been begun, and the same provision succeeds."""
    daemon.ensure(state_dir, PACE)
    params: Params = {"vmName": "exp1"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert wait(lambda: begun(azure), timeout=60)
    before = daemon.find(state_dir)
    assert before
    os.kill(before.pid, signal.SIGKILL)
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    after = daemon.find(state_dir)
    assert after
    assert (after.arm, after.token, after.provider) == (before.arm, before.token, before.provider)
    deprovision(params)
    assert azure.resources() == []


def test_a_callers_death_changes_nothing(azure: Azure, ops: VMOps, state_dir: Path) -> None:
    """The worker outlives its caller."""
    program = "import vmops, os, signal; vmops.VMOps().vm_provision({'vmName': 'exp1'}); os.kill(os.getpid(), 9)"
    died = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert died.returncode == -signal.SIGKILL
    assert ops.wait_vm_deployment(True, {"vmName": "exp1"})[0] is Status.SUCCEEDED
