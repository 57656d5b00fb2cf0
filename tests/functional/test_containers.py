"""Containers: a user without an account, and a first process that reaps no orphans. Only root can make them (Linux)."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from vmops.engine.install import locate

ROOT = Path(__file__).parents[2]

NAMELESS = "--user --map-user=54321 --map-group=54321"
"""Run as a user id without an account, which owns all of our files."""

WHOLE_LIFE = """
from vmops import Status, VMOps
ops, params = VMOps(), {"vmName": "exp1"}
for begin, is_setup in ((ops.vm_provision, True), (ops.vm_deprovision, False)):
    assert begin(params)[0] is Status.PENDING, ops.last_failure(params)
    assert ops.wait_vm_deployment(is_setup, params)[0] is Status.SUCCEEDED, ops.last_failure(params)
"""

NOBODY_IS_LEFT = """
import os, psutil
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon
assert os.getpid() == 1
daemon.stop(ops.settings.state_dir)
alone = lambda: NotYet(0.05) if [each for each in psutil.pids() if each != 1 and living(each)] else True
living = lambda pid: psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
assert poll_until(alone, timeout=120)
print([psutil.Process(each).name() for each in psutil.pids() if each != 1])
"""


def apart(kinds: str, shell: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run a shell in new namespaces, with exactly these environment variables."""
    command = ["unshare", *kinds.split(), "sh", "-euc", shell]
    if os.geteuid() or subprocess.run(["unshare", *kinds.split(), "true"], capture_output=True, check=False).returncode:
        pytest.skip("no name spaces can be made here")
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240, check=False)


def python(program: str) -> str:
    """Give the shell command that becomes a Python program."""
    return f"exec {shlex.quote(sys.executable)} -c {shlex.quote(program)}"


def needs_c(engine: Path) -> bool:
    """Tell whether an engine uses the C library to look up its user, as those of earlier versions did."""
    with engine.open("rb") as file:
        return b"ld-linux" in file.read(8192)


def test_a_container_user_without_name_and_home_provisions(engine: Path, state_dir: Path) -> None:
    """Clusters run containers under a user id without an account."""
    if needs_c(engine):
        pytest.skip("this engine was built with C: remove it, and `vmops engine install` builds one without")
    told = {"VMOPS_STATE_DIR": str(state_dir), "VMOPS_ENGINE": str(engine)}
    ended = apart(NAMELESS, python(WHOLE_LIFE), **told)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (
            "from vmops import VMOps; VMOps()",
            "VMOPS_STATE_DIR: '~/.local/state/vmops': this user has no home: set it to",
        ),
        (
            "from vmops.engine.install import locate; locate.install(print)",
            "has no home to install the Pulumi engine in",
        ),
    ],
)
def test_a_missing_home_is_reported(program: str, says: str) -> None:
    """The error names the setting to use, and no directory ``~`` is created."""
    ended = apart(NAMELESS, python(program))
    assert says in ended.stderr.splitlines()[-1]


def test_pid_1_gets_no_zombies(engine: Path, state_dir: Path) -> None:
    """A program that is the first process reaps only its own children."""
    told = {"VMOPS_STATE_DIR": str(state_dir), "VMOPS_WORKER_IDLE": "0.2", "HOME": os.environ["HOME"]}
    ended = apart("--pid --fork --mount-proc", python(WHOLE_LIFE + NOBODY_IS_LEFT), **told)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "[]\n"


def test_the_engine_directory_is_readable_by_all_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image is built by root and runs as any user; earlier versions had closed the directory."""
    (home := tmp_path / "engine").mkdir(mode=0o700)
    (ours := home / locate.ENGINE_VERSION / "bin").mkdir(parents=True)
    (ours / "pulumi").touch(mode=0o755)
    monkeypatch.setattr(locate, "_home", lambda: home)
    locate.install(pytest.fail)
    assert home.stat().st_mode & 0o777 == 0o755
