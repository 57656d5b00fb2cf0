"""State of earlier versions: every verb works on it, and running VMs are not deployed again."""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import vmops
from tests.azure import Azure, living
from tests.states import kept
from vmops import ProvisionError, Settings, Status, VMOps
from vmops.core.failures import FailureKind
from vmops.jobs.operation import State, Verb
from vmops.local import daemon
from vmops.protocol import Params

FIRST = "5486b2a"
RUNNING, HALF_MADE, HALF_REMOVED = (kept.params(FIRST, name) for name in ("running", "half-made", "half-removed"))
ALL = (RUNNING, HALF_MADE, HALF_REMOVED)
Deploy = Callable[[Params], dict[str, Any]]


@pytest.fixture
def host() -> str:
    """Use the host identity that the state was written with."""
    return socket.gethostname()


@pytest.fixture
def azure(engine: Path, state_dir: Path, host: str) -> Azure:
    """Give the local Azure with the state of the first version."""
    kept.unpack(FIRST, state_dir, host)
    daemon.ensure(state_dir)
    return Azure(state_dir)


@pytest.fixture
def ops(azure: Azure, state_dir: Path) -> VMOps:
    """Give VMOps on the state of the first version, for its owner."""
    return VMOps(Settings(state_dir=state_dir, owner="ada"))


def vm_id_of(azure: Azure, params: Params) -> str:
    """Give Azure's own id of a VM."""
    (path,) = (each for each in azure.ids() if each.endswith(f"/virtualMachines/{params['vmName']}"))
    found: str = azure.vm(path)["properties"]["vmId"]
    return found


def changes(ops: VMOps, params: Params) -> list[dict[str, str]]:
    """Give the changes that a provision would make; reading the provider is not a change."""
    return [step for step in ops.plan(params) if not step["resource"].startswith("azure-native")]


@pytest.mark.parametrize("host", [socket.gethostname(), "elsewhere"], ids=["here", "elsewhere"])
def test_earlier_state_is_left_unchanged_by_an_equal_provision(ops: VMOps, azure: Azure, state_dir: Path) -> None:
    """No deployment is needed, and the VM's key still logs in. The request is recorded from then on."""
    before, had = vm_id_of(azure, RUNNING), ops.operation(RUNNING)
    assert ops.vm_provision(dict(RUNNING)) == (Status.SUCCEEDED, {})
    known = ops.operation(RUNNING)
    assert had
    assert known
    assert known == replace(had, given=known.given)
    assert known.given.items() >= {"vmName": "exp1", "vmPorts": [22, 8080], "dataDisks": [64]}.items()
    assert (azure.writes(), living(state_dir)) == ([], [])
    assert vm_id_of(azure, RUNNING) == before
    status, result = ops.wait_vm_deployment(True, dict(RUNNING))
    assert status is Status.SUCCEEDED
    assert result["ssh"].startswith(f"ssh -i {state_dir}/keys/ssh/exp1-")


@pytest.mark.parametrize("host", [socket.gethostname(), "elsewhere"], ids=["here", "elsewhere"])
def test_earlier_state_is_shown_by_all_queries(ops: VMOps, azure: Azure) -> None:
    """Operations whose workers are dead are shown as interrupted."""
    told = [ops.status(params) for params in ALL]
    machines = [each["machine"] and each["machine"]["power"] for each in told]
    assert [(each["operation"]["verb"], each["operation"]["state"]) for each in told] == [
        (Verb.PROVISION, State.SUCCEEDED),
        (Verb.PROVISION, State.FAILED),
        (Verb.DEPROVISION, State.FAILED),
    ]
    assert machines == ["running", "running", None]
    assert [each.vm_name for each in ops.operations()] == ["exp3", "exp2", "exp1"]
    assert [each.failure and each.failure.kind for each in ops.operations()] == [
        FailureKind.INTERRUPTED,
        FailureKind.INTERRUPTED,
        None,
    ]
    assert all(ops.resources(params) for params in ALL)
    assert list(ops.expired([])) == []


def test_every_verb_works_on_earlier_state(ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy) -> None:
    """Existing VMs are kept, interrupted operations are finished, and everything can be removed."""
    before = [vm_id_of(azure, params) for params in (RUNNING, HALF_MADE)]
    assert changes(ops, RUNNING) == []
    for verb in (ops.vm_stop, ops.vm_start, ops.vm_restart):
        assert verb(params := dict(RUNNING)) == (Status.PENDING, {}), ops.last_failure(params)
        assert ops.wait_vm_operation(params)[0] is Status.SUCCEEDED
    assert ops.extend(RUNNING, "2h")[0] is Status.SUCCEEDED
    assert ops.recover(HALF_MADE, dry_run=True)[0] is Status.SUCCEEDED
    assert ops.cancel(HALF_REMOVED)[0] is Status.SUCCEEDED
    provision(dict(HALF_MADE))
    deprovision(dict(HALF_REMOVED))
    assert [vm_id_of(azure, params) for params in (RUNNING, HALF_MADE)] == before
    for params in (RUNNING, HALF_MADE):
        deprovision(dict(params))
    assert azure.resources() == []


def test_a_vm_of_earlier_state_has_no_holder(ops: VMOps, azure: Azure) -> None:
    """It has no mark, so a block refuses it without take_over."""
    before, writes = vm_id_of(azure, RUNNING), azure.writes()
    with pytest.raises(ProvisionError, match="no program holds it") as refused:
        vmops.machine(RUNNING, settings=ops.settings).__enter__()
    assert (refused.value.failure.kind, azure.writes()) == (FailureKind.CONFLICT, writes)
    with vmops.machine(RUNNING, settings=ops.settings, take_over=True):
        assert vm_id_of(azure, RUNNING) == before
    assert not any("/virtualMachines/exp1" in each for each in azure.ids())


def test_a_vm_of_earlier_state_is_updated_in_place(azure: Azure, provision: Deploy) -> None:
    """The update uses the engine's state of the earlier version."""
    before = vm_id_of(azure, RUNNING)
    provision({**RUNNING, "vmSize": "Standard_B4ms", "tags": {"trial": "8"}})
    assert vm_id_of(azure, RUNNING) == before
