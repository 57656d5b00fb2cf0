"""Guests and machines of the local Azure: each follows the other's power state."""

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.azure import kill_daemon
from tests.guest_machines import VERSION, VM, Machines
from tests.guests import LONG
from vmops.cli.commands.local import app
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon, inspection
from vmops.local.guests import place

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's clients are not installed")

CONFIG = b"#cloud-config\npackages: [htop]\nruncmd:\n- echo done >/etc/made\n"


def fault(*words: str) -> None:
    """Activate a fault by the command line."""
    vmops("fault", *words)


def vmops(*words: str) -> str:
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def machines(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Machines:
    monkeypatch.setenv("VMOPS_LOCAL_GUESTS", "auto")
    daemon.ensure(state_dir, 0)
    told = inspection.guests(state_dir)
    if told["kind"] == "none":
        pytest.skip(told["reason"])
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", state_dir / "id"], check=True)
    return Machines(state_dir)


def test_a_running_machine_accepts_logins(machines: Machines) -> None:
    """The login is that of the VM's result. Its custom data has run, and has reported what is not supported."""
    machines.make(customData=base64.b64encode(CONFIG).decode())
    told = machines.until(state="up", ready=True)
    assert machines.said("id -un; nproc; uname -n; cat /etc/made").split()[0::2] == ["mlos", "vm"]
    assert machines.said("cat /etc/made") == "done"
    assert told["id"] == VM
    log = vmops("guest", "log", "vm")
    assert "not done by a local guest: packages" in log
    status = json.loads(vmops("status", "--json"))
    assert status["guests"] == {"kind": "namespaces", "running": 1, "reason": ""}
    assert (
        "customData"
        not in (machines.state_dir / "local/cloud.db")
        .read_bytes()
        .decode(errors="replace")
        .partition('"guest": {')[2]
        .partition("}")[0]
    )


def test_a_guest_follows_the_power_state_of_its_machine(machines: Machines) -> None:
    """Stop, deallocate, start, restart, resize and delete take effect in the guest."""
    machines.make()
    port = machines.until(state="up", ready=True)["port"]
    machines.said("echo x >kept; echo x >/mnt/lost")
    boot = machines.said("cat /proc/sys/kernel/random/boot_id")
    machines.act("powerOff")
    machines.until(state="down", why="asked", ready=False)
    machines.act("start")
    machines.until(state="up", ready=True, port=port)
    assert machines.said("cat kept /mnt/lost").split() == ["x", "x"]
    machines.act("deallocate")
    machines.until(state="down")
    machines.act("start")
    machines.until(state="up", ready=True, port=port)
    assert machines.ssh("cat /mnt/lost").returncode == 1
    for change in (
        lambda: machines.act("restart"),
        lambda: machines.azure.patch(
            f"{VM}?{VERSION}", {"properties": {"hardwareProfile": {"vmSize": "Standard_B1s"}}}
        ),
    ):
        before = machines.said("cat /proc/sys/kernel/random/boot_id")
        change()
        machines.settle()
        assert poll_until(
            lambda last=before: (
                (
                    (ran := machines.ssh("cat /proc/sys/kernel/random/boot_id")).returncode == 0  # type: ignore[misc]
                    and ran.stdout.decode().strip() != last
                )
                or NotYet(0.05)
            ),
            timeout=LONG,
        )
    assert machines.said("nproc") == "1"
    assert boot
    machines.act("powerOff", "&skipShutdown=true")
    machines.until(state="down", why="asked")
    machines.azure.delete(f"{VM}?{VERSION}")
    guests = place.guests_path(machines.state_dir)
    assert poll_until(lambda: True if not os.listdir(guests) else NotYet(0.02), timeout=LONG)  # noqa: PTH208


def test_a_machine_follows_the_end_of_its_guest(machines: Machines) -> None:
    """A reboot inside changes nothing in Azure. After a power-off inside the machine is stopped, and still billed."""
    machines.make()
    machines.until(state="up", ready=True)
    with machines.booting():
        assert machines.ssh("sudo reboot").returncode == 0
    assert machines.azure.power(VM) == "running"
    assert machines.ssh("sudo shutdown -h now").returncode == 0
    machines.until(state="down", why="poweroff")
    assert machines.azure.power(VM) == "stopped"
    machines.act("start")
    machines.until(state="up", ready=True)
    assert machines.azure.power(VM) == "running"


def test_a_guest_survives_the_daemon(machines: Machines) -> None:
    """The next daemon finds a killed daemon's guest. A stop of the daemon ends the guest until the next start."""
    machines.make()
    told = machines.until(state="up", ready=True)
    boot = machines.said("cat /proc/sys/kernel/random/boot_id")
    kill_daemon(machines.state_dir)
    running = place.find(machines.state_dir)
    assert running
    daemon.ensure(machines.state_dir)
    assert machines.until(state="up", ready=True)["port"] == told["port"]
    assert machines.said("cat /proc/sys/kernel/random/boot_id") == boot
    assert place.find(machines.state_dir) == running
    kill_daemon(machines.state_dir)
    os.kill(running.pid, 9)
    assert poll_until(lambda: True if not running.alive else NotYet(0.02), timeout=LONG)
    daemon.ensure(machines.state_dir)
    assert machines.until(state="up", ready=True)["port"] == told["port"]
    assert machines.said("cat /proc/sys/kernel/random/boot_id") == boot
    assert daemon.stop(machines.state_dir)
    assert not place.are_left(machines.state_dir)
    daemon.ensure(machines.state_dir)
    machines.until(state="up", ready=True, port=told["port"])
    daemon.ensure(machines.state_dir, guests="none")
    assert not place.are_left(machines.state_dir)
    assert machines.azure.get("/_local/guests")["kind"] == "none"


def test_each_guest_fault_takes_effect(machines: Machines) -> None:
    """Each fault causes its error until the faults are cleared."""
    machines.make()
    machines.until(state="up", ready=True)
    fault("ssh-refused", "--vm", "vm", "--times", "2")
    assert [machines.ssh("true").returncode for _ in range(3)] == [255, 255, 0]
    vmops("fault", "clear")
    fault("ssh-cut", "--vm", "vm", "--after", "50000")
    assert machines.ssh("head -c 10 /dev/zero").returncode == 0
    assert machines.ssh("head -c 100000 /dev/zero").returncode == 255
    vmops("fault", "clear")
    fault("guest-silent", "--vm", "vm")
    machines.until(state="up", ready=False)
    assert machines.ssh("true", patience=1).returncode == 255
    vmops("fault", "clear")
    machines.until(state="up", ready=True)
    fault("guest-panics", "--vm", "vm")
    machines.until(state="up", ready=False)
    agent = machines.azure.vm(VM)["properties"]["instanceView"]["vmAgent"]["statuses"][0]
    assert agent["displayStatus"] == "Not Ready"
    vmops("fault", "clear")
    fault("guest-never-up", "--vm", "vm")
    machines.until(state="booting", ready=False)
    assert machines.azure.power(VM) == "running"
    assert machines.ssh("true").returncode == 255
    vmops("fault", "clear")
    machines.until(state="up", ready=True)
    fault("guest-shuts-down", "--vm", "vm")
    machines.until(state="down", why="poweroff")
    assert machines.azure.power(VM) == "stopped"
    vmops("fault", "clear")
    machines.act("start")
    machines.until(state="up", ready=True)
    fault("guest-hangs-on-shutdown", "--vm", "vm")
    machines.act("powerOff")
    assert machines.azure.power(VM) == "stopped"
    machines.until(state="stopping")
    machines.until(state="down", why="asked")


@pytest.fixture
def forbidden() -> list[str]:
    """Give the prefix of a command that cannot create namespaces, as in many containers."""
    line = [
        "unshare",
        "--user",
        "--map-root-user",
        "sh",
        "-c",
        'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"',
        "sh",
    ]
    return line if subprocess.run([*line, "true"], capture_output=True, check=False).returncode == 0 else []


def test_without_namespaces_only_guests_are_missing(state_dir: Path, forbidden: list[str]) -> None:
    """One sentence says why there is no guest. Requested explicitly, guests are refused."""
    environment = {**os.environ, "VMOPS_LOCAL_GUESTS": "auto"}

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        line = [*forbidden, str(Path(sys.executable).with_name("vmops")), "local", *words]
        return subprocess.run(line, env=environment, capture_output=True, text=True, timeout=LONG, check=False)

    started = run("start", "--pace", "0", "--json")
    assert started.returncode == 0, started.stderr
    told = json.loads(run("status", "--json").stdout)["guests"]
    assert (told["kind"], told["running"]) == ("none", 0)
    assert told["reason"]
    refused = run("start", "--guests", "namespaces")
    assert (refused.returncode, told["reason"] in " ".join(refused.stderr.split())) == (1, True), refused.stderr
    assert run("stop").stdout == "stopped\n"


def test_the_setting_that_forbids_namespaces_is_named(tmp_path: Path, forbidden: list[str]) -> None:
    """The reason names the setting of the system."""
    if not forbidden:
        pytest.skip("no namespace can be made here in which to forbid them")
    code = (
        "import os, sys; from vmops.local.guests import privileges as p, trial, zygote; "
        "print(trial.refusal(os.open(sys.argv[1], os.O_RDONLY), zygote.Zygote(lambda: p.confine(None))))"
    )
    line = [*forbidden, sys.executable, "-c", code, str(tmp_path)]
    said = subprocess.run(line, capture_output=True, text=True, timeout=LONG, check=True).stdout
    assert "user.max_user_namespaces is 0" in said


def test_an_unknown_kind_of_guests_is_refused(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No name turns isolation off."""
    monkeypatch.setenv("VMOPS_LOCAL_GUESTS", "process")
    done = CliRunner().invoke(app, ["start"])
    assert done.exit_code != 0
    assert CliRunner().invoke(app, ["start", "--guests", "process"]).exit_code == 2
    monkeypatch.setenv("VMOPS_LOCAL_GUESTS", "none")
