"""What a worker is told, and how that goes to the fork server: into a connection, with the VM's lock, and on.

Light, because every caller imports it.
"""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

_BUFFER = 1 << 20
"""Bytes that an order may have and still be handed over before anybody reads it."""

_LONGEST = 30.0
"""Seconds in which a caller hands its order over."""

_CHUNK = 1 << 16


@dataclass(frozen=True)
class JobRequest:
    """All that a worker must be told; ``params`` is the spec or target as it goes over the pipe.

    ``silence`` is the seconds for which an engine without work may say nothing. ``doubtful``: what came before did not
    end well, so that the engine's state may lack what exists. ``take_over``: the VM is taken whoever holds it.
    ``changed`` are the parameters that are asked for otherwise than they were made last; None if nobody knows.
    ``replaces`` are the members of a fleet that are made anew, ``action`` is what switches all of them.
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

    def to_wire(self) -> bytes:
        """Give it as bytes; they hold its secrets."""
        return json.dumps(asdict(self)).encode()


@dataclass(frozen=True)
class JobMessage:
    """An order for the worker of an operation, whose id this is.

    ``limit`` is how many may work at once, 0 for as many as the machine can bear; ``environment`` is the worker's,
    ``order`` an `JobRequest` as it goes over a pipe, and ``lock`` the descriptor of the VM's lock.
    """

    operation: str
    limit: int
    environment: dict[str, str] = field(repr=False)
    order: bytes = field(repr=False)
    lock: int

    def send(self, connection: socket.socket) -> None:
        """Write it into a connection; the lock is held by both sides then.

        Raises: OSError if it cannot be handed over; what was written of it is then nothing that anybody begins.
        """
        head = {"operation": self.operation, "limit": self.limit, "environment": self.environment}
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        wire = json.dumps({**head, "length": len(self.order)}).encode()
        socket.send_fds(connection, [wire + b"\n"], [self.lock])
        connection.sendall(self.order)

    @classmethod
    def receive(cls, connection: socket.socket) -> Self | None:
        """Read one; of an order that is not whole, because its caller has died, nothing is kept, and no lock.

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
