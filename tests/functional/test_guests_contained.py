"""Isolation: no guest reaches the host, whatever runs in it, whether root or another user started it."""

import json
import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.another_user import UID, as_another
from tests.guests import Lab, lab
from vmops.core import processes
from vmops.local.guests import host, kernel, lazily_imported, place, privileges, process, trial

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's clients are not installed")

lazily_imported.load()
LOADED = (host, kernel, trial)
"""Modules that another user who runs this can no longer import."""

HARM = {
    "kill": "kill -KILL -1; kill -KILL -1",
    "kill-first": "kill -KILL 1; sudo kill -KILL 1; true",
    "signals": "kill -TERM -1; kill -HUP -1",
    "remove": "sudo rm -rf --no-preserve-root /[!u]* /usr/local /usr/sbin /usr/games 2>/dev/null",
    "write": "sudo chmod -R 777 /usr/sbin; touch /usr/sbin/sh; echo x >/usr/bin/env",
    "mount": "mount -o remount,rw,bind /usr && touch /usr/written; umount -l /usr /usr/local; rmdir /usr/*",
    "outside": "umount -l /proc; rm -rf /proc/[0-9]*/root/usr/sbin /proc/[0-9]*/cwd/[!u]* 2>/dev/null",
    "memory": "for each in /proc/[0-9]*; do echo 0 >$each/mem; echo -17 >$each/oom_adj; done",
    "kernel": "echo 1 >/proc/sys/kernel/panic; echo b >/proc/sysrq-trigger; echo 7 >/sys/kernel/mm/ksm/run; dmesg -C",
    "devices": "chmod 000 /dev/null; rm -f /dev/*; mknod /dev/vda b 254 0 && dd if=/dev/zero of=/dev/vda count=1",
}
"""Attacks that must only run inside a guest."""

TOGETHER = {
    "alive": ("signals", "kill", "kill-first", "write", "memory", "kernel"),
    "maimed": ("mount", "outside"),
    "dead": ("devices", "remove"),
}
"""Attacks on a guest from another one, by what they leave of it."""


@contextmanager
def sleeping(user: int) -> Iterator[psutil.Process]:
    """Start a process of the guests' own user outside of all guests."""
    how = {"user": user, "group": user, "extra_groups": []} if os.geteuid() == 0 else {}
    begun = subprocess.Popen(["sleep", "1000"], **how)  # type: ignore[call-overload]
    try:
        yield psutil.Process(begun.pid)
    finally:
        begun.kill()
        begun.wait()


def canary(path: Path, user: int) -> Path:
    """Create a file that the guests' own user may delete."""
    path.write_text("alive")
    os.chown(path, user, -1)
    return path


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("contained")) as found:
        found.up("other")
        yield found


@pytest.mark.parametrize("left", TOGETHER)
def test_a_guest_cannot_harm_the_host(inside: Lab, left: str) -> None:
    """Files and processes of the guest's own user id survive, on the host and in other guests."""
    guests = place.guests_path(inside.state_dir)
    user, before = guests.stat().st_uid, settings()
    beside = [canary(guests / ".canary", user), canary(inside.state_dir / "canary", user)]
    other, port = inside.up("other").port, inside.up(f"victim-{left}").port
    inside.said(other, "echo alive >canary")
    with sleeping(user) as one:
        for harm in TOGETHER[left]:
            inside.said(port, "true")  # it can still be logged in to
            inside.ssh(port, HARM[harm])
            assert (harm, one.status()) == (harm, psutil.STATUS_SLEEPING)
            assert (harm, [each.read_text() for each in beside]) == (harm, ["alive", "alive"])
            assert (harm, inside.said(other, "cat canary"), settings()) == (harm, "alive", before)
            assert (harm, inside.process.poll()) == (harm, None)
    beside[0].unlink()
    inside.sync(inside.wanted["other"])


TRACE = "import ctypes; call = ctypes.CDLL(None).ptrace; print(*(call(16, pid, 0, 0) for pid in {pids}))"
"""Attaches to processes, and prints whether each attempt succeeded. Source: ptrace(2), PTRACE_ATTACH is 16."""


def test_a_guest_cannot_trace_host_processes(inside: Lab) -> None:
    """No process outside the guest is visible, neither of the same user nor the guests' own."""
    user, port = place.guests_path(inside.state_dir).stat().st_uid, inside.up("other").port
    if inside.ssh(port, "python3 -c 'import ctypes'").returncode:
        pytest.skip("guests have no Python here, and nothing else to call ptrace with")
    with sleeping(user) as one:
        script = TRACE.format(pids=(one.pid, inside.process.pid, os.getpid()))
        for who in ("", "sudo "):
            assert inside.said(port, f"{who}python3 -c '{script}'") == "-1 -1 -1"
        assert one.status() == psutil.STATUS_SLEEPING


