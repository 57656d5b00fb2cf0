"""The service as mlos_bench's environments use it, with the real engine and the local Azure."""

import logging
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlos_bench.environments.status import Status
from mlos_bench.services.base_service import Service

from tests.azure import Azure
from tests.functional.doors import ENDINGS, end_all, python, sweep_what_was_killed
from vmops import VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.core.state_dir import local_path
from vmops.local import daemon
from vmops.local.arm.faults.catalogue import FAULTS
from vmops.mlos import PulumiVMService
from vmops.protocol import Params

PARAMS = {"vmName": "exp1", "trial_id": 3}
PROGRAM = """
import sys
from mlos_bench.services.base_service import Service
from vmops.mlos import PulumiVMService
service = PulumiVMService({{"ttl": "1h"}}, {{"experiment_id": "{name}"}})
with Service(parent=service):
    status, result = service.provision_host({{"vmName": "exp-{name}"}})
    assert service.wait_host_deployment(result, is_setup=True)[0].is_succeeded()
    print("inside", flush=True)
    {ending}
"""
Make = Callable[..., PulumiVMService]


@pytest.fixture
def make(azure: Azure, state_dir: Path) -> Make:
    """Give a function that makes services on that Azure, each with a config and an experiment."""

    def service(experiment: str = "one", **config: Any) -> PulumiVMService:
        settings = {"stateDir": str(state_dir), "owner": "tester"}
        return PulumiVMService({**settings, **config}, {"experiment_id": experiment})

    return service


def ready(service: PulumiVMService, params: Params) -> tuple[Status, Params]:
    """Provision as VMEnv does: a wait gets what a PENDING provision returned."""
    status, result = service.provision_host(params)
    return service.wait_host_deployment(result, is_setup=True) if status.is_pending() else (status, result)


def released(service: PulumiVMService, params: Params) -> Status:
    """Deprovision as VMEnv does."""
    status, result = service.deprovision_host(params)
    return service.wait_host_deployment(result, is_setup=False)[0] if status.is_pending() else status


def operated(service: PulumiVMService, verb: str, params: Params) -> Status:
    """Call a power verb as OSEnv does, and wait."""
    status, result = getattr(service, verb)(params)
    assert status is Status.PENDING
    return service.wait_host_operation(result)[0]


def test_a_whole_experiment(make: Make, azure: Azure) -> None:
    """Setup for every trial, the second with another size, then one teardown; the given mappings are not changed."""
    service, params = make(), {**PARAMS, "vmSize": "Standard_B2s"}
    given = dict(params)
    status, result = service.provision_host(given)
    assert status is Status.PENDING
    assert result == {**params, "asyncResultsUrl": result["asyncResultsUrl"]}
    status, machine = service.wait_host_deployment(result, is_setup=True)
    assert status is Status.SUCCEEDED
    assert service.provision_host(given) == (Status.SUCCEEDED, {})
    assert operated(service, "start_host", given) is Status.SUCCEEDED
    status, bigger = ready(service, {**params, "vmSize": "Standard_D4s_v5"})
    assert (status, bigger["id"]) == (Status.SUCCEEDED, machine["id"])
    assert operated(service, "shutdown", given) is Status.SUCCEEDED
    assert azure.power(machine["id"]) == "stopped"
    assert released(service, given) is Status.SUCCEEDED
    assert azure.resources() == []
    assert released(service, given) is Status.SUCCEEDED
    assert given == params


def test_deallocate_keeps_the_vm(make: Make, azure: Azure) -> None:
    """The compute is released and the disk stays; the next trial's provision starts the VM."""
    service = make()
    _, machine = ready(service, PARAMS)
    assert operated(service, "deallocate_host", PARAMS) is Status.SUCCEEDED
    assert azure.power(machine["id"]) == "deallocated"
    assert ready(service, PARAMS)[0] is Status.SUCCEEDED
    assert azure.power(machine["id"]) == "running"


def test_the_service_has_the_seven_methods_of_earlier_versions(make: Make, azure: Azure) -> None:
    """is_setup is the first argument of the wait, positional or by name."""
    service = make()
    status, result = service.vm_provision(PARAMS)
    assert (status, service.wait_vm_deployment(True, result)[0]) == (Status.PENDING, Status.SUCCEEDED)
    status, result = service.vm_stop(PARAMS)
    assert (status, service.wait_vm_operation(result)[0]) == (Status.PENDING, Status.SUCCEEDED)
    status, result = service.vm_deprovision(PARAMS)
    assert (status, service.wait_vm_deployment(is_setup=False, params=result)[0]) == (Status.PENDING, Status.SUCCEEDED)
    assert azure.resources() == []


