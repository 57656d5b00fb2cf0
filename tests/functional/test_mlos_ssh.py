"""mlos_bench's own RemoteEnv and file shares inside a VM that is known by its name only."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlos_bench.environments.remote import RemoteEnv
from mlos_bench.environments.status import Status
from mlos_bench.services.base_service import Service
from mlos_bench.services.config_persistence import ConfigPersistenceService
from mlos_bench.tunables.tunable_groups import TunableGroups

from tests.functional.inside import Inside, inside
from tests.functional.world import SPEC
from tests.ssh_server import USER, one_process
from vmops import protocol
from vmops.core import keys
from vmops.mlos import PulumiVMService, VmFileShareService, VmSshService


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Inside]:
    """Give a VM that can be logged in to; its tests leave it unchanged."""
    with inside(tmp_path_factory.mktemp("mlos") / "inside") as lab:
        yield lab


@pytest.fixture
def services(lab: Inside) -> Iterator[Service]:
    """Give a mix-in of all our services, as mlos_bench loads them from a file; the SSH service is the last."""
    where = {"stateDir": str(lab.state_dir), "owner": "ada"}
    loaded: Service = ConfigPersistenceService()
    for each in (PulumiVMService, VmFileShareService, VmSshService):
        own = {"pollTimeout": 0.3, "resourceGroup": "rg"} if each is not PulumiVMService else {}
        loaded.register(each({**where, **own}, {}, loaded).export())
    with loaded:
        yield loaded


def trial(services: Service, run: str) -> tuple[Status, Any]:
    """Run one trial of a RemoteEnv, whose setup succeeds, and give its status and results."""
    config = {
        "required_args": ["vmName"],
        "shell_env_params": ["vmName"],
        "run": [run],
        "results_stdout_pattern": r"(\w+)=(\d+)",
    }
    env = RemoteEnv(
        name="inside",
        config=config,
        global_config={"vmName": "vm"},
        tunables=TunableGroups({}),
        service=services,
    )
    with env:
        assert env.setup(TunableGroups({}))
        status, _, results = env.run()
    return status, results


def test_a_trial_runs_inside_by_the_name_of_its_vm(services: Service) -> None:
    """Only the name is configured. The user is the VM's, and the script's status is the trial's."""
    assert trial(services, 'echo "cores=2"; test "$vmName" = vm') == (Status.SUCCEEDED, {"cores": 2})
    assert trial(services, "exit 3")[0] is Status.FAILED
    assert trial(services, f'test "$(id -un)" = {USER}')[0] is Status.SUCCEEDED


def test_an_unreachable_vm_fails_the_trial_only(services: Service, lab: Inside, tmp_path: Path) -> None:
    """VMs that refuse, hang up, die in the middle, and that have no guest."""
    public = keys.ssh_public_key(lab.state_dir, SPEC.stack)
    with lab.saying({"port": 1}):
        assert trial(services, "true")[0] is Status.FAILED
    with hanging_up() as port, lab.saying({"port": port}):
        assert trial(services, "true")[0] is Status.FAILED
    with one_process(tmp_path / "dying", public) as dying, lab.saying({"port": dying.port}):
        assert trial(services, f"kill -KILL {dying.process.pid}; exec sleep 5")[0] is Status.FAILED
    with lab.saying(None):
        assert trial(services, "true")[0] is Status.FAILED
    assert trial(services, "true")[0] is Status.SUCCEEDED


def test_the_ssh_service_leaves_power_to_azure(services: Service, lab: Inside) -> None:
    """A shutdown from inside would leave the VM billed, so power verbs go to Azure in any order of services."""
    ours = services.export()
    for verb in ("shutdown", "reboot", "wait_os_operation"):
        assert isinstance(ours[verb].__self__, PulumiVMService)  # type: ignore[attr-defined]
    alone = VmSshService({"stateDir": str(lab.state_dir)})
    assert alone.export().keys() == {"remote_exec", "get_remote_exec_results"}


def test_ssh_hostname_bypasses_vmops(services: Service, lab: Inside) -> None:
    """The host is reached as by mlos_bench, but never as a user called None."""
    service = VmSshService({"stateDir": str(lab.state_dir), "ssh_hostname": "127.0.0.1"})
    assert service._with_login({})["ssh_username"] == USER
    assert service._with_login({"ssh_username": "ada"})["ssh_username"] == "ada"


def test_files_go_in_and_come_back(services: Any, lab: Inside, tmp_path: Path) -> None:
    """File trees too; a missing file raises what mlos_bench expects."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "file").write_text("content")
    params = {"vmName": "vm"}
    services.upload(params, str(tmp_path / "tree"), str(lab.home / "sent"))
    services.download(params, str(lab.home / "sent"), str(tmp_path / "back"))
    assert (tmp_path / "back" / "file").read_text() == "content"
    with pytest.raises(FileNotFoundError):
        services.download(params, str(lab.home / "none"), str(tmp_path / "none"))
    with hanging_up() as port, lab.saying({"port": port}):
        later = threading.Timer(0.05, lab.say, [{}])
        later.start()
        services.upload({**params, "pollTimeout": 60}, str(tmp_path / "tree"), str(lab.home / "again"))
        later.join()
    assert (lab.home / "again" / "file").read_text() == "content"


def test_trials_wait_for_ssh_if_a_guest_can_answer(
    lab: Inside, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without a guest they do not, with one warning; an explicit waitFor stays."""
    service = PulumiVMService({"stateDir": str(lab.state_dir), "owner": "ada"}, {"experiment_id": "one"})
    asked: list[str] = []

    def refuse(params: dict[str, Any]) -> tuple[protocol.Status, dict[str, Any]]:
        asked.append(params["waitFor"])
        return protocol.Status.FAILED, {}

    monkeypatch.setattr(service._ops, "vm_provision", refuse)
    service.provision_host({"vmName": "vm"})
    with lab.saying(None):
        for params in ({"vmName": "vm"}, {"vmName": "vm"}, {"vmName": "vm", "waitFor": "ssh"}):
            service.provision_host(params)
    assert asked == ["ssh", "running", "running", "ssh"]
    said = [each.getMessage() for each in caplog.records if each.levelname == "WARNING"]
    assert said == ["vm: not waiting for its SSH: nothing runs inside it: no namespaces here"]


@contextmanager
def hanging_up() -> Iterator[int]:
    """Give the port of a server that sends an SSH banner and hangs up."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                connection.sendall(b"SSH-2.0-gone\r\n")
                connection.close()

        thread = threading.Thread(target=greet)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
