"""The paths of the guests' process, and whether it runs."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from vmops.core import host, private
from vmops.core.processes import start_ticks
from vmops.core.state_dir import local_path
from vmops.local.guests.handle import NAME, Handle

_SOCKET = "guests.sock"


@dataclass(frozen=True)
class Running:
    """The guests' process: its pid, and its start in ticks, on the host of that identity."""

    pid: int
    ticks: int
    host_id: str

    @property
    def alive(self) -> bool:
        """Tell whether this very process lives."""
        return self.host_id == host.identity() and start_ticks(self.pid) == self.ticks


def guests_path(state_dir: Path) -> Path:
    """Give the guests' directory, which another user may own; everything else belongs to the daemon's user."""
    return local_path(state_dir) / "guests"


def lock_path(state_dir: Path) -> Path:
    """Give the lock file that the guests' process holds."""
    return local_path(state_dir) / "guests.lock"


@contextmanager
def address(state_dir: Path) -> Iterator[str]:
    """Give the address at which that process listens, by a descriptor: a path may be too long. See unix(7)."""
    directory = os.open(local_path(state_dir), os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{directory}/{_SOCKET}"
    finally:
        os.close(directory)


def find(state_dir: Path) -> Running | None:
    """Give the guests' process if it runs."""
    private.trust(state_dir)
    try:
        found = Running(**json.loads(_record_path(state_dir).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return found if found.alive else None


def are_left(state_dir: Path) -> bool:
    """Tell whether any guest lives, whichever process started it."""
    return any(_lives(each / NAME) for each in guests_path(state_dir).glob("[!.]*"))


def _lives(handle: Path) -> bool:
    with suppress(OSError, ValueError, TypeError):
        return Handle(**json.loads(handle.read_bytes())).lives
    return False


def write_own(state_dir: Path) -> None:
    """Record this process as the guests' process."""
    own = Running(os.getpid(), start_ticks(os.getpid()) or 0, host.identity())
    private.write_whole(_record_path(state_dir), json.dumps(asdict(own)))


def _record_path(state_dir: Path) -> Path:
    return local_path(state_dir) / "guests.json"