def test_a_vm_that_azure_refuses_is_failed_and_its_removal_succeeds(make: Make, azure: Azure) -> None:
    """The trial fails and the experiment continues; the teardown removes what was made."""
    service, refused = make(), {**PARAMS, "vmSize": "Standard_M128ms"}
    assert ready(service, refused) == (Status.FAILED, {})
    assert released(service, refused) is Status.SUCCEEDED
    assert azure.resources() == []


def test_the_service_fails_for_an_unknown_vm(make: Make) -> None:
    """A wait for it is FAILED without an exception. A wait for its absence, and its removal, succeed."""
    service = make()
    assert service.wait_host_deployment(PARAMS, is_setup=True) == (Status.FAILED, {})
    assert service.wait_host_deployment(PARAMS, is_setup=False)[0] is Status.SUCCEEDED
    assert released(service, PARAMS) is Status.SUCCEEDED


def test_a_wait_that_is_too_short_is_timed_out(make: Make, state_dir: Path) -> None:
    """TIMED_OUT, or PENDING without any time; the work continues, and a later wait succeeds."""
    service = make(pollTimeout=0.2)
    daemon.ensure(state_dir, 1)
    status, result = service.provision_host(PARAMS)
    assert status is Status.PENDING
    assert service.wait_host_deployment({**result, "pollTimeout": 0}, is_setup=True) == (Status.PENDING, {})
    assert service.wait_host_deployment(result, is_setup=True) == (Status.TIMED_OUT, {})
    daemon.ensure(state_dir, 0)
    assert service.wait_host_deployment({**result, "pollTimeout": 120}, is_setup=True)[0] is Status.SUCCEEDED


