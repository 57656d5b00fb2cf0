"""mlos_bench's own SSH classes, unchanged, with a guest."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlos_bench.environments.status import Status
from mlos_bench.services.base_service import Service
from mlos_bench.services.config_persistence import ConfigPersistenceService
from mlos_bench.services.remote.ssh import SshFileShareService, SshHostService

from tests.guests import LONG, Lab, lab
from vmops.core.polling import NotYet, poll_until

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's clients are not installed")
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("mlos")) as found:
        yield found


@pytest.fixture
def services(inside: Lab) -> Iterator[Any]:
    """Give both classes as a mix-in, as mlos_bench loads them from a file, and the key of the guests."""
    loaded: Service = ConfigPersistenceService()
    for each in (SshHostService, SshFileShareService):
        config = {"ssh_username": "mlos", "ssh_priv_key_path": str(inside.key)}
        loaded.register(each(config, {}, loaded).export())
    with loaded:
        yield loaded


def ran(services: Any, where: dict[str, Any], script: str) -> tuple[Status, str]:
    """Run a script, and give its status and output."""
    status, running = services.remote_exec([script], dict(where), {"vmName": "two words"})
    assert status.is_pending(), running
    status, told = services.get_remote_exec_results(running)
    return status, told["stdout"].strip()


def test_scripts_and_trees_go_in_and_come_back(services: Any, inside: Lab, tmp_path: Path) -> None:
    """Exit codes are returned, and a missing file raises what mlos_bench expects."""
    where = {"ssh_hostname": "127.0.0.1", "ssh_port": inside.up("mlos").port}
    assert ran(services, where, 'id -un; echo "$vmName"') == (Status.SUCCEEDED, "mlos\ntwo words")
    assert ran(services, where, "exit 3") == (Status.FAILED, "")
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/deep/file").write_text("content")
    services.upload(where, str(tmp_path / "tree"), "sent")
    services.download(where, "sent", str(tmp_path / "back"))
    assert (tmp_path / "back/deep/file").read_text() == "content"
    with pytest.raises(FileNotFoundError):
        services.download(where, "none", str(tmp_path / "none"))


def test_a_vm_reboots_and_shuts_down_from_inside(services: Any, inside: Lab) -> None:
    """By mlos_bench's commands, which are answered before the connection ends."""
    port = inside.up("mlos").port
    where = {"ssh_hostname": "127.0.0.1", "ssh_port": port}
    last = ran(services, where, BOOT_ID)[1]
    assert done(services, services.reboot(where)) is Status.SUCCEEDED

    def look() -> bool | NotYet:
        again = inside.ssh(port, BOOT_ID)
        return (again.returncode == 0 and again.stdout.decode().strip() != last) or NotYet(0.05)

    assert poll_until(look, timeout=LONG)
    assert ran(services, where, "echo there") == (Status.SUCCEEDED, "there")
    assert done(services, services.shutdown(where)) is Status.SUCCEEDED
    assert inside.until(lambda seen: seen.state == "down", inside.guest("mlos")).why == "poweroff"


def done(services: Any, begun: tuple[Status, dict[str, Any]]) -> Status:
    status, running = begun
    assert status.is_pending(), running
    ended: Status = services.wait_os_operation(running)[0]
    return ended
