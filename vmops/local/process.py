"""The local Azure's own process: its ARM, at ports of the loopback interface; its provider is a separate process."""

import logging
import os
import secrets
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from vmops.core import host, signals
from vmops.core.processes import process_start_time, start_ticks
from vmops.core.state_dir import local_path
from vmops.local import endpoint, provider_start
from vmops.local.endpoint import Endpoint, Record
from vmops.local.provider_start import Running
from vmops.local.starter import tell

if TYPE_CHECKING:
    from vmops.local.listeners import Listener

T = TypeVar("T")

READY = b"ready\n"
"""The line that the process writes to its standard output once all of its ports answer."""


@dataclass(frozen=True)
class Options:
    """The options of a daemon: its pace (durations as a fraction of Azure's), its listeners, and its kind of guests."""

    pace: float
    tls: bool
    proxy: bool
    guests: str


def main(state_dir: Path, options: Options) -> None:
    """Detach from the caller, and serve until told to end.

    The process that was started exits at once, so that its parent need not wait for the daemon.
    """
    if os.fork():
        os._exit(0)
    signals.reset()
    os.umask(0o077)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    _serve(state_dir, options, endpoint.read(state_dir))


def _serve(state_dir: Path, options: Options, last: Record | None) -> None:
    token = last.endpoint.token if last else secrets.token_urlsafe(32)
    plain = _open(last.endpoint.arm if last else "")
    with provider_start.provider_process(state_dir, plain.url, token, last) as started_provider:
        from vmops.local import listeners
        from vmops.local.arm.app import create_app
        from vmops.local.arm.identity import IdentityLayer
        from vmops.local.guests.client import GuestsClient
        from vmops.local.guests.end import end

        secure = _secure(state_dir, last, options.tls, options.proxy)
        guests = None if options.guests == "none" else GuestsClient(state_dir)
        if guests is None:
            end(state_dir)
        cloud = create_app(local_path(state_dir) / "cloud.db", token, pace=options.pace, guests_client=guests)
        app = IdentityLayer(cloud, token)

        def ready() -> None:
            provider = started_provider if isinstance(started_provider, Running) else started_provider.running()
            here = Endpoint(plain.url, token, provider.port, os.getpid(), *secure.endpoint_fields)
            started, ticks = process_start_time(here.pid) or 0.0, start_ticks(here.pid) or 0
            both = (host.identity(), ticks, provider.ticks)
            endpoint.write(
                state_dir, Record(here, started, options.pace, provider.pid, provider.started, *both, options.guests)
            )
            tell(READY)

        hooks = listeners.ServerHooks(
            ready, lambda: _end_provider(state_dir), lambda: endpoint.path_of(state_dir).exists()
        )
        listeners.serve(app, [plain, *secure.listeners], hooks)


def _end_provider(state_dir: Path) -> None:
    """End the provider when the daemon was told to end; it survives only a kill of the daemon."""
    record = endpoint.read(state_dir)
    if record and record.provider_alive:
        with suppress(ProcessLookupError):
            os.kill(record.provider_pid, signal.SIGTERM)


@dataclass(frozen=True)
class _Secure:
    """The TLS listeners, and the file of their certificate authority."""

    listeners: "list[Listener]"
    authority: str = ""

    @property
    def endpoint_fields(self) -> list[str]:
        """Give the values for an endpoint: the HTTPS URL, the file of the certificate authority, the proxy's URL."""
        https, *proxy = [listener.url for listener in self.listeners] or [""]
        return [https, self.authority, *proxy]


def _secure(state_dir: Path, last: Record | None, https: bool, proxy: bool) -> _Secure:
    """Open the listener for HTTPS, and that of the proxy."""
    if not https:
        return _Secure([])
    from vmops.local import tls  # it takes ten megabytes, and plain HTTP does not need it

    files = tls.prepare(local_path(state_dir) / "tls")
    listeners = [_open(last.endpoint.arm_tls if last else "", files.server)]
    if proxy:
        listeners.append(_open(last.endpoint.proxy if last else "", files.azure, tunnels=True))
    return _Secure(listeners, str(files.authority))


def _open(last_url: str, certificate: Path | None = None, *, tunnels: bool = False) -> "Listener":
    """Open a listener at its last port."""
    from vmops.local.listeners import Listener, listen

    return Listener(_at(urlsplit(last_url).port, listen), certificate, tunnels)


def _at(port: int | None, take: Callable[[int], T]) -> T:
    """Take the port, or any other if it is taken."""
    try:
        return take(port or 0)
    except OSError:
        return take(0)
