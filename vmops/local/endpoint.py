"""Where the local Azure answers, as its process wrote it down."""

import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from vmops.core import host, private
from vmops.core.processes import process_start_time, start_ticks
from vmops.core.state_dir import local_path

_CLOCK_STEP = 2.0
"""Seconds by which the start of one process may seem to move: it is counted from a boot time that is rounded.

It moves by more where a clock is set, so this is asked of records of before there were ticks only.
"""


@dataclass(frozen=True)
class Endpoint:
    """Where the local Azure answers: its ARM's URL without trailing slash, the token, and the provider's port.

    ``arm_tls`` is the same ARM over HTTPS, ``ca`` the file of the authority that vouches for it, and ``proxy`` the URL
    of the proxy behind which it stands in Azure's place; what is not asked for is empty.
    """

    arm: str
    token: str = field(repr=False)
    provider: int
    pid: int
    arm_tls: str = ""
    ca: str = ""
    proxy: str = ""

    def told(self) -> dict[str, Any]:
        """Give all of it, the token too, under the names that scripts read; what is not served is left out."""
        plain = {"arm": self.arm, "token": self.token, "provider": self.provider, "pid": self.pid}
        asked = {"armTls": self.arm_tls, "ca": self.ca, "proxy": self.proxy}
        return plain | {name: value for name, value in asked.items() if value}


@dataclass(frozen=True)
class Record:
    """What a daemon says of itself: its endpoint, when its process started, and its cloud's pace.

    The provider is a process of its own, by its pid and start; 0 when there is none. Both are told by the ticks at
    which they started on the host of that identity; 0 and empty in a record of an earlier version. Their starts in
    seconds since the epoch are for that version, which may look at this one's records. ``guests`` is what its guests
    were asked to be.
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
        """Tell whether this very process lives; its pid alone may be another's by now."""
        return self._lives(self.endpoint.pid, self.ticks, self.started)

    @property
    def provider_alive(self) -> bool:
        """Tell whether the provider's very process lives."""
        return bool(self.provider_pid) and self._lives(self.provider_pid, self.provider_ticks, self.provider_started)

    @property
    def whole(self) -> bool:
        """Tell whether all that there is of it lives."""
        return self.alive and (self.provider_alive or not self.provider_pid)

    def _lives(self, pid: int, ticks: int, since: float) -> bool:
        if ticks:
            return self.host_id == host.identity() and start_ticks(pid) == ticks
        started = process_start_time(pid)
        return started is not None and abs(started - since) < _CLOCK_STEP


def path_of(state_dir: Path) -> Path:
    """Give the file in which a daemon says what it is: without it nobody can find that daemon."""
    return local_path(state_dir) / "endpoint.json"


def read(state_dir: Path) -> Record | None:
    """Read what the last daemon of a state directory said of itself, None when there was none.

    What one of a later version has added is passed over.

    Raises: StoreError if others may have written it.
    """
    private.trust(state_dir)
    try:
        plain: dict[str, Any] = json.loads(path_of(state_dir).read_bytes())
        return Record(**_known(Record, {**plain, "endpoint": Endpoint(**_known(Endpoint, plain["endpoint"]))}))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def write(state_dir: Path, record: Record) -> None:
    """Write down what a daemon is, whole or not at all, for its owner's eyes only."""
    private.write_whole(path_of(state_dir), json.dumps(asdict(record)))


def _known(kind: type[Endpoint | Record], plain: dict[str, Any]) -> dict[str, Any]:
    return {each.name: plain[each.name] for each in fields(kind) if each.name in plain}
