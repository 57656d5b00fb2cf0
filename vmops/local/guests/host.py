"""The host of all guests of a state directory: it starts, ends and enters them as the daemon says.

It has one thread, and never waits for a guest. A process in the guest serves each connection, and one outside waits for
each guest's end. They survive whatever dies here.
"""

import os
import select
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial

from vmops.core import peers
from vmops.local.guests import protocol
from vmops.local.guests.guest import Guest
from vmops.local.guests.port import GuestPort
from vmops.local.guests.protocol import Seen, Wanted
from vmops.local.guests.removal import Removals
from vmops.local.guests.ssh_server import SshServer
from vmops.local.guests.zygote import Zygote

_POLL_INTERVAL = 0.02
"""Seconds between two polls of a guest that is starting or ending."""

_SELDOM = 2.0
"""Seconds between two checks whether the state directory still exists."""

_Heard = tuple[int, Callable[[], None]]


class Host:
    """The guests of the directory that a descriptor stands for, and the daemon that says which are wanted.

    ``waking`` becomes readable when a signal has come: to end, or for a child's death.
    """

    def __init__(
        self,
        guests: int,
        listener: socket.socket,
        waking: int,
        zygote: Zygote,
        ssh_server: SshServer,
        scripts: Mapping[str, bytes],
    ) -> None:
        self._directory, self._listener, self._waking = guests, listener, waking
        self._zygote, self._ssh_server = zygote, ssh_server
        self._new, self._new_port = partial(Guest, guests, scripts, zygote, ssh_server), partial(GuestPort, ssh_server)
        self._guests: dict[str, tuple[Guest, GuestPort]] = {}
        self._removals = Removals(guests)
        self._daemon: socket.socket | None = None
        self._heard = b""
        self._sent: list[Seen] = []
        self._ending = self._barren = False

    def run(self) -> bool:
        """Work until told to end, which shuts all guests down, or until the directory is gone.

        Without the zygote, which somebody may have killed, no guest can be started: give False and leave the running
        guests. The next process starts another zygote.
        """
        while not self._is_over():
            self._look()
            if not os.fstat(self._directory).st_nlink:
                self._kill()
                return True
            if self._barren:
                return False
        return True

    def _is_over(self) -> bool:
        alive = self._removals.busy or any(guest.waiting is not None for guest, _ in self._guests.values())
        return self._ending and not alive

    def end(self) -> None:
        """End all guests, including those that another process has left, and then this process."""
        self._ending = True
        for vm_id in self._known() - set(self._guests):
            self._guests[vm_id] = self._found(vm_id), self._new_port()
        for guest, _ in self._guests.values():
            guest.wanted = replace(guest.wanted, up=False)

    def _abandon(self) -> None:
        self._barren = True

    def _kill(self) -> None:
        for guest, _ in self._guests.values():
            guest.end()

    def _look(self) -> None:
        """Do what is due, then wait for events, but not longer than a guest that is starting or ending allows."""
        for guest, port in self._guests.values():
            guest.step()
            port.step(guest)
        self._removals.step()
        self._ssh_server.step()
        self._tell_changes()
        moving = self._removals.busy or not all(guest.settled for guest, _ in self._guests.values())
        for work in self._wait(_POLL_INTERVAL if moving else _SELDOM):
            work()
        _bury_children()

    def _wait(self, seconds: float) -> list[Callable[[], None]]:
        """Wait for any event, and give the reactions to those that came."""
        poller, heard = select.poll(), dict(self._sources())
        for descriptor in heard:
            poller.register(descriptor, select.POLLIN)
        return [heard[descriptor] for descriptor, _ in poller.poll(seconds * 1000)]

    def _sources(self) -> Iterator[_Heard]:
        yield self._listener.fileno(), self._meet
        yield self._waking, lambda: _empty(self._waking)
        if not self._ending:
            yield self._zygote.fileno(), self._abandon
        if self._daemon:
            yield self._daemon.fileno(), self._hear
        for guest, port in self._guests.values():
            if guest.waiting is not None:
                yield guest.waiting, lambda: None
            if port.listening:
                yield port.listening.fileno(), _taking(port, guest)

    def _meet(self) -> None:
        """Accept a new daemon in place of the last one."""
        with suppress(OSError):
            connection, _ = self._listener.accept()
            try:
                peers.refuse_unix(connection)
            except PermissionError:
                connection.close()
                return
            self._leave()
            self._daemon, self._heard = connection, b""

    def _hear(self) -> None:
        """Read the wanted guests once the message is complete, and answer with their states."""
        if self._daemon is None:
            return
        try:
            chunk = self._daemon.recv(1 << 16)
            if not chunk:
                raise ConnectionResetError
            *lines, self._heard = (self._heard + chunk).split(b"\n")
            for line in lines:
                self._sync({each.vm_id: each for each in protocol.read_wanted(line)})
                self._sent = self._seen()
                self._daemon.sendall(protocol.seen_line(self._sent))
        except (OSError, ValueError, TypeError):
            self._leave()

    def _leave(self) -> None:
        if self._daemon:
            self._daemon.close()
        self._daemon = None

    def _sync(self, wanted: dict[str, Wanted]) -> None:
        """Set the wanted guests; those that are being removed are waited for."""
        if self._ending:
            return
        for vm_id in self._known() - set(wanted):
            guest, port = self._guests.pop(vm_id) if vm_id in self._guests else (self._found(vm_id), self._new_port())
            port.close()
            self._removals.begin(vm_id, guest)
        for vm_id, each in wanted.items():
            if vm_id not in self._guests and vm_id not in self._removals.names:
                self._guests[vm_id] = self._new(each), self._new_port()
        for vm_id, (guest, port) in self._guests.items():
            guest.wanted = wanted[vm_id]
            port.bind(guest)
            guest.step()
            port.step(guest)

    def _known(self) -> set[str]:
        """Name all guests that exist, including remains from another process."""
        names = {name for name in os.listdir(self._directory) if not name.startswith(".")}  # noqa: PTH208
        return (names | set(self._guests)) - self._removals.names

    def _found(self, vm_id: str) -> Guest:
        return self._new(Wanted(vm_id, up=False, boot=0, name="", user=""))

    def _seen(self) -> list[Seen]:
        return [guest.seen() for guest, _ in self._guests.values()]

    def _tell_changes(self) -> None:
        """Report once that a state has changed since it was last sent."""
        if self._daemon and (seen := self._seen()) != self._sent:
            self._sent = seen
            try:
                self._daemon.sendall(protocol.CHANGED)
            except OSError:
                self._leave()


def _taking(port: GuestPort, guest: Guest) -> Callable[[], None]:
    return lambda: port.take(guest)


def _empty(pipe: int) -> None:
    with suppress(BlockingIOError):
        os.read(pipe, 1 << 16)


def _bury_children() -> None:
    """Reap dead children: those who started a guest or a connection, and their orphans."""
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
