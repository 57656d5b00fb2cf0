"""The listeners of the local Azure's ARM: one application in one event loop, at an HTTP port and at TLS ports."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import uvicorn
from starlette.types import ASGIApp

from vmops.local.tunnel import Tunnel

_SHUTDOWN_TIMEOUT = 1
"""Seconds that requests in flight get when the process is told to end."""

_TICKS = 10
"""Ticks of the server per second. Source: uvicorn, ``Server.main_loop``."""


@dataclass(frozen=True)
class Listener:
    """One port: HTTP, or HTTPS with a certificate in the same file as its key.

    With ``tunnels`` it is a proxy: a client first sends CONNECT with a host, and then speaks HTTPS.
    """

    sock: socket.socket
    certificate: Path | None = None
    tunnels: bool = False

    @property
    def url(self) -> str:
        """Give the URL, without trailing slash."""
        scheme = "https" if self.certificate and not self.tunnels else "http"
        return f"{scheme}://127.0.0.1:{self.sock.getsockname()[1]}"


def listen(port: int) -> socket.socket:
    """Listen at a port of the loopback interface.

    The protocol is named: otherwise asyncio does not set TCP_NODELAY, and small answers are sent 40 ms later.

    Raises: OSError if the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()  # before this, another process may bind the same port
    except OSError:
        listener.close()
        raise
    return listener


@dataclass(frozen=True)
class ServerHooks:
    """The hooks of the server.

    ``ready`` is called once all listeners answer, ``end`` before they are closed. ``wanted`` is called every second;
    False ends the server.
    """

    ready: Callable[[], None]
    end: Callable[[], None]
    wanted: Callable[[], bool]


def serve(app: ASGIApp, listeners: Sequence[Listener], hooks: ServerHooks) -> None:
    """Serve an application at all listeners until the process is told to end, or is no longer wanted."""
    first, *others = listeners
    _Server(app, first, others, hooks).run([first.sock])


class _Server(uvicorn.Server):
    def __init__(self, app: ASGIApp, first: Listener, others: list[Listener], hooks: ServerHooks) -> None:
        super().__init__(_config(app, first, "on"))
        self._app, self._others, self._hooks = app, others, hooks

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in self._others:
            await self._open(listener)
        self._hooks.ready()

    async def on_tick(self, counter: int) -> bool:
        over = await super().on_tick(counter)
        return over or (counter % _TICKS == 0 and not self._hooks.wanted())

    async def _open(self, listener: Listener) -> None:
        """Open one more listener; its connections are counted and closed with those of the others."""
        config = _config(self._app, listener, "off")
        config.load()
        if listener.tunnels:
            self.servers.append(await self._tunnels(config, listener.sock))
            return
        other = uvicorn.Server(config)
        other.lifespan = config.lifespan_class(config)
        other.server_state = self.server_state
        await other.startup([listener.sock])
        self.servers += other.servers

    async def _tunnels(self, config: uvicorn.Config, sock: socket.socket) -> asyncio.Server:
        def end() -> asyncio.Protocol:
            return config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )

        context = cast(ssl.SSLContext, config.ssl)
        return await asyncio.get_running_loop().create_server(lambda: Tunnel(end, context), sock=sock)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._hooks.end()
        await super().shutdown(sockets)


def _config(app: ASGIApp, listener: Listener, lifespan: Literal["on", "off"]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        lifespan=lifespan,
        ssl_certfile=listener.certificate,
        timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT,
    )
