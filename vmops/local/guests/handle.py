"""The record of a guest, which one guests' process leaves to the next."""

from dataclasses import dataclass

from vmops.core import host
from vmops.core.processes import start_ticks

NAME = "handle"
"""The record's file in the guest's directory."""


@dataclass(frozen=True)
class Handle:
    """The record of a guest. It names the process that waits for its end, by pid and start on one host.

    ``asked``: its end was requested. ``up`` and ``ready``: it has reported that once. ``boot`` and ``allocation`` are
    the wanted values when it started.
    """

    pid: int = 0
    ticks: int = 0
    host_id: str = ""
    boot: int = 0
    allocation: int = -1
    asked: bool = False
    port: int = 0
    up: bool = False
    ready: bool = False

    @property
    def lives(self) -> bool:
        """Tell whether that process lives: while it does, other processes of the guest may too."""
        return bool(self.pid) and self.host_id == host.identity() and start_ticks(self.pid) == self.ticks
