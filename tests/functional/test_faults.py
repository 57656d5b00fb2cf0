"""Every family of Azure's faults: how vmops reports it, and how the next call succeeds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.azure import Azure
from vmops import SpecError, Status, VMOps
from vmops.cli.commands.local import app
from vmops.core.errors import CloudError
from vmops.core.failures import Failure, FailureKind
from vmops.local import inspection
from vmops.local.arm.faults.catalogue import FAULTS, INCIDENTS
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
EVERY_TRY = 4  # azcore retries a request three times


class Faults:
    """The faults of a test's local Azure."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def put(self, name: str, **when: Any) -> None:
        """Activate one fault and no other."""
        self._put([FAULTS[name].rule(name, **when)])

    def _put(self, rules: list[Any]) -> None:
        inspection.ask(self._state_dir, "PUT", "faults", [rule.plain() for rule in rules])

    def clear(self) -> None:
        """Clear all faults."""
        inspection.ask(self._state_dir, "PUT", "faults", [])

    def happen(self, name: str, vm_id: str) -> None:
        """Do to a VM what somebody else might do."""
        incident = INCIDENTS[name]
        path = f"{vm_id}{incident.step}?api-version=2024-07-01"
        inspection.send(self._state_dir, incident.method, path, incident.body or None)


@pytest.fixture
def faults(azure: Azure, state_dir: Path) -> Faults:
    """Give the faults of this test's Azure."""
    return Faults(state_dir)


def failed(ops: VMOps, params: Params) -> Failure:
    """Provision, which must fail, and give the failure."""
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    return failure


def machines(azure: Azure) -> list[str]:
    """Give the ids of all VMs."""
    return [each["id"] for each in azure.resources() if each["type"] == "Microsoft.Compute/virtualMachines"]


@pytest.mark.parametrize(
    ("name", "kind", "code"),
    [
        ("quota", FailureKind.QUOTA, "OperationNotAllowed"),
        ("sku-not-available", FailureKind.CAPACITY, "SkuNotAvailable"),
        ("allocation-failed", FailureKind.CAPACITY, "AllocationFailed"),
        ("os-provisioning-timed-out", FailureKind.TIMEOUT, "OSProvisioningTimedOut"),
        ("internal-operation-error", FailureKind.INTERRUPTED, "InternalOperationError"),
        ("expired-token", FailureKind.AUTH, "ExpiredAuthenticationToken"),
        ("authorization-failed", FailureKind.AUTH, "AuthorizationFailed"),
    ],
)
def test_a_fault_fails_with_its_kind_and_the_next_call_succeeds(
    ops: VMOps, azure: Azure, faults: Faults, deprovision: Deploy, name: str, kind: FailureKind, code: str
) -> None:
    """The failure has its kind and ARM's code, and partial results do not disturb the next call."""
    params: Params = {"vmName": "exp1", "dataDisks": [4]}
    faults.put(name)
    failure = failed(ops, params) if name != "expired-token" else refused_at_once(ops, params)
    assert (failure.kind, failure.code) == (kind, code)
    faults.clear()
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    assert len(machines(azure)) == 1
    deprovision(params)
    assert azure.resources() == []


def refused_at_once(ops: VMOps, params: Params) -> Failure:
    """Provision, which must be refused by the first request to ARM, and give the failure."""
    if ops.vm_provision(params) == (Status.PENDING, {}):
        assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    return failure


def test_a_vm_without_capacity_fails_and_is_made_elsewhere(
    ops: VMOps, azure: Azure, provision: Deploy, deprovision: Deploy
) -> None:
    """The failure is of the kind capacity. The same call succeeds once capacity is free."""
    CliRunner().invoke(app, ["capacity", "Standard_B2s", "1"], catch_exceptions=False)
    provision({"vmName": "exp0"})
    params: Params = {"vmName": "exp1"}
    failure = failed(ops, params)
    assert (failure.kind, failure.code) == (FailureKind.CAPACITY, "AllocationFailed")
    deprovision({"vmName": "exp0"})
    provision(params)
    deprovision(params)
    assert azure.resources() == []
    assert [room["left"] for room in azure.get("/_local/capacity")] == [1]


def test_a_failed_vm_can_be_deprovisioned(ops: VMOps, azure: Azure, faults: Faults, deprovision: Deploy) -> None:
    """The failed VM, its disk and its interface are removed."""
    params: Params = {"vmName": "exp1"}
    faults.put("allocation-failed")
    failed(ops, params)
    assert len(machines(azure)) == 1
    deprovision(params)
    assert azure.resources() == []


