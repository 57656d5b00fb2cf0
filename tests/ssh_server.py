"""A plain SSH server of loopback, in a process of its own, that has another home for its user.

OpenSSH's has none but the user's own, in which no test may write. `python -m tests.ssh_server HOME` serves who has a
key in ``HOME/authorized_keys``, from that directory, and prints its port and its own key.
"""

import asyncio
import getpass
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

USER = getpass.getuser()


@dataclass(frozen=True)
class Sshd:
    """A server that runs: who logs in is this user, and is at home in ``home``."""

    port: int
    host_key: str
    home: Path
    process: "subprocess.Popen[str]"

    @property
    def public(self) -> str:
        """Give its own key without what is said about it."""
        return " ".join(self.host_key.split()[:2])


@contextmanager
def ssh_server(home: Path, public_key: str) -> Iterator[Sshd]:
    """Serve, from a directory that is to be made, whoever has the key."""
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
        """Lets nobody else in, whatever the key."""

        def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
            self._connection = conn

        def begin_auth(self, username: str) -> bool:
            if username != USER:
                self._connection.set_authorized_keys(asyncssh.import_authorized_keys(""))
            return True

    class Sftp(asyncssh.SFTPServer):
        """Ends with an exit code as OpenSSH's does, without which scp takes it for broken off."""

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
    """Run one command as a login shell does; one whose client is gone goes on, as with OpenSSH."""
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
