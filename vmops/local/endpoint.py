"""The endpoint of the local Azure, as its process recorded it."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from vmops.core import host, private
from vmops.core.processes import process_start_time, start_ticks
from vmops.core.state_dir import local_path

_CLOCK_STEP = 2.0
"""Seconds by which the start of a process may differ from the recorded one: it is computed from a rounded boot time.

It differs more after the clock was set, so it is used only for records without ticks, of an earlier version.
"""


@dataclass(frozen=True)
class Endpoint:
    """The endpoint of the local Azure: its ARM's URL without trailing slash, the token, and the provider's port.

    ``arm_tls`` is the same ARM over HTTPS, ``ca`` the file of its certificate authority, and ``proxy`` the URL of the
    proxy that answers for Azure's hosts. What is not served is empty.
    """

    arm: str
    token: str = field(repr=False)
    provider: int
    pid: int
    arm_tls: str = ""
    ca: str = ""
    proxy: str = ""

    def as_json(self) -> dict[str, Any]:
        """Give it as plain JSON for scripts, with the token; what is not served is left out."""
        plain = {"arm": self.arm, "token": self.token, "provider": self.provider, "pid": self.pid}
        optional = {"armTls": self.arm_tls, "ca": self.ca, "proxy": self.proxy}
        return plain | {name: value for name, value in optional.items() if value}


@dataclass(frozen=True)
class Record:
    """The daemon's own record: its endpoint, its process's start, and its cloud's pace.

    The provider is a separate process, recorded by pid and start; 0 if there is none. Both processes are identified by
    their start in ticks on the host ``host_id``; 0 and empty in a record of an earlier version. Their starts in seconds
    since the epoch are for that version, which may read this record. ``guests`` is the requested kind of guests.
    """

    endpoint: Endpoint
    started: float
    pace: float
    provider_pid: int = 0
    provider_started: float = 0.0
    host_id: str = ""
    ticks: int = 0
    provider_ticks: int = 0
    guests: str = "auto"

    @property
    def alive(self) -> bool:
        """Tell whether the recorded process is alive; another process may have its pid."""
        return self._lives(self.endpoint.pid, self.ticks, self.started)

    @property
    def provider_alive(self) -> bool:
        """Tell whether the recorded provider is alive."""
        return bool(self.provider_pid) and self._lives(self.provider_pid, self.provider_ticks, self.provider_started)

    @property
    def whole(self) -> bool:
        """Tell whether all recorded processes are alive."""
        return self.alive and (self.provider_alive or not self.provider_pid)

    def _lives(self, pid: int, ticks: int, since: float) -> bool:
        if ticks:
            return self.host_id == host.identity() and start_ticks(pid) == ticks
        started = process_start_time(pid)
        return started is not None and abs(started - since) < _CLOCK_STEP


def path_of(state_dir: Path) -> Path:
    """Give the file in which a daemon records itself; without it the daemon cannot be found."""
    return local_path(state_dir) / "endpoint.json"


def read(state_dir: Path) -> Record | None:
    """Read the record of a state directory's last daemon; None if there was none.

    Fields that a later version has added are ignored.

    Raises: StoreError if others may have written it.
    """
    private.trust(state_dir)
    try:
        plain: dict[str, Any] = json.loads(path_of(state_dir).read_bytes())
        return Record(**_known(Record, {**plain, "endpoint": Endpoint(**_known(Endpoint, plain["endpoint"]))}))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(state_dir: Path, record: Record) -> None:
    """Write a daemon's record, whole or not at all, readable by its owner only."""
    private.write_whole(path_of(state_dir), json.dumps(asdict(record)))


def _known(kind: type[Endpoint | Record], plain: dict[str, Any]) -> dict[str, Any]:
    return {each.name: plain[each.name] for each in fields(kind) if each.name in plain}
