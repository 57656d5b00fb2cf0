"""A relay to a server that can stall: it then passes no more bytes, and closes no connection."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field


@dataclass
class Relay:
    """Passes bytes between connections to its port and a server on loopback."""

    server: int
    listener: socket.socket
    _flows: threading.Event = field(default_factory=threading.Event)
    _ends: list[socket.socket] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Give the relay's port, to be used instead of the server's."""
        port: int = self.listener.getsockname()[1]
        return port

    def cut(self) -> None:
        """Pass nothing on; existing connections stay open, and new ones get no answer."""
        self._flows.clear()

    def mend(self) -> None:
        """Pass on the buffered bytes, and all later ones."""
        self._flows.set()

    def serve(self) -> None:
        """Accept connections until the listener is closed."""
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                self._begin(self._connected, near)

    def close(self) -> None:
        """End it with all connections."""
        self.mend()
        for each in (self.listener, *self._ends):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _connected(self, near: socket.socket) -> None:
        self._flows.wait()
        with suppress(OSError):
            far = socket.create_connection(("127.0.0.1", self.server))
            self._ends += [near, far]
            self._begin(self._pump, near, far)
            self._begin(self._pump, far, near)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while block := source.recv(1 << 16):
                self._flows.wait()
                sink.sendall(block)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _begin(work: object, *ends: socket.socket) -> None:
        threading.Thread(target=work, args=ends, daemon=True).start()  # type: ignore[arg-type]


@contextmanager
def relayed(server: int) -> Iterator[Relay]:
    """Give a relay to the server at a port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        relay = Relay(server, listener)
        relay.mend()
        threading.Thread(target=relay.serve, daemon=True).start()
        try:
            yield relay
        finally:
            relay.close()
