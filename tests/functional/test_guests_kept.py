"""The life of guests: they survive other processes, end on request, and never run twice in one directory."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.guests import LONG, Lab, lab
from vmops.core.polling import NotYet, poll_until
from vmops.local.guests.protocol import Seen

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's clients are not installed")

BOOT_ID = "cat /proc/sys/kernel/random/boot_id"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("kept")) as found:
        yield found


@pytest.fixture
def port(kept: Lab) -> int:
    """Give the port of a running guest; it is started if the test before has ended it."""
    seen = kept.sync(*kept.wanted.values()).get("kept")
    off = seen is not None and seen.state in ("down", "stopping")
    return kept.up("kept", boot=kept.guest("kept").boot + off, up=True).port


def boots_again(kept: Lab, port: int, last: str) -> str:
    """Wait until a guest answers from another boot, and give that boot."""

    def look() -> str | NotYet:
        ran = kept.ssh(port, BOOT_ID)
        found = ran.stdout.decode().strip()
        return found if ran.returncode == 0 and found != last else NotYet(0.05)

    again = poll_until(look, timeout=LONG)
    assert again, kept.console("kept")
    return again


@pytest.mark.parametrize(
    "command", ["sudo -n shutdown -r now", "/usr/local/sbin/reboot -f || reboot -f", "kill -s USR1 1"]
)
def test_a_reboot_inside_restarts_the_guest(kept: Lab, port: int, command: str) -> None:
    """The caller gets an answer. Files stay, processes and memory do not, and Azure's state is unchanged."""
    kept.said(port, "echo x >kept; echo x >/tmp/lost; nohup sleep 4321 >/dev/null 2>&1 &")
    last = kept.said(port, BOOT_ID)
    assert kept.ssh(port, command).returncode == 0
    boots_again(kept, port, last)
    assert kept.said(port, "ls kept; ls /tmp; pgrep -f 'sleep 432[1]' || true") == "kept"
    assert kept.sync(*kept.wanted.values())["kept"].why == ""


def test_a_power_off_inside_stops_the_machine(kept: Lab, port: int) -> None:
    """It starts again only when Azure starts the machine, with its files."""
    kept.said(port, "echo x >kept")
    assert kept.ssh(port, "sudo poweroff").returncode == 0
    down = kept.until(lambda seen: seen.state == "down", kept.guest("kept"))
    assert (down.why, down.port, kept.waiting("kept")) == ("poweroff", port, [])
    again = kept.up("kept", boot=kept.guest("kept").boot + 1)
    assert (again.port, kept.said(port, "cat kept")) == (port, "x")


@pytest.mark.parametrize(("force", "said"), [(False, True), (True, False)], ids=["asked", "forced"])
def test_a_guest_ends_on_request(kept: Lab, port: int, force: bool, said: bool) -> None:
    """With or without notice to its processes, and also if they ignore it."""
    kept.said(port, "nohup sh -c 'trap : TERM; while :; do sleep 1; done' >/dev/null 2>&1 &")
    down = kept.until(lambda seen: seen.state == "down", kept.guest("kept", up=False, force=force))
    assert (down.why, kept.waiting("kept")) == ("asked", [])
    assert kept.console("kept").rstrip().endswith("going down") is said
    kept.guest("kept", force=False)


def test_deallocation_empties_the_temporary_disk(kept: Lab, port: int) -> None:
    """/mnt survives a restart, but not a deallocation."""
    kept.said(port, "echo x >/mnt/there")
    again = kept.up("kept", boot=kept.guest("kept").boot + 1)
    assert kept.said(again.port, "ls /mnt") == "there"
    moved = kept.guest("kept")
    kept.up("kept", boot=moved.boot + 1, allocation=moved.allocation + 1)
    assert kept.said(port, "ls /mnt") == ""


