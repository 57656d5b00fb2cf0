"""VMs of the local Azure with guests: made, logged in to, replaced under their name, and removed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlos_bench.services.config_persistence import ConfigPersistenceService
from typer.testing import CliRunner

from tests.azure import Azure
from vmops import ProvisionError, Status, VMOps, VmopsError, get
from vmops.cli import command_line
from vmops.cli.commands.local import app
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.leases.machine import Machine
from vmops.local import inspection
from vmops.mlos import PulumiVMService, VmFileShareService, VmSshService
from vmops.protocol import Params

Deploy = Callable[[Params], dict[str, Any]]
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
PARAMS: Params = {"vmName": "exp1", "waitFor": "ssh", "customData": "#!/bin/sh\necho made >/etc/made\n"}


@pytest.fixture(autouse=True)
def auto(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # once the state directory has said none
    monkeypatch.setenv("VMOPS_LOCAL_GUESTS", "auto")
    monkeypatch.setenv("VMOPS_OWNER", "tester")


def test_ssh_by_name_reaches_the_present_vm(
    azure: Azure, ops: VMOps, state_dir: Path, provision: Deploy, deprovision: Deploy, tmp_path: Path
) -> None:
    """A wait for SSH succeeds. The next VM of that name has another host key, without a warning."""
    told = inspection.guests(state_dir)
    if told["kind"] == "none":
        pytest.skip(told["reason"])
    provision(dict(PARAMS))
    assert said(ops) == "made exp1"
    deprovision(PARAMS)
    made = provision(dict(PARAMS))
    assert said(ops) == "made exp1"
    vm = Machine(ops, {"vmName": "exp1"}, made)
    assert vm.ssh_port == made["sshPort"]
    assert vm.exec(["sh", "-c", "exit 7"]).returncode == 7
    (tmp_path / "sent").write_text("a b\n")
    vm.put(tmp_path / "sent", "kept")
    vm.get("kept", tmp_path / "back")
    assert (tmp_path / "back").read_text() == "a b\n"
    assert get("exp1", settings=ops.settings).ssh_port == made["sshPort"]
    ran = CliRunner().invoke(command_line(), ["exec", "exp1", "--json", "--", "cat", "kept"], catch_exceptions=False)
    assert '"stdout": "a b\\n"' in ran.stdout
    live_a_trial(state_dir, tmp_path)
    deprovision(PARAMS)
    assert (azure.resources(), inspection.guests(state_dir)["running"]) == ([], 0)


def live_a_trial(state_dir: Path, tmp_path: Path) -> None:
    """Use the VM by its name as mlos_bench's environments do: scripts, file trees, and power verbs."""
    where: dict[str, Any] = {"vmName": "exp1"}
    services: Any = ConfigPersistenceService()
    for each in (PulumiVMService, VmFileShareService, VmSshService):
        services.register(each({"stateDir": str(state_dir), "owner": "tester"}, {}, services).export())
    with services:
        (tmp_path / "tree/deep").mkdir(parents=True)
        (tmp_path / "tree/deep/file").write_text("content")
        services.upload(where, str(tmp_path / "tree"), "sent")
        services.download(where, "sent", str(tmp_path / "tree back"))
        assert (tmp_path / "tree back/deep/file").read_text() == "content"
        assert ran(services, where, "cat sent/deep/file; exit 3") == (False, "content")
        last = ran(services, where, BOOT_ID)
        assert services.wait_os_operation(services.reboot(where)[1] or where)[0].is_succeeded()
        again = poll_until(
            lambda: found if (found := ran(services, where, BOOT_ID)) != last else NotYet(0.1), timeout=60
        )
        assert (again or last)[0]
        assert services.wait_os_operation(services.shutdown(where)[1] or where)[0].is_succeeded()


def ran(services: Any, where: dict[str, Any], script: str) -> tuple[bool, str]:
    """Run a script, and give whether it succeeded, and its output."""
    running = services.remote_exec([script], dict(where), {})[1]
    status, told = services.get_remote_exec_results(running)
    return status.is_succeeded(), told.get("stdout", "").strip()


def test_guest_faults_are_reported(
    azure: Azure, ops: VMOps, state_dir: Path, provision: Deploy, deprovision: Deploy
) -> None:
    """vmops reports each fault of a guest, and the VM survives."""
    if inspection.guests(state_dir)["kind"] == "none":
        pytest.skip(inspection.guests(state_dir)["reason"])
    made = provision(dict(PARAMS))
    vm = Machine(ops, {**PARAMS, "pollTimeout": 1}, made)

    with fault("guest-silent"), pytest.raises(ProvisionError, match="exp1: timeout: nothing answers as SSH"):
        vm.exec(["true"])
    with fault("guest-panics"), pytest.raises(ProvisionError, match="exp1: timeout: nothing answers as SSH"):
        vm.exec(["true"])
    with fault("ssh-refused"), pytest.raises(ProvisionError, match="exp1: timeout: nothing answers as SSH"):
        vm.exec(["true"])
    vm = Machine(ops, PARAMS, made)
    with fault("ssh-refused", "--times", "2"):
        assert vm.exec(["true"]).returncode == 0
    with fault("ssh-cut", "--after", "50000"), pytest.raises(ProvisionError, match="the connection was lost"):
        vm.exec(["head", "-c", "1000000", "/dev/zero"])
    with fault("guest-shuts-down"):
        assert ops.wait_for("stopped", PARAMS)[0] is Status.SUCCEEDED
        with pytest.raises(VmopsError, match="the VM is stopped; `vmops start exp1"):
            vm.exec(["true"])
    assert ops.vm_start(PARAMS)[0] is not Status.FAILED
    assert ops.wait_for("ssh", PARAMS)[0] is Status.SUCCEEDED
    with fault("guest-hangs-on-shutdown"):
        assert ops.vm_stop(PARAMS)[0] is not Status.FAILED
        assert ops.wait_vm_operation(PARAMS)[0] is Status.SUCCEEDED
    with fault("guest-never-up"):
        asked: Params = {"vmName": "exp2"}
        assert ops.vm_provision(asked)[0] is Status.PENDING
        assert ops.wait_vm_deployment(True, asked)[0] is Status.FAILED
        failure = ops.last_failure(asked)
        assert failure
        assert (failure.kind, failure.code) == (FailureKind.TIMEOUT, "OSProvisioningTimedOut")
    for each in (PARAMS, asked):
        deprovision(each)
    assert azure.resources() == []


@contextmanager
def fault(*words: str) -> Iterator[None]:
    """Activate a fault by the command line, and clear it."""
    CliRunner().invoke(app, ["fault", *words], catch_exceptions=False)
    try:
        yield
    finally:
        CliRunner().invoke(app, ["fault", "clear"], catch_exceptions=False)


def said(ops: VMOps) -> str:
    """Give what the custom data has written, and the host name; SSH prints nothing else."""
    ended = get("exp1", settings=ops.settings).exec(["sh", "-c", "cat /etc/made; uname -n"])
    assert (ended.returncode, ended.stderr) == (0, b"")
    return " ".join(ended.stdout.decode().split())