def test_each_attack_succeeds_without_isolation() -> None:
    """The same attacks succeed inside one guest."""
    assert sorted(harm for harms in TOGETHER.values() for harm in harms) == sorted(HARM)


def test_the_guests_process_runs_as_an_unused_user(inside: Lab) -> None:
    """Root is given up for a user id without an account and groups, which owns only the guests."""
    found = psutil.Process(inside.process.pid)
    users = set(found.uids())
    assert len(users) == 1
    if os.geteuid() == 0:
        assert users & {0, UID} == set()
        assert users == {place.guests_path(inside.state_dir).stat().st_uid}
        status = Path(f"/proc/{found.pid}/status").read_text()
        assert ("NoNewPrivs:\t1" in status, "CapEff:\t0000000000000000" in status) == (True, True)
        owners = {each.stat().st_uid for each in (inside.state_dir / "local").iterdir() if each.name != "guests"}
        assert owners == {0}


def test_a_symlink_does_not_redirect_a_deletion(inside: Lab, tmp_path: Path) -> None:
    """A link's target survives the deletion of the guest, and a directory without permissions is deleted."""
    user = place.guests_path(inside.state_dir).stat().st_uid
    kept = canary(tmp_path / "kept", user)
    port = inside.up("linked").port
    inside.said(port, f"ln -s {kept} {tmp_path} /usr/local/; mkdir -p closed/in && chmod 000 closed/in closed")
    inside.gone()
    assert kept.read_text() == "alive"


def test_a_symlink_does_not_redirect_a_boot(inside: Lab) -> None:
    """A link in place of a directory that a boot writes to is resolved inside the guest."""
    port, user = inside.up("astray").port, place.guests_path(inside.state_dir).stat().st_uid
    with tempfile.TemporaryDirectory() as made:  # a directory that the guests' user can reach
        os.chown(made, user, -1)
        kept = canary(Path(made) / "sudo", user)
        inside.said(port, f"rm -r /usr/local/bin && ln -s {made} /usr/local/bin")
        inside.up("astray", boot=2)
        assert (os.listdir(made), kept.read_text()) == (["sudo"], "alive")  # noqa: PTH208
    assert inside.said(port, "id -u") == "0"


class Here(Lab):
    """Guests whose process is forked by this one: another user may find no interpreter to begin one by."""

    def start(self, module: str = "") -> None:
        told, tell = os.pipe()
        if not os.fork():
            with self._errors.open("ab") as errors:
                os.dup2(errors.fileno(), 2)
            os.dup2(tell, 1)
            process.main(self.state_dir)
            os._exit(0)
        os.close(tell)
        with os.fdopen(told) as said:
            reason = json.loads(said.readline())["reason"]
        if reason:
            pytest.skip(reason)
        self.connect()


def harmed(directory: Path) -> list[str]:
    """Run guests as the user who runs this, attempt all attacks from one, and report the damage."""
    here = Here(directory / "state")
    kept, before = directory / "canary", settings()
    kept.write_text("alive")
    try:
        here.start()
        with sleeping(os.geteuid()) as other:
            port = here.up("victim").port
            for harm in ("kill", "kernel", "mount", "outside"):
                here.said(port, "true")  # it can still be logged in to
                here.ssh(port, HARM[harm])
                if (other.status(), kept.read_text(), settings()) != (psutil.STATUS_SLEEPING, "alive", before):
                    return [harm]
        return [] if place.find(here.state_dir) else ["the process of the guests"]
    finally:
        here.close()


def test_guests_of_an_ordinary_user_are_isolated_too() -> None:
    """No privileges need to be given up, and no additional access is open."""
    if os.geteuid():
        pytest.skip("all the other tests are of an ordinary user")
    with tempfile.TemporaryDirectory() as made:
        os.chown(made, UID, UID)
        assert as_another(harmed, Path(made)) == []


def settings() -> list[str]:
    """Read the kernel settings of this host that a guest of root could have written."""
    return [
        path.read_text() for path in map(Path, ("/proc/sys/kernel/panic", "/sys/kernel/mm/ksm/run")) if path.exists()
    ]


def test_the_chosen_user_id_belongs_to_nobody(tmp_path: Path) -> None:
    """It is no account's and no process's id, not that of nobody, and stays the same for a directory."""
    if os.geteuid():
        pytest.skip("only root leaves root")
    user = privileges.spare_user(tmp_path)
    assert user >= 100_000
    assert user not in processes.users()
    os.chown(tmp_path, user, user)
    assert privileges.spare_user(tmp_path) == user
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700
