"""The holder of a VM: the process that will remove it. Its mark is written to the record and to a tag."""

import os
import secrets
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from vmops.core import host, times
from vmops.core.failures import Failure, FailureKind
from vmops.core.processes import start_ticks

HELD = "HeldByAnother"
"""Failure code for a VM that the caller may not take or remove: another process holds it, or nobody does."""

_LONGEST_NAME = 64
"""Characters of a host's name in a mark. Source: hostname(7); a tag's value has at most 256."""

_TAKE_OVER = (
    "choose another name, or take it over all the same, to be removed at the end, by take_over=True or "
    "`vmops run --take-over`"
)


class Kind(StrEnum):
    """The kind of program that holds a VM. If the holder died, only a holder of the same kind takes the VM over."""

    RUN = "run"
    MACHINE = "machine"
    PYTEST = "pytest"


_TITLES = {
    Kind.RUN: "a `vmops run`",
    Kind.MACHINE: "a program (vmops.machine)",
    Kind.PYTEST: "a session of pytest",
}


@dataclass(frozen=True)
class Holder:
    """One hold of one VM. ``id`` is random; ``since`` is in seconds since the epoch.

    ``host_id`` and ``boot`` identify the host (`vmops.core.host`), ``pid`` and ``start_ticks`` the process on it.
    ``host`` is the host's name, for people.
    """

    kind: Kind
    id: str
    since: float
    pid: int
    start_ticks: int
    host_id: str
    boot: str
    host: str

    @classmethod
    def here(cls, kind: Kind) -> Self:
        """Give a new hold for this process."""
        pid = os.getpid()
        name = host.name()[:_LONGEST_NAME]
        process = (pid, start_ticks(pid) or 0, host.identity(), host.boot(), name)
        return cls(kind, secrets.token_hex(8), float(int(time.time())), *process)

    @classmethod
    def read(cls, mark: str) -> Self | None:
        """Parse the output of `mark`; None if this version cannot parse it."""
        try:
            kind, name, since, pid, ticks, host_id, boot, shown = mark.split(" ", 7)
            instant = float(int(times.parse_utc(since)))
            return cls(Kind(kind), name, instant, int(pid), int(ticks), host_id, boot.strip("-"), shown)
        except (ValueError, OverflowError):
            return None

    @property
    def mark(self) -> str:
        """Give it as the text for the record and for the VM's tag ``vmops-hold``."""
        process = f"{self.pid} {self.start_ticks} {self.host_id} {self.boot or '-'}"
        return f"{self.kind} {self.id} {times.format_utc(self.since)} {process} {self.host}"

    def lives(self, *, recorded: bool, expires: float) -> bool:
        """Tell whether the holder may still be alive.

        A process of this host is looked up. A mark that is ``recorded`` in the state directory and names another boot
        belongs to a dead process, because only one running kernel uses a state directory at a time. A process on
        another host counts as alive until the VM expires (``expires``, in seconds since the epoch; 0 or infinite for
        never).
        """
        if self.host_id == host.identity():
            return start_ticks(self.pid) == self.start_ticks
        if recorded and self.boot and host.boot() and self.boot != host.boot():
            return False
        return not times.is_over(expires)

    def __str__(self) -> str:
        """Say who the holder is, and since when."""
        return f"{_TITLES[self.kind]}, pid {self.pid} on {self.host}, since {times.format_utc(self.since)}"


def refusal(mark: str, resource: str, *, ended: bool = False) -> Failure:
    """Give the failure for a VM with this mark: who holds it, or that nobody does.

    With ``ended``, the holder is dead and was of another kind than the caller.
    """
    holder = Holder.read(mark)
    if not mark:
        message = (
            "it exists and no program holds it: a person made or kept it, or an older vmops made it without a mark"
        )
    elif holder is None:
        message = f"its holder's mark cannot be read by this version: {mark}"
    else:
        message = f"it was left by {holder}, another kind of holder" if ended else f"it is held by {holder}"
    return Failure(FailureKind.CONFLICT, message, HELD, resource, step=_TAKE_OVER)