def test_a_failed_removal_is_logged_as_an_error(
    make: Make, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """mlos_bench itself logs a failed teardown at DEBUG and exits with 0."""
    assert ready(make(), PARAMS)[0] is Status.SUCCEEDED
    assert released(make(owner="grace"), PARAMS) is Status.FAILED
    told = "the VM exp1 is not gone, and may still cost money: conflict: "
    assert told in capsys.readouterr().err
    assert told in caplog.text


def test_a_slow_removal_is_logged_as_an_error(make: Make, state_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The worker continues, but the experiment ends."""
    service = make()
    assert ready(service, PARAMS)[0] is Status.SUCCEEDED
    daemon.ensure(state_dir, 1)
    assert released(service, {**PARAMS, "pollTimeout": 0.1}) is Status.TIMED_OUT
    told = "the VM exp1 is not gone, and may still cost money: the removal continues"
    assert told in capsys.readouterr().err


def test_the_config_is_for_every_trial_and_params_win(make: Make, azure: Azure) -> None:
    """A None parameter counts as absent. ``$variables`` are expanded, except in a script."""
    same = {
        "location": "eastus",
        "tags": {"experiment": "$experiment_id"},
        "customData": "#!/bin/sh\necho $experiment_id",
    }
    params = {"vmName": "exp1", "vmSize": "Standard_D4s_v5"}
    status, machine = ready(make(**same, vmSize="Standard_B2s"), {**params, "location": None})
    assert status is Status.SUCCEEDED
    found = azure.vm(machine["id"])
    assert (found["location"], found["tags"]["experiment"]) == ("eastus", "one")
    assert found["properties"]["hardwareProfile"]["vmSize"] == "Standard_D4s_v5"
    as_made = {**params, **same, "tags": "experiment=one"}
    assert make().provision_host(as_made) == (Status.SUCCEEDED, {})


@pytest.mark.parametrize("second", [False, True], ids=["same instance", "second instance"])
def test_an_exception_removes_the_provisioned_vms(make: Make, azure: Azure, second: bool) -> None:
    """mlos_bench runs no teardown after one. It builds the service twice, and both instances remove the VM."""
    service = make()
    assert ready(service, PARAMS)[0] is Status.SUCCEEDED
    with pytest.raises(KeyError), Service(parent=make() if second else service):
        raise KeyError("a bug in a benchmark")
    assert service.wait_host_deployment(PARAMS, is_setup=False)[0] is Status.SUCCEEDED
    assert azure.resources() == []


class Impatient(logging.Handler):
    """Cancels the job at each line of its log."""

    def emit(self, record: logging.LogRecord) -> None:
        signal.raise_signal(signal.SIGTERM)


def test_a_signal_during_teardown_loses_no_vm(make: Make, azure: Azure) -> None:
    """A second signal takes effect only after the last removal was started."""
    service, log = make(), logging.getLogger("vmops.mlos.service")
    for name in ("exp1", "exp2"):
        assert ready(service, {"vmName": name})[0] is Status.SUCCEEDED
    impatient = Impatient()
    log.addHandler(impatient)
    with pytest.raises(SystemExit), Service(parent=service):
        raise KeyError("a bug in a benchmark")
    log.removeHandler(impatient)
    for name in ("exp1", "exp2"):
        assert service.wait_host_deployment({"vmName": name}, is_setup=False)[0] is Status.SUCCEEDED
    assert azure.resources() == []


def test_an_exception_ends_a_provision_in_flight(make: Make, azure: Azure, state_dir: Path) -> None:
    """Ctrl-C during a provision starts the removal, which a worker completes."""
    service = make()
    daemon.ensure(state_dir, 1)
    assert service.provision_host(PARAMS)[0] is Status.PENDING
    with pytest.raises(KeyboardInterrupt), Service(parent=service):
        raise KeyboardInterrupt
    daemon.ensure(state_dir, 0)
    assert service.wait_host_deployment(PARAMS, is_setup=False)[0] is Status.SUCCEEDED
    assert azure.resources() == []


def test_a_newer_mlos_bench_builds_twice_and_enters_a_context_for_each_trial(make: Make, azure: Azure) -> None:
    """A context without an exception keeps the VM for the next trial; after the last nothing is left."""
    launcher, runner = make(), make()
    params = {**PARAMS, "trial_runner_id": 1, "experiment_id": "one"}
    before = signal.getsignal(signal.SIGTERM)
    with Service(parent=launcher):
        for trial in range(2):
            with Service(parent=runner):
                status, machine = ready(runner, {**params, "trial_id": trial})
                assert (status, bool(machine)) == (Status.SUCCEEDED, trial == 0)
    assert azure.power(launcher.wait_host_deployment(params, is_setup=True)[1]["id"]) == "running"
    with Service(parent=runner):
        assert released(runner, params) is Status.SUCCEEDED
    assert (azure.resources(), signal.getsignal(signal.SIGTERM)) == ([], before)


def test_an_exception_removes_no_other_programs_vm(make: Make, azure: Azure) -> None:
    """Another experiment's VM, and one that is gone, are left alone."""
    other, service = make("other"), make("one")
    _, machine = ready(other, {"vmName": "exp2"})
    assert ready(service, PARAMS)[0] is Status.SUCCEEDED
    assert released(service, PARAMS) is Status.SUCCEEDED
    before = azure.writes()
    with pytest.raises(KeyError), Service(parent=service):
        raise KeyError("a bug in a benchmark")
    assert azure.writes() == before
    assert azure.power(machine["id"]) == "running"


def test_a_refused_login_fails(make: Make, azure: Azure) -> None:
    """Provision and deprovision are FAILED without an exception."""
    service = make()
    assert ready(service, PARAMS)[0] is Status.SUCCEEDED
    for name in ("expired-token", "authorization-failed"):
        azure.fault(FAULTS[name].rule(name).plain())
        assert ready(service, {**PARAMS, "vmSize": "Standard_D4s_v5"}) == (Status.FAILED, {})
        assert released(service, PARAMS) is Status.FAILED
    azure.let_go()
    assert released(service, PARAMS) is Status.SUCCEEDED
    assert azure.resources() == []


def test_nothing_is_left_however_a_program_ends(ops: VMOps, azure: Azure, monkeypatch: pytest.MonkeyPatch) -> None:
    """An orderly end starts the removal, which a worker completes. After a kill the VM expires."""
    monkeypatch.setenv("VMOPS_OWNER", ops.settings.owner)
    commands = {name: python(PROGRAM.format(name=name, ending=ending)) for name, ending in ENDINGS.items()}
    codes = {"exception": 1, "exit": 3, "sigint": -2, "sigterm": 128 + 15, "sigkill": -9}
    assert end_all(commands) == codes
    for name in codes.keys() - {"sigkill"}:
        assert ops.wait_vm_deployment(False, {"vmName": f"exp-{name}"})[0].name == "SUCCEEDED"
    sweep_what_was_killed(ops, azure)


def test_a_local_azure_that_does_not_start_fails(make: Make, state_dir: Path) -> None:
    """Only wrong params raise, because an exception ends the experiment without a teardown."""
    service = make()
    daemon.stop(state_dir)
    (local_path(state_dir) / "cloud.db").write_bytes(b"this is no database, and long enough to be sure of that")
    assert service.start_host(PARAMS) == (Status.FAILED, {})
    poll_until(lambda: NotYet(0.02) if daemon.find(state_dir) else True, timeout=60)
