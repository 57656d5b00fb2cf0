"""The callers: the connected engines, and how each of them configured its provider."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock

from vmops.core.errors import VmopsError
from vmops.core.processes import connected_ports
from vmops.local.provider.arm import Call

_NOWHERE = "00000000-0000-0000-0000-000000000000"
_DEFAULT_TIMEOUT = 7200.0
"""Seconds that one resource may take if the program sets no ``customTimeouts``. Source: azure-native."""


@dataclass
class Session:
    """One provider of one engine: its subscription, its default location, and whether it was cancelled.

    ``group_locations`` caches ARM's locations of resource groups, by id.
    """

    subscription: str = _NOWHERE
    location: str | None = None
    cancelled: Event = field(default_factory=Event)
    group_locations: dict[str, str] = field(default_factory=dict)


class Sessions:
    """The sessions of the connected engines, by the address that each connection comes from.

    An engine opens a connection for each provider of a program, and configures it once.
    """

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._sessions)

    def open(self, peer: str, session: Session) -> None:
        """Add a session, and remove those whose connection is gone."""
        with self._lock:
            ports = connected_ports()
            self._sessions = {known: kept for known, kept in self._sessions.items() if _port(known) in ports}
            self._sessions[peer] = session

    def of(self, peer: str) -> Session:
        """Give the session of a connection.

        Raises: `VmopsError` if the connection was never configured.
        """
        try:
            return self._sessions[peer]
        except KeyError:
            raise VmopsError(
                "the local Azure was restarted while this deployment ran and has lost its configuration: run it again"
            ) from None

    def cancel(self, peer: str) -> None:
        """End the waits of a session, now and from now on."""
        if session := self._sessions.get(peer):
            session.cancelled.set()

    def cancel_all(self) -> None:
        """End the waits of every session."""
        for peer in list(self._sessions):
            self.cancel(peer)


@dataclass(frozen=True)
class Caller:
    """The caller: its connection, and whether it still waits for the answer."""

    peer: str
    waits: Callable[[], bool]
    sessions: Sessions

    @property
    def port(self) -> int:
        """Give the caller's port."""
        return _port(self.peer)

    @property
    def session(self) -> Session:
        """Give the session of the connection."""
        return self.sessions.of(self.peer)

    def call(self, seconds: float = _DEFAULT_TIMEOUT) -> Call:
        """Limit the work for this caller: by time, by its session's end and by its own."""
        cancelled = self.session.cancelled
        deadline = time.monotonic() + (seconds or _DEFAULT_TIMEOUT)
        return Call(deadline, stopped=lambda: cancelled.is_set() or not self.waits())


def _port(peer: str) -> int:
    """Give the port in a peer's name, which reads ``ipv4:127.0.0.1:50000``. Source: gRPC core, ``peer``."""
    return int(peer.rpartition(":")[2])
