"""The record of one deployment: the request, its author, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from pydantic.alias_generators import to_camel

from vmops.core import times
from vmops.core.failures import Failure
from vmops.spec.names import Identity

HANDLE_PREFIX = "vmops:operation/"

HANDED_OVER = "handedOver"
"""The output of a removal that removed nothing: the project with which another tool owns the VM now."""


class Verb(StrEnum):
    """What an operation is for; POWER, which switches all VMs of a fleet, is no deployment: nothing is made by it."""

    PROVISION = "provision"
    DEPROVISION = "deprovision"
    POWER = "power"


class State(StrEnum):
    """The state of a deployment. TIMED_OUT is a waiter's answer and never a state."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


TRANSITIONS: Mapping[State, frozenset[State]] = {
    State.PENDING: frozenset({State.RUNNING, State.FAILED}),
    State.RUNNING: frozenset({State.SUCCEEDED, State.FAILED}),
    State.SUCCEEDED: frozenset(),
    State.FAILED: frozenset(),
}
"""The states that may follow each state."""

TERMINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)


@dataclass(frozen=True)
class Operation:
    """The record of one deployment; times are seconds since the epoch, 0 when not reached.

    Nothing in it means something only in this process or on this host, except what says where the worker runs:
    ``host_id`` and ``pid``, and ``start_ticks`` by which it is told from others of that number; '' and 0 where nobody
    knows. ``host`` is the host's name, for people. ``hold`` is the mark of who is to hold the VM, or removes it as its
    holder (`vmops.core.holder`); '' where nobody does, or nobody knows. ``places`` are those in which VMs of it are
    tried, by their names, as `vmops.placement.place` writes them; none where there was nothing to choose. ``attempt``,
    ``epoch`` and ``queue`` are of hosts that share their records: for the how manieth time it is worked on, in which
    epoch of the VM's claim, and by whose workers.
    """

    id: str
    verb: Verb
    stack: str
    cloud: str
    subscription: str
    resource_group: str
    vm_name: str
    owner: str
    digest: str = ""
    expires: float = 0.0
    state: State = State.PENDING
    host: str = ""
    pid: int = 0
    created: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    outputs: Mapping[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    host_id: str = ""
    start_ticks: int = 0
    hold: str = ""
    given: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    attempt: int = 1
    epoch: int = 0
    queue: str = ""
    places: Mapping[str, Any] = field(default_factory=dict)

    @property
    def handle(self) -> str:
        """Give what ``asyncResultsUrl`` carries for a deployment."""
        return HANDLE_PREFIX + self.id

    @property
    def identity(self) -> Identity:
        """Give which VM is meant."""
        return Identity(self.cloud, self.subscription, self.resource_group, self.vm_name)

    @property
    def over(self) -> bool:
        """Tell whether nothing follows any more."""
        return self.state in TERMINAL

    @property
    def seconds(self) -> float:
        """Give how long it took from being asked for to its end; 0 while it is not over."""
        return round(self.ended - self.created, 3) if self.ended else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON, with what is derived; the names are written as those of parameters are.

        A time has ISO 8601 beside it; ``expires`` is None for never.
        """
        plain = {to_camel(column.name): getattr(self, column.name) for column in fields(self)}
        at = {f"{name}At": times.utc_or_none(plain[name]) for name in ("created", "started", "ended", "expires")}
        derived = {"failure": self.failure and self.failure.as_dict(), "seconds": self.seconds}
        return {**plain, **derived, "expires": self.expires or None, **at, "secrets": sorted(self.secrets)}


def operation_id(handle: str) -> str | None:
    """Give the id in a deployment's handle; None if it is an URL."""
    return handle.removeprefix(HANDLE_PREFIX) if handle.startswith(HANDLE_PREFIX) else None