@pytest.mark.parametrize("name", ["throttled", "throttled-by-compute", "retryable-error", "created-then-504"])
def test_a_transient_fault_is_retried(
    azure: Azure, faults: Faults, provision: Deploy, deprovision: Deploy, name: str
) -> None:
    """After throttling, a resource that is not ready, or no answer, the request is repeated. One VM is made."""
    params: Params = {"vmName": "exp1"}
    faults.put(name, times=2)
    provision(params)
    assert any(each["status"] in {429, 504} for each in azure.journal())
    assert len(machines(azure)) == 1
    deprovision(params)
    assert azure.resources() == []


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("throttled", {"times": EVERY_TRY}),
        ("throttled-by-compute", {"nth": 2, "times": EVERY_TRY}),
        ("operation-preempted", {"nth": 1}),
    ],
)
def test_a_transient_fault_beyond_the_providers_retries_is_retried(
    azure: Azure, faults: Faults, provision: Deploy, name: str, when: dict[str, int]
) -> None:
    """The whole update is repeated."""
    faults.put(name, **when)
    provision({"vmName": "exp1"})
    assert len(machines(azure)) == 1


def test_a_timed_out_wait_records_the_last_refusal(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """A wait that was throttled until its end has the throttling as last failure."""
    params: Params = {"vmName": "exp1"}
    provision(params)
    azure.fault(
        {
            "method": "GET",
            "path": "*/operations/*",
            "effect": {"do": "refuse", "code": "SubscriptionRequestsThrottled", "retryAfter": 1},
        }
    )
    assert ops.vm_stop(params) == (Status.PENDING, {})
    assert ops.wait_vm_operation({**params, "pollTimeout": 0}) == (Status.PENDING, {})
    assert ops.last_failure(params) is None
    assert ops.wait_vm_operation({**params, "pollTimeout": 0.2}) == (Status.TIMED_OUT, {})
    failure = ops.last_failure(params)
    assert failure
    assert (failure.kind, failure.code) == (FailureKind.THROTTLED, "SubscriptionRequestsThrottled")


NOT_THERE = {"do": "refuse", "code": "ResourceNotFound", "status": 404, "message": "not there"}


def test_a_stale_replica_does_not_end_a_wait_for_absence(azure: Azure, provision: Deploy) -> None:
    """A 404 for a new VM counts only after it has been repeated for minutes."""
    looks = {"method": "GET", "path": "*/virtualMachines/exp1", "nth": 3, "times": 5}
    azure.fault({**looks, "effect": NOT_THERE})
    vm_id = provision({"vmName": "exp1"})["id"]
    azure.let_go()
    assert azure.power(vm_id) == "running"


def test_a_vm_deleted_after_its_creation_fails_the_wait(ops: VMOps, azure: Azure) -> None:
    """The failure comes after the time in which a replica may be stale."""
    looks = {"method": "GET", "path": "*/virtualMachines/exp1", "nth": 3, "times": 200}
    azure.fault({**looks, "effect": NOT_THERE})
    failure = failed(ops, {"vmName": "exp1"})
    assert (failure.kind, failure.message) == (FailureKind.NOT_FOUND, "the VM is gone")


@pytest.mark.parametrize(
    ("path", "code"),
    [("*/virtualNetworks/exp1-vnet", "ResourceGroupNotFound"), ("*/networkInterfaces/exp1-nic", "ResourceNotFound")],
)
def test_a_reference_to_a_new_resource_is_retried(
    azure: Azure, provision: Deploy, deprovision: Deploy, path: str, code: str
) -> None:
    """The replica that answers may not have the new group or network yet."""
    refused = {"do": "refuse", "code": code, "status": 404, "message": "could not be found."}
    azure.fault({"path": path, "verbs": ["create"], "times": 2, "effect": refused})
    provision({"vmName": "exp1"})
    azure.let_go()
    deprovision({"vmName": "exp1"})
    assert azure.resources() == []


def test_a_vm_created_without_an_answer_is_adopted(
    ops: VMOps, azure: Azure, faults: Faults, provision: Deploy, deprovision: Deploy
) -> None:
    """The VM may exist, so the same call adopts it instead of making a second one."""
    params: Params = {"vmName": "exp1"}
    faults.put("created-then-504", verbs=["create", "update"])
    assert failed(ops, params).kind is FailureKind.INTERRUPTED
    (made,) = machines(azure)
    first = azure.vm(made)["properties"]["vmId"]
    faults.clear()
    assert azure.vm(provision(params)["id"])["properties"]["vmId"] == first
    deprovision(params)
    assert azure.resources() == []


def test_a_deleted_vm_is_recreated(azure: Azure, faults: Faults, provision: Deploy) -> None:
    """The record says that it succeeded, but ARM decides."""
    params: Params = {"vmName": "exp1"}
    first = azure.vm(provision(params)["id"])["properties"]["vmId"]
    faults.happen("deleted-behind-our-back", machines(azure)[0])
    assert machines(azure) == []
    assert azure.vm(provision(params)["id"])["properties"]["vmId"] != first


def test_a_stopped_vm_is_started(azure: Azure, faults: Faults, provision: Deploy) -> None:
    """A VM that does not run is not as requested."""
    params: Params = {"vmName": "exp1"}
    vm_id = provision(params)["id"]
    faults.happen("stopped-behind-our-back", vm_id)
    assert azure.power(vm_id) == "stopped"
    provision(params)
    assert azure.power(vm_id) == "running"


def test_an_evicted_spot_vm_is_started(azure: Azure, faults: Faults, provision: Deploy) -> None:
    """An eviction only deallocates the VM."""
    spot = {"vmSize": "Standard_D2s_v5", "priority": "Spot", "evictionPolicy": "Deallocate"}
    params: Params = {"vmName": "exp1", **spot}
    vm_id = provision(params)["id"]
    faults.happen("spot-eviction", vm_id)
    assert azure.power(vm_id) == "deallocated"
    provision(params)
    assert azure.power(vm_id) == "running"


def test_a_vm_with_replaced_tags_is_refused(ops: VMOps, azure: Azure, faults: Faults, provision: Deploy) -> None:
    """A VM with another owner's tag is neither changed nor deleted."""
    params: Params = {"vmName": "exp1"}
    vm_id = provision(params)["id"]
    faults.happen("retagged-behind-our-back", vm_id)
    assert failed(ops, params).kind is FailureKind.CONFLICT
    assert vm_id in azure.ids()


def test_a_stuck_operation_ends_at_the_deadline(ops: VMOps, azure: Azure, faults: Faults, deprovision: Deploy) -> None:
    """The deployment fails at its deadline. Once the operation moves again, the same call continues."""
    params: Params = {"vmName": "exp1"}
    faults.put("stuck-operation")
    assert failed(ops, {**params, "deployTimeout": 8}).kind is FailureKind.TIMEOUT
    faults.clear()
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    assert len(machines(azure)) == 1
    deprovision(params)
    assert azure.resources() == []


def test_local_fault_puts_lists_and_clears_faults(azure: Azure) -> None:
    """Each fault has a command. Earlier faults stay active until all are cleared."""
    assert shell("list") == "no faults\n"
    shell("quota", "--vm", "exp1", "--times", "2")
    shell("throttled", "--nth", "3", "--share", "0.5", "--seed", "7")
    rows = [line.split(maxsplit=2) for line in shell("list").splitlines()]
    assert rows == [
        ["NAME", "PATH", "VERBS   STRIKES"],
        ["quota", "*/virtualMachines/exp1", "create  the first 2"],
        ["throttled", "*/virtualMachines/*", "1 from call 3 on, a share of 0.5"],
    ]
    assert [each["name"] for each in json.loads(shell("list", "--json"))] == ["quota", "throttled"]
    assert shell("clear") == "no faults\n"
    assert azure.get("/_local/faults") == []


def test_local_fault_puts_replica_lag(azure: Azure) -> None:
    """In Azure's seconds, for all reads or a share of them."""
    [told] = json.loads(shell("replica-lag", "--seconds", "12", "--share", "0.5", "--json"))
    assert told == {
        "name": "replica-lag",
        "verbs": ["read"],
        "share": 0.5,
        "effect": {"do": "lag", "seconds": 12.0},
    }
    assert azure.get("/_local/faults") == [told]


def test_local_fault_incidents_take_effect_at_once(azure: Azure, provision: Deploy) -> None:
    """A VM is named by its name or its id; an absent VM is a wrong call."""
    vm_id = provision({"vmName": "exp1"})["id"]
    assert shell("stopped-behind-our-back", "--vm", "EXP1") == f"stopped-behind-our-back: {vm_id}\n"
    assert azure.power(vm_id) == "stopped"
    assert json.loads(shell("deleted-behind-our-back", "--vm", vm_id, "--json"))["id"] == vm_id
    assert machines(azure) == []
    with pytest.raises(SpecError, match=r"^--vm: 'exp1': there is no such VM$"):
        shell("deleted-behind-our-back", "--vm", "exp1")


def test_local_fault_incidents_may_be_refused(azure: Azure, provision: Deploy) -> None:
    """Refusals of every form become one sentence."""
    vm_id = provision({"vmName": "exp1"})["id"]
    shell("throttled-by-compute")
    with pytest.raises(CloudError, match="too many requests") as refused:
        shell("stopped-behind-our-back", "--vm", vm_id)
    assert refused.value.status == 429


def shell(*arguments: str) -> str:
    """Run a command, which must succeed, and give its output; its exceptions are raised here."""
    return CliRunner().invoke(app, ["fault", *arguments], catch_exceptions=False).stdout
