"""The seven methods and every status of the contract, with the real engine and the local Azure."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.azure import Azure, processes_of
from vmops import SpecError, Status, SupportsVMOps, VMOps
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.core.times import format_utc
from vmops.jobs import start
from vmops.local import daemon
from vmops.protocol import HANDLE, Params

Deploy = Callable[[Params], dict[str, Any]]


def test_implements_the_protocol(ops: VMOps) -> None:
    """VMOps is a SupportsVMOps."""
    assert isinstance(ops, SupportsVMOps)


def test_a_whole_life(
    ops: VMOps,
    azure: Azure,
    state_dir: Path,
    provision: Deploy,
    deprovision: Deploy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every verb is PENDING and then SUCCEEDED, and nothing is left at the end."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    params: Params = {"vmName": "exp1"}
    outputs = provision(params)
    assert outputs["id"].endswith("/virtualMachines/exp1")
    assert outputs["ssh"].endswith(f"mlos@{outputs['publicIp']}")
    assert outputs["privateIp"] == "10.0.0.4"
    for verb, power in ((ops.vm_stop, "stopped"), (ops.vm_start, "running"), (ops.vm_restart, "running")):
        assert verb(params) == (Status.PENDING, {})
        status, result = ops.wait_vm_operation(params)
        assert status is Status.SUCCEEDED
        assert result
        assert azure.power(outputs["id"]) == power
    deprovision(params)
    assert azure.resources() == []
    poll_until(lambda: NotYet(0.02) if processes_of(state_dir) else True, timeout=60)
    assert processes_of(state_dir) == []
    assert list(temporary.iterdir()) == []
    assert not list((state_dir / "scratch").iterdir())
    assert not list((state_dir / "stacks").glob("*/Pulumi.exp1*"))


def test_a_refused_create_fails_and_the_next_provision_succeeds(ops: VMOps, azure: Azure, deprovision: Deploy) -> None:
    """A size that ARM refuses is FAILED with ARM's code. Another size then works, and nothing is left afterwards."""
    params: Params = {"vmName": "exp1", "vmSize": "Standard_M128ms"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert (failure.kind, failure.code, failure.resource) == (
        FailureKind.CAPACITY,
        "SkuNotAvailable",
        "VirtualMachine exp1",
    )
    params["vmSize"] = "Standard_B2s"
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED
    deprovision(params)
    assert azure.resources() == []


def test_a_wait_that_is_too_short_is_timed_out_and_the_work_goes_on(
    ops: VMOps, azure: Azure, deprovision: Deploy
) -> None:
    """A later wait sees the success. With a timeout of 0 the status is polled once, and is PENDING."""
    azure.stick("create")
    params: Params = {"vmName": "exp1"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, {**params, "pollTimeout": 0}) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, {**params, "pollTimeout": 0.5}) == (Status.TIMED_OUT, {})
    azure.let_go()
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    deprovision(params)
    assert azure.resources() == []


