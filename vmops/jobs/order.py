"""The job of a worker, and how it is sent to the fork server: over a socket, together with the VM's lock.

This module imports little, because every caller imports it.
"""

import json
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from vmops.jobs import rows
from vmops.jobs.operation import Operation

_BUFFER = 1 << 20
"""Bytes of a job that a connection buffers before the fork server reads them."""

_RECEIVE_TIMEOUT = 30.0
"""Seconds that the fork server waits for the next bytes of a job."""

_CHUNK = 1 << 16


@dataclass(frozen=True)
class JobRequest:
    """Everything that a worker needs beside the record; ``params`` is the serialised spec or target.

    ``silence`` limits the seconds without output from an engine that has no work. ``doubtful``: the previous operation
    did not succeed, so existing resources may be missing from the engine's state. ``take_over``: take the VM even if
    another program holds it. ``changed`` are the parameters that differ from the last provision; None if unknown.
    ``replaces`` are the numbers of fleet members to recreate. ``action`` is the power action for all members.
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
        """Parse the bytes of `to_wire`. Raises: ValueError if they are incomplete."""
        return cls(**json.loads(wire))

    def to_wire(self) -> bytes:
        """Serialise it; the bytes contain its secrets."""
        return json.dumps(vars(self)).encode()


@dataclass(frozen=True)
class JobMessage:
    """A job for the worker of an operation, as it was recorded.

    ``limit`` is how many jobs may run at once, 0 for the default of the machine. ``environment`` is the worker's.
    ``order`` is a serialised `JobRequest`, and ``lock`` the descriptor of the VM's lock.
    """

    operation: Operation
    limit: int
    environment: dict[str, str] = field(repr=False)
    order: bytes = field(repr=False)
    lock: int

    def send(self, connection: socket.socket) -> None:
        """Send it over a connection; afterwards both processes hold the lock.

        Raises: OSError if it cannot be sent; an incomplete job is never started.
        """
        head = {"operation": rows.of(self.operation), "limit": self.limit, "environment": self.environment}
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        wire = json.dumps({**head, "length": len(self.order)}).encode()
        socket.send_fds(connection, [wire + b"\n"], [self.lock])
        connection.sendall(self.order)

    @classmethod
    def receive(cls, connection: socket.socket) -> Self | None:
        """Receive a job. None, with its lock closed, if it is incomplete because its caller has died.

        Raises: OSError or ValueError if it cannot be read.
        """
        connection.settimeout(_RECEIVE_TIMEOUT)
        first, descriptors, *_ = socket.recv_fds(connection, _CHUNK, 1)
        try:
            head, _, order = (first + b"".join(iter(lambda: connection.recv(_CHUNK), b""))).partition(b"\n")
            fields = json.loads(head)
            if len(order) != fields.pop("length") or not descriptors:
                return None
            operation = rows.record(fields.pop("operation"))
            return cls(operation=operation, order=order, lock=descriptors.pop(), **fields)
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
