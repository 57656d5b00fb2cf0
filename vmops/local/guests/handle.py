"""What is remembered of a guest from one process that has the guests to the next."""

from dataclasses import dataclass

from vmops.core import host
from vmops.core.processes import start_ticks

NAME = "handle"
"""The file of it, in the guest's directory."""


@dataclass(frozen=True)
class Handle:
    """What is remembered of a guest: the process that waits for its end, by its number and start on one host.

    ``asked``: that end was asked for. ``up`` and ``ready``: it has said once that it is. ``boot`` and ``allocation``
    are those that were wanted when it began.
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
        """Tell whether that process lives: while it does, so may others of the guest."""
        return bool(self.pid) and self.host_id == host.identity() and start_ticks(self.pid) == self.ticks