def test_a_slow_power_operation_times_out(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """The wait is TIMED_OUT, with a timeout of 0 PENDING."""
    params: Params = {"vmName": "exp1"}
    provision(params)
    azure.stick("powerOff")
    assert ops.vm_stop(params) == (Status.PENDING, {})
    assert ops.wait_vm_operation({**params, "pollTimeout": 0}) == (Status.PENDING, {})
    assert ops.wait_vm_operation({**params, "pollTimeout": 0.2}) == (Status.TIMED_OUT, {})


@pytest.mark.parametrize("method", ["wait_vm_deployment(True, params)", "wait_vm_operation(params)"])
def test_another_process_can_wait(ops: VMOps, state_dir: Path, method: str) -> None:
    """Both waits accept the handle of a deployment in another process."""
    params: Params = {"vmName": "exp1"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    program = f"import vmops; params = {params!r}; print(vmops.VMOps().{method}[0].name)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout.splitlines()[-1] == "SUCCEEDED"


def test_another_process_can_wait_for_a_power_operation_by_its_url_alone(
    ops: VMOps, azure: Azure, provision: Deploy
) -> None:
    """The URL of the operation is enough."""
    params: Params = {"vmName": "exp1"}
    outputs = provision(params)
    assert ops.vm_stop(params) == (Status.PENDING, {})
    alone = {"asyncResultsUrl": params["asyncResultsUrl"]}
    program = f"import vmops; print(vmops.VMOps().wait_vm_operation({alone!r})[0].name)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=240)
    assert done.stdout.splitlines()[-1] == "SUCCEEDED"
    assert azure.power(outputs["id"]) == "stopped"


def test_waiting_without_a_handle_is_pending_at_once(ops: VMOps) -> None:
    """Without asyncResultsUrl there is nothing to poll."""
    assert ops.wait_vm_operation({"vmName": "exp1"}) == (Status.PENDING, {})


def test_an_url_elsewhere_is_refused_before_any_request(ops: VMOps, azure: Azure) -> None:
    """The token is sent to the cloud's own endpoint only."""
    before = len(azure.journal())
    with pytest.raises(SpecError, match=r"asyncResultsUrl: https://evil\.example/x is not on this cloud's endpoint"):
        ops.wait_vm_operation({"vmName": "exp1", "asyncResultsUrl": "https://evil.example/x"})
    assert len(azure.journal()) == before


def test_wait_gone_fails_after_a_failed_provision(ops: VMOps, azure: Azure, deprovision: Deploy) -> None:
    """There is no VM, but a network and an address; the failure names what exists."""
    params: Params = {"vmName": "exp1", "vmSize": "Standard_M128ms"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    params.pop(HANDLE, None)
    assert ops.wait_vm_deployment(False, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert (failure.kind, failure.next_step) == (FailureKind.CONFLICT, "deprovision it, then wait again")
    assert failure.resource in azure.ids()
    deprovision(params)
    assert azure.resources() == []


def test_wait_gone_succeeds_only_if_the_vm_is_absent(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """A handle of an earlier create or stop in the params does not end the wait."""
    params: Params = {"vmName": "exp1"}
    provision(params)
    assert ops.wait_vm_deployment(False, params) == (Status.FAILED, {})
    assert ops.vm_stop(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(False, params) == (Status.FAILED, {})
    removal = dict(params)
    assert ops.vm_deprovision(removal) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(False, params)[0] is Status.SUCCEEDED
    assert azure.resources() == []
    assert ops.wait_vm_deployment(True, removal) == (Status.FAILED, {})


def test_deprovision_of_a_vm_that_never_existed_succeeds(ops: VMOps, azure: Azure, deprovision: Deploy) -> None:
    """So does a second call."""
    params: Params = {"vmName": "never"}
    assert ops.wait_vm_deployment(False, params)[0] is Status.SUCCEEDED
    deprovision(params)
    assert ops.vm_deprovision(params) == (Status.SUCCEEDED, {})
    assert azure.resources() == []


def test_waiting_for_an_unknown_vm_fails(ops: VMOps) -> None:
    """Without a record, a stack and a VM the wait fails at once with not_found."""
    params: Params = {"vmName": "never"}
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert failure.kind is FailureKind.NOT_FOUND


@pytest.mark.parametrize("verb", ["vm_start", "vm_stop", "vm_restart"])
def test_power_verbs_on_a_vm_that_does_not_exist_are_failed(ops: VMOps, verb: str) -> None:
    """The status is FAILED, with the reason."""
    params: Params = {"vmName": "never"}
    assert getattr(ops, verb)(params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert failure.kind is FailureKind.NOT_FOUND


def test_unchanged_provision_starts_no_worker(ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy) -> None:
    """SUCCEEDED at once, without a worker and a write, after at most two reads of ARM."""
    params: Params = {"vmName": "exp1"}
    provision(params)
    logs, before = sorted(state_dir.glob("logs/*/*")), len(azure.journal())
    assert ops.vm_provision(dict(params)) == (Status.SUCCEEDED, {})
    since = azure.journal()[before:]
    assert [each["method"] for each in since] in (["GET"], ["GET", "GET"])
    assert sorted(state_dir.glob("logs/*/*")) == logs


def test_the_same_provision_in_flight_is_joined(ops: VMOps, azure: Azure) -> None:
    """An equal request gets the same operation; another request is FAILED (locked)."""
    azure.stick("create")
    first: Params = {"vmName": "exp1"}
    second, other = dict(first), {**first, "vmSize": "Standard_D2s_v5"}
    assert ops.vm_provision(first) == (Status.PENDING, {})
    assert ops.vm_provision(second) == (Status.PENDING, {})
    assert second["asyncResultsUrl"] == first["asyncResultsUrl"]
    assert ops.vm_provision(other) == (Status.FAILED, {})
    failure = ops.last_failure(other)
    assert failure
    assert failure.kind is FailureKind.LOCKED
    assert "tester has a provision of exp1 in flight since" in failure.message
    assert ops.vm_stop(other) == (Status.FAILED, {})
    azure.let_go()
    assert ops.wait_vm_deployment(True, first)[0] is Status.SUCCEEDED


def test_another_size_is_changed_in_place(azure: Azure, provision: Deploy) -> None:
    """The VM keeps its vmId, and one write is sent."""
    outputs = provision({"vmName": "exp1"})
    before, writes = azure.vm(outputs["id"]), len(azure.writes())
    again = provision({"vmName": "exp1", "vmSize": "Standard_D2s_v5"})
    after = azure.vm(outputs["id"])
    assert again["id"] == outputs["id"]
    assert after["properties"]["vmId"] == before["properties"]["vmId"]
    assert after["properties"]["hardwareProfile"]["vmSize"] == "Standard_D2s_v5"
    assert azure.writes()[writes:] == [f"PUT {outputs['id']}"]


def test_a_stopped_vm_is_started_by_provision(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """After a stop, a provision makes the VM run again."""
    params: Params = {"vmName": "exp1", "stopMode": "deallocate"}
    outputs = provision(params)
    assert ops.vm_stop(params) == (Status.PENDING, {})
    assert ops.wait_vm_operation(params)[0] is Status.SUCCEEDED
    assert azure.power(outputs["id"]) == "deallocated"
    provision(params)
    assert azure.power(outputs["id"]) == "running"


def test_another_image_replaces_the_vm_and_keeps_its_addresses(
    azure: Azure, provision: Deploy, deprovision: Deploy
) -> None:
    """The VM is replaced; interface and public address are the same resources."""
    params: Params = {"vmName": "exp1"}
    outputs = provision(params)
    kept = _guids(azure)
    before = azure.vm(outputs["id"])["properties"]["vmId"]
    again = provision({**params, "ubuntuOSVersion": "22.04-LTS"})
    assert azure.vm(outputs["id"])["properties"]["vmId"] != before
    assert _guids(azure) == kept
    assert (again["publicIp"], again["privateIp"]) == (outputs["publicIp"], outputs["privateIp"])
    deprovision(params)
    assert azure.resources() == []


def _guids(azure: Azure) -> dict[str, str]:
    """Give ARM's own ids of the interface and the address: a recreated resource has a new one."""
    kinds = ("networkInterfaces", "publicIPAddresses")
    found = [each["id"] for each in azure.resources() if each["type"].endswith(kinds)]
    bodies = {each: azure.get(f"{each}?api-version=2024-05-01") for each in found}
    assert len(bodies) == 2
    return {each: body["properties"]["resourceGuid"] for each, body in bodies.items()}


@pytest.mark.parametrize("first", [0, 1])
def test_two_vms_share_a_named_network(azure: Azure, provision: Deploy, deprovision: Deploy, first: int) -> None:
    """Whichever is removed first, the network stays for the other, and is removed with the last."""
    shared = {"resourceGroup": "lab", "virtualNetworkName": "lab-net", "subnetName": "lab-subnet"}
    machines: list[Params] = [{**shared, "vmName": "left"}, {**shared, "vmName": "right"}]
    addresses = {provision(params)["privateIp"] for params in machines}
    assert addresses == {"10.0.0.4", "10.0.0.5"}
    deprovision(machines[first])
    assert any(each.endswith("/virtualNetworks/lab-net") for each in azure.ids())
    deprovision(machines[1 - first])
    assert azure.resources() == []


def test_a_group_that_existed_before_stays(azure: Azure, provision: Deploy, deprovision: Deploy) -> None:
    """A named group that is not ours is used in its own location, and left unchanged."""
    group = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/theirs"
    body = {"location": "northeurope", "tags": {"purpose": "theirs"}}
    azure.put(f"{group}?api-version=2024-03-01", body)
    params: Params = {"vmName": "exp1", "resourceGroup": "theirs", "location": "northeurope"}
    provision(params)
    deprovision(params)
    assert [(each["id"], each["tags"]) for each in azure.resources()] == [(group, {"purpose": "theirs"})]


def test_another_owners_vm_is_refused(ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy) -> None:
    """Provision, deprovision and power verbs refuse it and name the owner."""
    provision({"vmName": "exp1"})
    stranger = VMOps(ops.settings.model_copy(update={"owner": "stranger"}))
    params: Params = {"vmName": "exp1", "vmSize": "Standard_D2s_v5"}
    writes = azure.writes()
    assert stranger.vm_stop(params) == (Status.FAILED, {})
    assert stranger.vm_deprovision(params) == (Status.PENDING, {})
    assert stranger.wait_vm_deployment(False, params) == (Status.FAILED, {})
    assert stranger.vm_provision(params) == (Status.PENDING, {})
    assert stranger.wait_vm_deployment(True, params) == (Status.FAILED, {})
    assert stranger.vm_provision({"vmName": "exp1"}) == (Status.PENDING, {}), "as it is, but not theirs"
    assert stranger.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = stranger.last_failure(params)
    assert failure
    assert "belongs to tester" in failure.message
    assert failure.next_step == "ask its owner, or choose another name"
    assert azure.writes() == writes


@pytest.mark.parametrize("verb", ["vm_deprovision", "vm_provision"])
def test_another_owners_orphans_are_refused(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy, verb: str
) -> None:
    """The VM was deleted by hand. The owner is read from the group and from the other resources of the stack."""
    provision({"vmName": "exp1"})
    machine = next(each["id"] for each in azure.resources() if each["type"].endswith("/virtualMachines"))
    azure.delete(f"{machine}?api-version=2024-07-01")
    there = azure.resources()
    stranger = VMOps(ops.settings.model_copy(update={"owner": "stranger"}))
    params: Params = {"vmName": "exp1"}
    assert getattr(stranger, verb)(params) == (Status.PENDING, {})
    assert stranger.wait_vm_deployment(verb == "vm_provision", params) == (Status.FAILED, {})
    failure = stranger.last_failure(params)
    assert failure
    assert "belongs to tester" in failure.message
    assert azure.resources() == there


def test_changing_an_immutable_parameter_is_refused(ops: VMOps, provision: Deploy) -> None:
    """Another location is refused, with the advice to deprovision first."""
    provision({"vmName": "exp1"})
    params: Params = {"vmName": "exp1", "location": "eastus"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert (failure.kind, failure.next_step.split(",")[0]) == (FailureKind.IMMUTABLE, "deprovision first")


def test_an_immutable_params_mapping_is_accepted(ops: VMOps) -> None:
    """Without a writable mapping no handle is set, and all verbs work."""
    params = MappingProxyType({"vmName": "exp1"})
    assert ops.vm_provision(params) == (Status.PENDING, {})  # type: ignore[arg-type]
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED  # type: ignore[arg-type]


def test_bad_parameters_raise_and_nothing_happens(ops: VMOps, azure: Azure) -> None:
    """A missing name, an invalid port and a weak password are one sentence each, before any request."""
    before = len(azure.journal())
    for params, sentence in (
        ({}, "vmName: is required"),
        ({"vmName": "exp1", "vmPorts": "22,70000"}, "vmPorts: '70000' is not a port"),
        ({"vmName": "exp1", "authenticationType": "password", "adminPasswordOrKey": "hunter2"}, "adminPasswordOrKey:"),
    ):
        with pytest.raises(SpecError, match=sentence) as raised:
            ops.vm_provision(params)
        assert "hunter2" not in str(raised.value)
    assert len(azure.journal()) == before
    assert ops.operations() == []


def test_the_users_directory_and_shell_settings_are_ignored(
    ops: VMOps, azure: Azure, provision: Deploy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A package called stacks in the working directory, and PULUMI_* variables, have no effect."""
    theirs = tmp_path / "theirs"
    for package in ("stacks", "pulumi_azure_native"):
        (theirs / package).mkdir(parents=True)
        (theirs / package / "__init__.py").write_text("raise SystemExit('the user\\'s own package was imported')")
    monkeypatch.chdir(theirs)
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://not-ours")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "not ours")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "not-ours"))
    monkeypatch.setenv("PULUMI_DEBUG_PROVIDERS", "azure-native:1")
    provision({"vmName": "exp1"})
    assert not (tmp_path / "not-ours").exists()


def test_a_deployment_that_takes_too_long_is_ended(
    ops: VMOps, azure: Azure, state_dir: Path, deprovision: Deploy
) -> None:
    """deployTimeout ends the engine. The next call continues, and a removal leaves nothing."""
    daemon.ensure(state_dir, 1)
    params: Params = {"vmName": "exp1", "deployTimeout": 4}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert failure.kind is FailureKind.TIMEOUT
    poll_until(lambda: NotYet(0.02) if processes_of(state_dir) else True, timeout=60)
    assert processes_of(state_dir) == []
    daemon.ensure(state_dir, 0)
    del params["deployTimeout"]
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    deprovision(params)
    assert azure.resources() == []


def test_a_disk_grows_in_place(azure: Azure, provision: Deploy) -> None:
    """The VM is deallocated for it, keeps its vmId and runs again afterwards."""
    params: Params = {"vmName": "exp1", "osDiskSizeGB": 64, "dataDisks": "32"}
    outputs = provision(params)
    before = azure.vm(outputs["id"])["properties"]["vmId"]
    provision({**params, "osDiskSizeGB": 128, "dataDisks": "64"})
    after = azure.vm(outputs["id"])["properties"]
    assert after["vmId"] == before
    assert after["storageProfile"]["osDisk"]["diskSizeGB"] == 128
    assert after["storageProfile"]["dataDisks"][0]["diskSizeGB"] == 64
    assert azure.power(outputs["id"]) == "running"


def test_repeated_provision_restarts_the_ttl(ops: VMOps, azure: Azure, provision: Deploy) -> None:
    """Another ttl changes the tag and the record, and starts no deployment."""
    outputs = provision({"vmName": "exp1", "ttl": "1h"})
    first = azure.vm(outputs["id"])["tags"]["vmops-expires"]
    params: Params = {"vmName": "exp1", "ttl": "5h"}
    assert ops.vm_provision(params) == (Status.SUCCEEDED, {})
    assert azure.vm(outputs["id"])["tags"]["vmops-expires"] > first
    operation = ops.operation(params)
    assert operation
    assert azure.vm(outputs["id"])["tags"]["vmops-expires"] == format_utc(operation.expires)


def test_ctrl_c_while_starting_leaves_no_record_without_a_worker(
    ops: VMOps, azure: Azure, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGINT arrives between the record and the worker's start; the deployment goes on."""
    begin = start.start_worker

    def interrupted(*order: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        begin(*order)

    monkeypatch.setattr(start, "start_worker", interrupted)
    with pytest.raises(KeyboardInterrupt):
        ops.vm_provision({"vmName": "exp1"})
    assert ops.wait_vm_deployment(True, {"vmName": "exp1"})[0] is Status.SUCCEEDED, ops.last_failure({"vmName": "exp1"})


def test_a_deprovision_ends_a_provision_in_flight(ops: VMOps, azure: Azure, state_dir: Path) -> None:
    """The provision is cancelled, and everything is removed."""
    azure.stick("create")
    params: Params = {"vmName": "exp1"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert poll_until(lambda: any("virtualMachines" in each for each in azure.ids()) or NotYet(0.05), timeout=120)
    going = dict(params)
    assert ops.vm_deprovision(going) == (Status.PENDING, {})
    assert ops.vm_provision({"vmName": "exp1"}) == (Status.FAILED, {})
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    azure.let_go()
    assert ops.wait_vm_deployment(False, going)[0] is Status.SUCCEEDED, ops.last_failure(params)
    assert azure.resources() == []


def test_a_cancelled_provision_continues_when_repeated(ops: VMOps, azure: Azure, state_dir: Path) -> None:
    """Cancel ends the engine and frees the VM; the same call makes what is missing."""
    azure.stick("create")
    params: Params = {"vmName": "exp1"}
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert poll_until(lambda: any("virtualMachines" in each for each in azure.ids()) or NotYet(0.05), timeout=120)
    assert ops.cancel(params) == (Status.SUCCEEDED, {})
    assert processes_of(state_dir) == []
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert failure.kind is FailureKind.INTERRUPTED
    azure.let_go()
    assert ops.vm_provision(params) == (Status.PENDING, {})
    assert ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
