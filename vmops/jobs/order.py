"""What a worker is told, and how it is sent to the fork server: through a connection, with the VM's lock.

This module imports little, because every caller imports it.
"""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

_BUFFER = 1 << 20
"""Bytes of a job that fit into a connection before anybody reads it."""

_LONGEST = 30.0
"""Seconds within which a caller sends its job."""

_CHUNK = 1 << 16


@dataclass(frozen=True)
class JobRequest:
    """All that a worker must be told; ``params`` is the spec or target as it goes over the pipe.

    ``silence`` is the seconds for which an engine without work may say nothing. ``doubtful``: what came before did not
    end well, so that the engine's state may lack what exists. ``take_over``: the VM is taken whoever holds it.
    ``changed`` are the parameters that are asked for otherwise than they were made last; None if nobody knows.
    ``replaces`` are the members of a fleet that are replaced, ``action`` is a power operation on all of them.
    """

    params: Mapping[str, Any] = field(repr=False)
    backend: str
    engine: str | None
    silence: float
    doubtful: bool
    take_over: bool = False
    changed: Sequence[str] | None = None
    replaces: Sequence[int] = ()
    action: str = ""

    @classmethod
    def from_wire(cls, wire: bytes) -> Self:
        """Read what `to_wire` gave. Raises: ValueError if it is not whole."""
        return cls(**json.loads(wire))

    def to_wire(self) -> bytes:
        """Serialise it; the bytes contain its secrets."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True)
class JobMessage:
    """A job for the worker of an operation, with that operation's id.

    ``limit`` is how many may run at once, 0 for as many as the machine can bear. ``environment`` is the worker's.
    ``order`` is a serialised `JobRequest`, and ``lock`` the descriptor of the VM's lock.
    """

    operation: str
    limit: int
    environment: dict[str, str] = field(repr=False)
    order: bytes = field(repr=False)
    lock: int

    def send(self, connection: socket.socket) -> None:
        """Send it through a connection; both sides hold the lock then.

        Raises: OSError if it cannot be sent; nobody starts an incomplete job.
        """
        head = {"operation": self.operation, "limit": self.limit, "environment": self.environment}
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        wire = json.dumps({**head, "length": len(self.order)}).encode()
        socket.send_fds(connection, [wire + b"\n"], [self.lock])
        connection.sendall(self.order)

    @classmethod
    def receive(cls, connection: socket.socket) -> Self | None:
        """Receive one. Of an incomplete job, whose caller has died, nothing is kept, and no lock.

        Raises: OSError or ValueError if it cannot be read.
        """
        connection.settimeout(_LONGEST)
        first, descriptors, *_ = socket.recv_fds(connection, _CHUNK, 1)
        try:
            head, _, order = (first + b"".join(iter(lambda: connection.recv(_CHUNK), b""))).partition(b"\n")
            told = json.loads(head)
            whole = len(order) == told.pop("length")
            return cls(order=order, lock=descriptors.pop(), **told) if whole and descriptors else None
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
