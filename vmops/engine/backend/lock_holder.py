"""Who holds the engine's own lock of a stack, as the engine names them, and whether they live."""

import json
import re
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.processes import START_TIME_TOLERANCE, process_start_time

_HOLDER = re.compile(r"created by (\S+)@(\S+) \(pid (\d+)\) at (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*)")
"""How the engine names the holder of a stack's lock. Source: seen with engine 3.274."""


@dataclass(frozen=True)
class Holder:
    """An engine that took a stack's lock, by the words of a lock's file."""

    username: str
    hostname: str
    pid: int
    timestamp: str

    @property
    def lives(self) -> bool:
        """Tell whether it may live: it is on another host, or no zombie and no younger process of the same number."""
        if self.hostname != socket.gethostname():
            return True
        started = process_start_time(self.pid)
        return (
            started is not None and started < datetime.fromisoformat(self.timestamp).timestamp() + START_TIME_TOLERANCE
        )

    def __str__(self) -> str:
        """Say who, where and since when."""
        return f"{self.username} on {self.hostname} (pid {self.pid}) since {self.timestamp}"


def read_holder(text: bytes) -> Holder | None:
    """Read a lock's file; None for what no engine has written in full."""
    try:
        plain: dict[str, Any] = json.loads(text)
        datetime.fromisoformat(plain["timestamp"])
        return Holder(plain["username"], plain["hostname"], int(plain["pid"]), plain["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None


def held(lock: Path) -> bool:
    """Tell whether a lock may be that of a living engine: those of the killed stay until somebody breaks them."""
    try:
        holder = read_holder(lock.read_bytes())
    except FileNotFoundError:
        return False
    return holder is not None and holder.lives


def refuse_living_holder(message: str) -> None:
    """Let only the lock of a provably dead engine pass: one of this host, whose process is no more.

    Raises: OperationFailed (locked), saying who holds the stack since when.
    """
    holders = [Holder(user, host, int(pid), since) for user, host, pid, since in _HOLDER.findall(message)]
    living = [holder for holder in holders if holder.lives]
    if living or not holders:
        who = "; ".join(map(str, living))
        raise OperationFailed(Failure(FailureKind.LOCKED, f"the stack is locked by {who or 'another engine'}"))
