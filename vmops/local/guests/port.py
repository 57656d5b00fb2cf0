"""The port of a guest on loopback: reserved while the VM exists, and listening while the guest is up."""

import os
import signal
import socket
import struct
from contextlib import suppress

from vmops.local.guests import namespaces
from vmops.local.guests.guest import Guest
from vmops.local.guests.protocol import Fault
from vmops.local.guests.ssh_server import SshServer
from vmops.local.guests.ssh_terms import SshTerms

_AT_ONCE = struct.pack("ii", 1, 0)
"""Linger for zero seconds, so that connected clients are reset. Source: socket(7), SO_LINGER."""

_FOR_EVER = 0
"""The count of a fault without a limit."""


class GuestPort:
    """The SSH port of one guest, and the faults that are set on it."""

    def __init__(self, ssh_server: SshServer) -> None:
        self._ssh_server = ssh_server
        self.listening: socket.socket | None = None
        self._bound: socket.socket | None = None
        self._kept: list[socket.socket] = []
        self._fault, self._refused = Fault(), 0

    def bind(self, guest: Guest) -> None:
        """Bind the last port of the guest, or another if that is taken, and apply a new fault."""
        if guest.wanted.fault != self._fault:
            self._fault, self._refused = guest.wanted.fault, 0
            if self._fault.name == "guest-panics":
                self._panic(guest)
        if self._bound is None:
            self._bound = _taken(guest.handle.port or guest.wanted.port) or _taken(0)
        if self._bound:
            guest.remember_port(self._bound.getsockname()[1])

    def step(self, guest: Guest) -> None:
        """Listen while the guest is up, and only then."""
        up = guest.state == "up" and guest.first() is not None and guest.key.is_there
        if up and self.listening is None and self._bound:
            self._bound.listen(socket.SOMAXCONN)
            self.listening = self._bound
        elif self.listening and not up:
            self.close()
            self.bind(guest)

    def take(self, guest: Guest) -> None:
        """Accept a connection, which a process in the guest serves, unless a fault strikes."""
        if not self.listening:
            return
        with suppress(OSError):
            client, _ = self.listening.accept()
            first = guest.first()
            if self._refuses() or first is None:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
                client.close()
            elif self._fault.name in ("guest-silent", "guest-panics"):
                self._kept.append(client)
            else:
                with client:
                    self._ssh_server.admit(first, client, self._terms(guest))

    def close(self) -> None:
        """Release the port, and reset clients that wait there."""
        for each in (self._bound, *self._kept):
            if each:
                each.close()
        self._bound, self.listening, self._kept = None, None, []

    def _refuses(self) -> bool:
        """Tell whether a fault refuses this connection: the fault counts them, or refuses all."""
        if self._fault.name != "ssh-refused":
            return False
        self._refused += 1
        return self._fault.count == _FOR_EVER or self._refused <= self._fault.count

    def _terms(self, guest: Guest) -> SshTerms:
        wanted, longest = guest.wanted, self._fault.count if self._fault.name == "ssh-cut" else 0
        return SshTerms(wanted.user, wanted.password, guest.key.private, wanted.processors, longest)

    def _panic(self, guest: Guest) -> None:
        """Kill every process in the guest except the first, so that nothing answers."""
        if (first := guest.first()) is not None:
            namespaces.enter(first, first, lambda: os.kill(-1, signal.SIGKILL))


def _taken(port: int) -> socket.socket | None:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        return None
    return bound
