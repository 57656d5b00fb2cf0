"""The holder of the engine's own lock of a stack, and whether it may be alive."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.processes import START_TIME_TOLERANCE, process_start_time
from vmops.engine.backend.notes import EngineNotes

_HOLDER = re.compile(r"created by (\S+)@(\S+) \(pid (\d+)\) at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*)")
"""The engine's message about the holder of a stack's lock. Source: seen with engine 3.274."""

_STEP = (
    "wait until it has ended, then call again; if you know that it is dead, run `vmops recover NAME --break-lock` first"
)


@dataclass(frozen=True)
class Holder:
    """An engine that took a stack's lock, as the lock's file describes it."""

    username: str
    hostname: str
    pid: int
    timestamp: str

    def may_live(self, notes: EngineNotes) -> bool:
        """Tell whether it may be alive, by our note of it.

        Without a note it is dead only if the records show that an operation of ours left the lock. Even then it counts
        as alive if a process with its number was already running, by the clock, when the lock was taken.
        """
        noted = notes.may_live(self.hostname, self.pid)
        since = datetime.fromisoformat(self.timestamp).timestamp()
        return noted if noted is not None else not notes.records.left(self.hostname, since) or self._has_number(since)

    def _has_number(self, since: float) -> bool:
        started = process_start_time(self.pid)
        return started is not None and started < since + START_TIME_TOLERANCE

    def __str__(self) -> str:
        """Say who it is, where it runs, and since when."""
        return f"{self.username} on {self.hostname} (pid {self.pid}) since {self.timestamp}"


def read_holder(text: bytes) -> Holder | None:
    """Parse a lock's file; None if it is incomplete."""
    try:
        plain: dict[str, Any] = json.loads(text)
        datetime.fromisoformat(plain["timestamp"])
        return Holder(plain["username"], plain["hostname"], int(plain["pid"]), plain["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None


def living_holder(lock: Path, notes: EngineNotes) -> Holder | None:
    """Give the holder of a lock if it may be alive. The lock of a killed engine stays until somebody deletes it."""
    try:
        holder = read_holder(lock.read_bytes())
    except OSError:
        return None
    return holder if holder and holder.may_live(notes) else None


def refuse_living_holder(message: str, notes: EngineNotes) -> None:
    """Check that the holders of the lock, which the engine's ``message`` names, are dead.

    Raises: OperationFailed (locked) if one may be alive, saying who holds the stack since when, and what a person may
    do who knows that it is dead.
    """
    holders = [Holder(user, host, int(pid), since) for user, host, pid, since in _HOLDER.findall(message)]
    living = [holder for holder in holders if holder.may_live(notes)]
    if living or not holders:
        who = "; ".join(map(str, living))
        raise OperationFailed(
            Failure(FailureKind.LOCKED, f"the stack is locked by {who or 'another engine'}", step=_STEP)
        )


def refuse_running_engine(notes: EngineNotes) -> None:
    """Check that no living engine of ours works on the stack.

    Raises: OperationFailed (locked), naming its process.
    """
    if note := notes.running():
        raise OperationFailed(
            Failure(FailureKind.LOCKED, f"the stack is locked by process {note.pid} of this host, which is alive")
        )
