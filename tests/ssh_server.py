"""A plain SSH server on loopback, with a separate home directory for its user: OpenSSH's if possible, else asyncssh's.

OpenSSH's server uses the home directory of the user database, in which tests must not write, so root gives it another
database. It is searched for among the system's programs, and by ``VMOPS_TEST_SSHD``. `python -m tests.ssh_server HOME`
is the other server: it accepts the keys of ``HOME/authorized_keys``, and prints its port and its host key.
"""

import asyncio
import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vmops.core.polling import NotYet, poll_until

LONG = 60.0
"""Limit in seconds until a server listens, which takes a tenth of a second."""

IN_ITS_PLACE = """mount --bind "$1" /etc/passwd; mount -t tmpfs none /run; mkdir -m 755 /run/sshd; shift; exec "$@" """
CONFIG = """ListenAddress 127.0.0.1:{port}
HostKey {own}/host_key
AuthorizedKeysFile {own}/authorized_keys
AllowUsers {user}
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PidFile none
LogLevel ERROR
Subsystem sftp internal-sftp
"""

USER = getpass.getuser()


@dataclass(frozen=True)
class Sshd:
    """A running server for this user, with ``home`` as the home directory."""

    port: int
    host_key: str
    home: Path
    process: "subprocess.Popen[str]"

    @property
    def public(self) -> str:
        """Give its host key without the comment."""
        return " ".join(self.host_key.split()[:2])


def openssh() -> str:
    """Give the path of OpenSSH's server; empty without one, or if this user cannot give it another home directory."""
    found = os.environ.get("VMOPS_TEST_SSHD") or shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") or ""
    may = not os.geteuid() and not subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode
    return found if may else ""


@contextmanager
def ssh_server(home: Path, public_key: str) -> Iterator[Sshd]:
    """Serve the owner of a key, with a new home directory."""
    program = openssh()
    if not program:
        with one_process(home, public_key) as server:
            yield server
        return
    with TemporaryDirectory() as own, _openssh(program, Path(own), home, public_key) as server:
        yield server


@contextmanager
def _openssh(program: str, own: Path, home: Path, public_key: str) -> Iterator[Sshd]:
    port = _free_port()
    home.mkdir(mode=0o700)
    (own / "authorized_keys").write_text(public_key)
    (own / "config").write_text(CONFIG.format(port=port, own=own, user=USER))
    (own / "passwd").write_text(_accounts(home))
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", own / "host_key"], check=True)
    command = ["unshare", "--mount", "sh", "-euc", IN_ITS_PLACE, "sh", str(own / "passwd"), program]
    with subprocess.Popen([*command, "-D", "-e", "-f", str(own / "config")], text=True) as process:
        try:
            assert poll_until(lambda: _listens(port) or NotYet(0.02), timeout=LONG)
            yield Sshd(port, (own / "host_key.pub").read_text(), home, process)
        finally:
            process.kill()


def _accounts(home: Path) -> str:
    """Write a user database with this user, and the user of the server before a login. Source: sshd(8)."""
    user = pwd.getpwuid(os.getuid())
    return f"{user.pw_name}:x:{user.pw_uid}:{user.pw_gid}::{home}:/bin/bash\nsshd:x:65533:65534::/run/sshd:/bin/false\n"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=LONG):
        return True
    return False


@contextmanager
def one_process(home: Path, public_key: str) -> Iterator[Sshd]:
    """Run a server as one process with all its connections."""
    home.mkdir(mode=0o700)
    (home / "authorized_keys").write_text(public_key)
    command = [sys.executable, "-m", "tests.ssh_server", str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            port, key = process.stdout.readline().strip().split(" ", 1)
            yield Sshd(int(port), key, home, process)
        finally:
            process.kill()


async def _serve(home: Path) -> None:
    import asyncssh

    os.chdir(home)
    os.environ["HOME"] = str(home)
    key = asyncssh.generate_private_key("ssh-ed25519")

    class OfOneUser(asyncssh.SSHServer):
        """Refuses other users, whatever their key."""

        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self._connection = conn

        def begin_auth(self, username: str) -> bool:
            if username != USER:
                self._connection.set_authorized_keys(asyncssh.import_authorized_keys(""))
            return True

    class Sftp(asyncssh.SFTPServer):
        """Sends an exit code as OpenSSH's does, because otherwise scp reports a lost connection."""

        def exit(self) -> None:
            self.channel.exit(0)

    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=OfOneUser,
        server_host_keys=[key],
        authorized_client_keys=str(home / "authorized_keys"),
        process_factory=_run,
        encoding=None,
        sftp_factory=Sftp,
        allow_scp=True,
    )
    print(server.get_port(), key.export_public_key().decode().strip(), flush=True)
    await server.wait_closed()


async def _run(session: Any) -> None:
    """Run one command in a login shell; it continues without its client, as with OpenSSH."""
    pipe = asyncio.subprocess.PIPE
    words = ["/bin/bash", *(["-c", session.command] if session.command else [])]
    child = await asyncio.create_subprocess_exec(*words, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)
    feeding = asyncio.create_task(_feed(session.stdin, child.stdin))
    with suppress(OSError):
        await asyncio.gather(_pump(child.stdout, session.stdout), _pump(child.stderr, session.stderr))
    code = await child.wait()
    feeding.cancel()
    if code < 0:
        session.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        session.exit(code)


async def _pump(reader: Any, writer: Any) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()


async def _feed(reader: Any, writer: Any) -> None:
    with suppress(OSError):
        await _pump(reader, writer)
        writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]).absolute()))