def test_a_guest_survives_the_guests_process(kept: Lab, port: int) -> None:
    """Logins survive too. The next process finds the guest, and knows why it ends."""
    last, [before] = kept.said(port, BOOT_ID), kept.waiting("kept")
    line = ["ssh", *kept.options(port), "mlos@127.0.0.1", "echo begun; read word; echo $word"]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as login:
        assert login.stdin
        assert login.stdout
        assert login.stdout.readline() == b"begun\n"
        kept.kill()
        login.stdin.write(b"alive\n")
        login.stdin.close()
        assert login.stdout.read() == b"alive\n"
    kept.start()
    assert kept.up("kept").port == port
    assert (kept.said(port, BOOT_ID), kept.waiting("kept")) == (last, [before])
    kept.kill()
    os.kill(psutil.Process(before).children()[0].pid, signal.SIGUSR2)  # meanwhile it powers itself off
    assert poll_until(lambda: True if not kept.waiting("kept") else NotYet(0.02), timeout=LONG)
    kept.start()
    assert kept.until(lambda seen: seen.state == "down", kept.guest("kept")).why == "poweroff"


def test_a_guest_survives_the_zygote(kept: Lab, port: int) -> None:
    """Without the zygote no guest can start: the guests' process ends too, and the next one has a new zygote."""
    last = kept.said(port, BOOT_ID)
    born_of, *_ = kept.beside()
    born_of.kill()
    assert kept.process.wait(LONG) == 0
    kept.start()
    assert (kept.up("kept").port, kept.said(port, BOOT_ID)) == (port, last)


def test_the_ssh_server_runs_only_while_it_is_used(kept: Lab, port: int) -> None:
    """Without clients it exits and frees its memory. It is started again for the next client, also after a kill."""
    kept.said(port, "true")
    assert poll_until(lambda: True if len(kept.beside()) == 1 else NotYet(0.1), timeout=LONG), kept.beside()
    with subprocess.Popen(["ssh", *kept.options(port), "mlos@127.0.0.1", "true"], stderr=subprocess.DEVNULL):
        lets_in = poll_until(lambda: next(iter(kept.beside()[1:]), NotYet(0.01)), timeout=LONG)
        assert lets_in
        lets_in.kill()
    kept.said(port, "true")
    assert kept.process.poll() is None


def test_a_guest_killed_from_outside_boots_again(kept: Lab, port: int) -> None:
    """A guest whose outer process is killed ends as a whole, and boots again."""
    last = kept.said(port, BOOT_ID)
    os.kill(kept.waiting("kept")[0], signal.SIGKILL)
    assert boots_again(kept, port, last) != last


@pytest.mark.parametrize("moment", ["begin", "stop", "restart", "delete"])
def test_a_guest_never_runs_twice_after_a_kill_at_any_moment(kept: Lab, moment: str) -> None:
    """The next process completes what the killed one has begun."""
    name = f"moment-{moment}"
    wanted = kept.guest(name)
    others = [each for each in kept.wanted.values() if each.vm_id != name]
    if moment != "begin":
        kept.up(name)
    then = {
        "begin": [wanted],
        "stop": [kept.guest(name, up=False)],
        "restart": [kept.guest(name, boot=2)],
        "delete": [],
    }[moment]
    kept.say(*others, *then)
    kept.kill()
    kept.start()
    if moment == "delete":
        kept.sync(*others)
        assert poll_until(lambda: True if name not in "".join(kept.directories()) else NotYet(0.02), timeout=LONG)
        return
    up = moment != "stop"

    def there(seen: Seen) -> bool:
        assert kept.lives(name) <= 1
        return seen.ready and seen.boot == then[0].boot if up else seen.state == "down"

    kept.until(there, then[0])
    assert len(kept.waiting(name)) == up


def test_only_one_guests_process_runs(kept: Lab, port: int) -> None:
    """A second one is refused, and changes nothing."""
    second = Lab.__new__(Lab)
    second.__dict__.update(kept.__dict__)
    with pytest.raises(pytest.skip.Exception, match="another process has the guests"):
        second.start()
    assert kept.said(port, "echo alive") == "alive"


def test_sigterm_ends_all_guests(kept: Lab, port: int) -> None:
    """They shut down, also those of a killed process, and boot again with the next process."""
    kept.kill()
    kept.close()
    assert kept.waiting("kept") == []
    kept.start()
    assert kept.up("kept").port == port


def test_a_deleted_state_directory_ends_all_guests(tmp_path: Path) -> None:
    """No process works in it any more."""
    with lab(tmp_path) as found:
        found.up("lost")
        [waiting] = found.waiting("lost")
        shutil.rmtree(found.state_dir / "local")
        assert found.process.wait(LONG) == 0
        assert poll_until(lambda: True if not psutil.pid_exists(waiting) else NotYet(0.02), timeout=LONG)
