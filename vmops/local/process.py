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
    from vmops.local.listeners import Door

T = TypeVar("T")

READY = b"ready\n"
"""What the process writes to its standard output once all of its ports answer."""


@dataclass(frozen=True)
class Ways:
    """The options of a daemon: the fraction of Azure's time that things take, its doors, and its kind of guests."""

    pace: float
    tls: bool
    proxy: bool
    guests: str


def main(state_dir: Path, ways: Ways) -> None:
    """Detach from the caller, and serve until told to end.

    The process that was started exits at once, so that nobody has to wait for the one that stays.
    """
    if os.fork():
        os._exit(0)
    signals.reset()
    os.umask(0o077)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING)
    _serve(state_dir, ways, endpoint.read(state_dir))


def _serve(state_dir: Path, ways: Ways, last: Record | None) -> None:
    token = last.endpoint.token if last else secrets.token_urlsafe(32)
    plain = _open(last.endpoint.arm if last else "")
    with provider_start.beside(state_dir, plain.url, token, last) as beside:
        from vmops.local import listeners
        from vmops.local.arm.app import create_app
        from vmops.local.arm.identity import IdentityDoor
        from vmops.local.guests.beside import Beside
        from vmops.local.guests.end import end

        secure = _secure(state_dir, last, ways.tls, ways.proxy)
        inside = None if ways.guests == "none" else Beside(state_dir)
        if inside is None:
            end(state_dir)
        cloud = create_app(local_path(state_dir) / "cloud.db", token, pace=ways.pace, beside=inside)
        app = IdentityDoor(cloud, token)

        def ready() -> None:
            provider = beside if isinstance(beside, Running) else beside.running()
            here = Endpoint(plain.url, token, provider.port, os.getpid(), *secure.told)
            started, ticks = process_start_time(here.pid) or 0.0, start_ticks(here.pid) or 0
            both = (host.identity(), ticks, provider.ticks)
            endpoint.write(
                state_dir, Record(here, started, ways.pace, provider.pid, provider.started, *both, ways.guests)
            )
            tell(READY)

        life = listeners.Life(ready, lambda: _end_provider(state_dir), lambda: endpoint.path_of(state_dir).exists())
        listeners.serve(app, [plain, *secure.doors], life)


def _end_provider(state_dir: Path) -> None:
    """End the provider with the daemon when the daemon was told to end: only a kill leaves it behind."""
    record = endpoint.read(state_dir)
    if record and record.provider_alive:
        with suppress(ProcessLookupError):
            os.kill(record.provider_pid, signal.SIGTERM)


@dataclass(frozen=True)
class _Secure:
    """The TLS doors, and the file of their certificate authority."""

    doors: "list[Door]"
    authority: str = ""

    @property
    def told(self) -> list[str]:
        """Give their part of an endpoint: the URL over HTTPS, the authority's file, the proxy's URL."""
        https, *proxy = [door.url for door in self.doors] or [""]
        return [https, self.authority, *proxy]


def _secure(state_dir: Path, last: Record | None, https: bool, proxy: bool) -> _Secure:
    """Open the HTTPS door, and the proxy's."""
    if not https:
        return _Secure([])
    from vmops.local import tls  # ten megabytes, without which the plain door does

    files = tls.prepare(local_path(state_dir) / "tls")
    doors = [_open(last.endpoint.arm_tls if last else "", files.server)]
    if proxy:
        doors.append(_open(last.endpoint.proxy if last else "", files.azure, tunnels=True))
    return _Secure(doors, str(files.authority))


def _open(last_url: str, certificate: Path | None = None, *, tunnels: bool = False) -> "Door":
    """Open a door at its last port."""
    from vmops.local.listeners import Door, listen

    return Door(_at(urlsplit(last_url).port, listen), certificate, tunnels)


def _at(port: int | None, take: Callable[[int], T]) -> T:
    """Take the port, or any other if it is taken."""
    try:
        return take(port or 0)
    except OSError:
        return take(0)
