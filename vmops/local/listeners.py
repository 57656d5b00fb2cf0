"""The listeners of the local Azure's ARM: one application in one event loop, at a plain port and at TLS ports."""

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

_GRACE = 1
"""Seconds that requests in flight get when the process is told to end."""


_TICKS = 10
"""Ticks of the server in a second. Source: uvicorn, ``Server.main_loop``."""


@dataclass(frozen=True)
class Door:
    """One port: HTTP, or HTTPS with a certificate in the same file as its key.

    A door that ``tunnels`` is a proxy: a client first asks to connect to a host, and then speaks HTTPS.
    """

    listener: socket.socket
    certificate: Path | None = None
    tunnels: bool = False

    @property
    def url(self) -> str:
        """Give the URL, without trailing slash."""
        scheme = "https" if self.certificate and not self.tunnels else "http"
        return f"{scheme}://127.0.0.1:{self.listener.getsockname()[1]}"


def listen(port: int) -> socket.socket:
    """Listen as TCP by name: only then does asyncio send small answers at once, instead of 40 ms later.

    Raises: OSError when the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen()  # until somebody does, others may bind the same port
    except OSError:
        listener.close()
        raise
    return listener


@dataclass(frozen=True)
class Life:
    """The hooks around serving.

    ``ready`` is called once all doors answer, ``end`` before they are closed. ``wanted`` is called every second; False
    ends the serving.
    """

    ready: Callable[[], None]
    end: Callable[[], None]
    wanted: Callable[[], bool]


def serve(app: ASGIApp, doors: Sequence[Door], life: Life) -> None:
    """Serve an application at all doors until the process is told to end, or is no longer wanted."""
    first, *others = doors
    _Server(app, first, others, life).run([first.listener])


class _Server(uvicorn.Server):
    def __init__(self, app: ASGIApp, first: Door, others: list[Door], life: Life) -> None:
        super().__init__(_config(app, first, "on"))
        self._app, self._others, self._life = app, others, life

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for door in self._others:
            await self._open(door)
        self._life.ready()

    async def on_tick(self, counter: int) -> bool:
        over = await super().on_tick(counter)
        return over or (counter % _TICKS == 0 and not self._life.wanted())

    async def _open(self, door: Door) -> None:
        """Listen at one more door, whose connections are counted and closed with those of the others."""
        config = _config(self._app, door, "off")
        config.load()
        if door.tunnels:
            self.servers.append(await self._tunnels(config, door.listener))
            return
        other = uvicorn.Server(config)
        other.lifespan = config.lifespan_class(config)
        other.server_state = self.server_state
        await other.startup([door.listener])
        self.servers += other.servers

    async def _tunnels(self, config: uvicorn.Config, listener: socket.socket) -> asyncio.Server:
        def end() -> asyncio.Protocol:
            return config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self.server_state, app_state=self.lifespan.state
            )

        context = cast(ssl.SSLContext, config.ssl)
        return await asyncio.get_running_loop().create_server(lambda: Tunnel(end, context), sock=listener)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._life.end()
        await super().shutdown(sockets)


def _config(app: ASGIApp, door: Door, lifespan: Literal["on", "off"]) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        ws="none",
        lifespan=lifespan,
        ssl_certfile=door.certificate,
        timeout_graceful_shutdown=_GRACE,
    )
