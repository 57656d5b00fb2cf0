"""A guest as its user sees it: a separate machine with SSH, files and processes."""

import asyncio
import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
import pytest

from tests.guests import LONG, Lab, lab
from vmops.core.polling import NotYet, poll_until
from vmops.local.arm.state.secrets import seal

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH's clients are not installed")

T = TypeVar("T")
PASSWORD = "Long-enough-1"


@pytest.fixture(scope="module")
def inside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with lab(tmp_path_factory.mktemp("guests")) as found:
        found.up("shared", password=seal(PASSWORD), processors=1)
        yield found


@pytest.fixture
def port(inside: Lab) -> int:
    return inside.up("shared").port


def scp(inside: Lab, port: int, *words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(["scp", "-q", *inside.options(port), *words], capture_output=True, timeout=LONG, check=False)


def test_a_guest_has_its_own_host_name_users_and_processes(inside: Lab, port: int) -> None:
    """The VM's user is root under another name, starts in its home, and sudo works."""
    assert inside.said(port, "id -un; id -u; pwd; uname -n; nproc; sudo -n id -u").split() == [
        *("mlos", "0", "/home/mlos", "shared", "1", "0")
    ]
    assert inside.said(port, "ls /home /root; cat /proc/net/dev | grep -c :") == "/home:\nmlos\n\n/root:\n1"


@pytest.mark.parametrize(
    ("command", "code"), [("exit 7", 7), ("false", 1), ("no-such-command", 127), ("kill -9 $$", 255)]
)
def test_a_guest_command_returns_its_exit_code(inside: Lab, port: int, command: str, code: int) -> None:
    """As with OpenSSH's server; a signal gives 255."""
    assert inside.ssh(port, command).returncode == code


def test_guest_streams_are_unchanged(inside: Lab, port: int) -> None:
    """Megabytes of binary input and output are unchanged, and stderr is separate."""
    block = os.urandom(5_000_000)
    ran = inside.ssh(port, "tee /tmp/block; echo wrong >&2; sha256sum </tmp/block >&2", block)
    assert hashlib.sha256(ran.stdout).digest() == hashlib.sha256(block).digest()
    assert ran.stderr.decode().split()[:2] == ["wrong", hashlib.sha256(block).hexdigest()]


@pytest.mark.parametrize("form", [[], ["-O"]], ids=["sftp", "scp"])
def test_trees_are_copied_by_scp(inside: Lab, port: int, tmp_path: Path, form: list[str]) -> None:
    """Also with its legacy protocol, which mlos_bench uses."""
    if form and inside.ssh(port, "command -v scp").returncode:
        pytest.skip("this system has no scp of its own for the far side")
    (tmp_path / "tree/deep").mkdir(parents=True)
    (tmp_path / "tree/deep/file").write_text("it")
    far = f"mlos@127.0.0.1:copied{len(form)}"
    assert scp(inside, port, *form, "-r", str(tmp_path / "tree"), far).returncode == 0
    assert scp(inside, port, *form, "-r", far, str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back/deep/file").read_text() == "it"
    missing = scp(inside, port, *form, "mlos@127.0.0.1:missing", str(tmp_path))
    assert (missing.returncode, b"No such file or directory" in missing.stderr) == (1, True)


def test_sftp_is_confined_to_the_guest(inside: Lab, port: int) -> None:
    """A link out of the home leads to the guest's own root."""
    given = b"ln -s / out\nls -1 out\n"
    line = ["sftp", "-q", "-b", "-", *inside.options(port), "mlos@127.0.0.1"]
    ran = subprocess.run(line, input=given, capture_output=True, timeout=LONG, check=True)
    assert {"out/home", "out/usr"} <= set(ran.stdout.decode().split())
    assert inside.said(port, "ls /home") == "mlos"


@pytest.mark.skipif(shutil.which("rsync") is None, reason="rsync is not installed")
def test_rsync_works_with_a_guest(inside: Lab, port: int, tmp_path: Path) -> None:
    """The guest runs the rsync of this host."""
    (tmp_path / "one").write_text("1")
    shell = " ".join(["ssh", *inside.options(port)])
    subprocess.run(["rsync", "-a", "-e", shell, f"{tmp_path}/", "mlos@127.0.0.1:synced/"], timeout=LONG, check=True)
    assert inside.said(port, "cat synced/one") == "1"


def test_a_port_is_forwarded_into_it(inside: Lab, port: int) -> None:
    """The target of ``-L`` is in the guest's own network."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        near = free.getsockname()[1]
    line = ["ssh", *inside.options(port), "-N", "-L", f"{near}:127.0.0.1:{port}", "mlos@127.0.0.1"]
    with subprocess.Popen(line, stderr=subprocess.DEVNULL) as forwarding:
        try:

            def look() -> bytes | NotYet:
                try:
                    with socket.create_connection(("127.0.0.1", near), timeout=LONG) as connected:
                        return b"closed" + connected.recv(100)
                except OSError:
                    return NotYet(0.05)

            assert poll_until(look, timeout=LONG) == b"closed"  # the port belongs to the host
        finally:
            forwarding.kill()


@pytest.mark.parametrize("term", ["xterm", None])
def test_openssh_gets_a_terminal_in_the_guest(
    inside: Lab, port: int, monkeypatch: pytest.MonkeyPatch, term: str | None
) -> None:
    """With ``-tt`` stdin is a terminal there, also if the client has no ``TERM``; the exit code is returned."""
    monkeypatch.delenv("TERM", raising=False)
    if term:
        monkeypatch.setenv("TERM", term)
    line = ["ssh", "-tt", *inside.options(port), "mlos@127.0.0.1", "tty && test -t 0 && exit 5"]
    ran = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONG, check=False)
    assert (ran.returncode, ran.stdout.strip().startswith(b"/dev/pts/")) == (5, True), ran


def test_a_terminal_has_a_size_that_changes(inside: Lab, port: int) -> None:
    """A login shell reads the input, and the window may grow."""

    async def type_in() -> str:
        login = asyncssh.SSHClientConnectionOptions(
            username="mlos", client_keys=[str(inside.key)], known_hosts=None, config=[]
        )
        async with asyncssh.connect("127.0.0.1", port, options=login) as made:
            typed = await made.create_process(term_type="xterm", term_size=(80, 24))
            typed.stdin.write("stty -echo; PS1=; tty; stty size; echo rea$(:)dy\n")
            said = await typed.stdout.readuntil("ready\r\n")
            typed.change_terminal_size(100, 30)
            typed.stdin.write("until stty size | grep 100; do :; done; exit 3\n")
            said += await typed.stdout.read()
            await typed.wait()
            return f"{said} {typed.exit_status}"

    said = asyncssh_run(type_in())
    assert ("/dev/pts/" in said, "24 80" in said, "30 100" in said, said.endswith(" 3")) == (True, True, True, True), (
        said
    )


def test_a_client_may_close_one_stream_first(inside: Lab, port: int) -> None:
    """mlos_bench does so after each copy, and continues on the same connection."""

    async def close_first() -> list[str]:
        login = asyncssh.SSHClientConnectionOptions(
            username="mlos", client_keys=[str(inside.key)], known_hosts=None, config=[]
        )
        async with asyncssh.connect("127.0.0.1", port, options=login) as made:
            for _ in range(3):
                running = await made.create_process("cat; sleep 0.01; echo late")
                running.stdin.write_eof()
                running.close()
                await running.wait_closed()
            found = await made.run("echo alive")
            return str(found.stdout).split()

    assert asyncssh_run(close_first()) == ["alive"]


def test_a_killed_clients_processes_end(inside: Lab, port: int) -> None:
    """They get SIGHUP, unless they have left the session."""
    line = ["ssh", *inside.options(port), "mlos@127.0.0.1", "nohup sleep 4567 >/dev/null 2>&1 & sleep 4568"]
    client = subprocess.Popen(line, stderr=subprocess.DEVNULL)
    begun = "pgrep -f 'sleep 456[7]' >/dev/null && pgrep -f 'sleep 456[8]' >/dev/null"
    assert poll_until(lambda: inside.ssh(port, begun).returncode == 0 or NotYet(0.05), timeout=LONG)
    client.kill()
    client.wait()
    gone = "! pgrep -f 'sleep 456[8]'"
    assert poll_until(lambda: inside.ssh(port, gone).returncode == 0 or NotYet(0.05), timeout=LONG)
    assert inside.said(port, "pkill -f 'sleep 456[7]' && echo there") == "there"


def test_only_the_guests_user_can_log_in(inside: Lab, port: int, tmp_path: Path) -> None:
    """By a key in the guest, or by the VM's password: every user of this host can connect."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other"], check=True)
    assert inside.ssh(port, "id", user="root").returncode == 255
    kept, inside.key = inside.key, tmp_path / "other"
    try:
        assert inside.ssh(port, "id").returncode == 255
    finally:
        inside.key = kept

    async def by_password(password: str) -> str:
        login = asyncssh.SSHClientConnectionOptions(
            username="mlos", password=password, client_keys=None, known_hosts=None, config=[], agent_path=None
        )
        async with asyncssh.connect("127.0.0.1", port, options=login) as made:
            return str((await made.run("id -un")).stdout).strip()

    assert asyncssh_run(by_password(PASSWORD)) == "mlos"
    with pytest.raises(asyncssh.PermissionDenied):
        asyncssh_run(by_password("Long-enough-2"))


def test_a_guest_refuses_commands_that_it_lacks(inside: Lab, port: int) -> None:
    """Packages and services are not supported, and other users do not exist."""
    codes = [
        inside.ssh(port, each).returncode for each in ("apt-get install -y x", "systemctl start x", "sudo -u x id")
    ]
    assert codes == [100, 1, 1]
    assert inside.ssh(port, "sysctl -w vm.swappiness=7 || echo 7 >/proc/sys/vm/swappiness").returncode != 0


def asyncssh_run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(work, LONG))
