"""One SSH connection to a guest, served from inside the guest."""

import asyncio
import math
import socket
from contextlib import suppress
from pathlib import Path

import asyncssh

from vmops.local.arm.state.secrets import matches
from vmops.local.guests import host_key, session
from vmops.local.guests.directory import Directory
from vmops.local.guests.ssh_terms import SshTerms

_CHUNK = 1 << 16
_TIMEOUT = 120
"""Seconds within which a client must log in. Source: sshd_config(5), LoginGraceTime."""


def make_host_key(directory: Directory) -> None:
    """Make a guest's host key in its directory; if the private half exists, write the public one for it."""
    if not directory.read(host_key.PRIVATE):
        directory.write(host_key.PRIVATE, asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    made = asyncssh.import_private_key(directory.read(host_key.PRIVATE))
    directory.write(host_key.PUBLIC, made.export_public_key())


def serve(connection: socket.socket, terms: SshTerms) -> None:
    """Serve SSH to a client until it disconnects, or until as many bytes were sent as the terms allow."""
    with suppress(OSError, asyncssh.Error, asyncio.TimeoutError):
        asyncio.run(_serve(connection, terms))


async def _serve(connection: socket.socket, terms: SshTerms) -> None:
    connection.setblocking(False)
    relay = None
    if terms.longest:
        connection, relay = _cut(connection, terms.longest)
    spoken = await asyncssh.run_server(
        connection,
        server_factory=lambda: _Login(terms),
        server_host_keys=[asyncssh.import_private_key(terms.host_key)],
        process_factory=session.run,
        sftp_factory=_Files,
        encoding=None,
        allow_scp=False,
        login_timeout=_TIMEOUT,
        compression_algs=None,
        server_version="vmops",
        agent_forwarding=False,
    )
    await spoken.wait_closed()
    if relay:
        relay.cancel()


class _Login(asyncssh.SSHServer):
    """Accepts the keys and the password of the guest's user, and forwards connections on request."""

    def __init__(self, terms: SshTerms) -> None:
        self._terms = terms

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - asyncssh names them
        """Require authentication of every user."""
        return True

    def public_key_auth_supported(self) -> bool:
        """Accept public keys."""
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Tell whether a key is one of the user's."""
        return username == self._terms.user and key.public_data in _keys_of(username)

    def password_auth_supported(self) -> bool:
        """Accept a password if the user has one."""
        return bool(self._terms.password)

    def validate_password(self, username: str, password: str) -> bool:
        """Tell whether a password is the user's."""
        return username == self._terms.user and matches(password, self._terms.password)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:  # noqa: ARG002
        """Forward to any address that the guest reaches."""
        return True

    def server_requested(self, listen_host: str, listen_port: int) -> bool:  # noqa: ARG002
        """Forward from any port of the guest."""
        return True


class _Files(asyncssh.SFTPServer):
    """The guest's files by SFTP. At the end a client gets exit code 0, which scp expects."""

    def exit(self) -> None:
        """End the session."""
        self.channel.exit(0)


def _keys_of(user: str) -> set[bytes]:
    """Give the public keys in the guest's own file; lines that are no keys are ignored."""
    keys: set[bytes] = set()
    with suppress(OSError):
        for line in Path("/home", user, ".ssh/authorized_keys").read_text(errors="replace").splitlines():
            with suppress(asyncssh.KeyImportError):
                keys.add(asyncssh.import_public_key(line).public_data)
    return keys


def _cut(connection: socket.socket, longest: int) -> "tuple[socket.socket, asyncio.Task[None]]":
    """Give one end of a connection that is cut after ``longest`` bytes to the client."""
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setblocking(False)
    return theirs, asyncio.create_task(_relay(connection, ours, longest))


async def _relay(connection: socket.socket, ours: socket.socket, longest: int) -> None:
    """Relay both directions until one ends, or the guest has sent ``longest`` bytes."""
    directions = [_pass(connection, ours, math.inf), _pass(ours, connection, longest)]
    try:
        await asyncio.wait([*map(asyncio.ensure_future, directions)], return_when=asyncio.FIRST_COMPLETED)
    finally:
        connection.close()
        ours.close()


async def _pass(source: socket.socket, target: socket.socket, longest: float) -> None:
    """Relay one direction, for ``longest`` bytes at most."""
    loop = asyncio.get_running_loop()
    while longest > 0 and (chunk := await loop.sock_recv(source, int(min(longest, _CHUNK)))):
        await loop.sock_sendall(target, chunk)
        longest -= len(chunk)
