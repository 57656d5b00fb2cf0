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
"""The output of the record of a hand-over: the directory of the project that owns the VM now."""


class Verb(StrEnum):
    """What an operation does. POWER switches all VMs of a fleet; it makes nothing, so it is no deployment."""

    PROVISION = "provision"
    DEPROVISION = "deprovision"
    POWER = "power"


class State(StrEnum):
    """The state of a deployment. TIMED_OUT is not a state: a wait may time out while the deployment continues."""

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
"""The allowed next states of each state."""

TERMINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)


@dataclass(frozen=True)
class Operation:
    """The record of one deployment; times are seconds since the epoch, 0 until they are reached.

    ``host_id``, ``pid`` and ``start_ticks`` identify the worker's process, '' and 0 if unknown; ``start_ticks`` tells
    it from a later process with the same number. ``host`` is the host's name, for people. ``hold`` is the mark of the
    program that holds the VM, or removes it as its holder (`vmops.core.holder`); '' for none or unknown. ``places`` are
    where each VM is tried, by VM name, as `vmops.placement.place` writes them; empty if there was no choice.

    For hosts that share their records, ``attempt`` counts how often a worker has started it, ``epoch`` is that of the
    VM's claim, and ``queue`` names the queue whose workers run it.
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
        """Give the value of ``asyncResultsUrl`` for a deployment."""
        return HANDLE_PREFIX + self.id

    @property
    def identity(self) -> Identity:
        """Give the identity of the VM."""
        return Identity(self.cloud, self.subscription, self.resource_group, self.vm_name)

    @property
    def over(self) -> bool:
        """Tell whether it is done: it has succeeded or failed."""
        return self.state in TERMINAL

    @property
    def seconds(self) -> float:
        """Give the seconds from the request to the end; 0 until it is done."""
        return round(self.ended - self.created, 3) if self.ended else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON with derived values; the keys are in camel case, as parameters are.

        Each time is also given in ISO 8601; ``expires`` is None for never.
        """
        plain = {to_camel(column.name): getattr(self, column.name) for column in fields(self)}
        at = {f"{name}At": times.utc_or_none(plain[name]) for name in ("created", "started", "ended", "expires")}
        derived = {"failure": self.failure and self.failure.as_dict(), "seconds": self.seconds}
        return {**plain, **derived, "expires": self.expires or None, **at, "secrets": sorted(self.secrets)}


def operation_id(handle: str) -> str | None:
    """Give the id in a deployment's handle; None if the handle is a URL."""
    return handle.removeprefix(HANDLE_PREFIX) if handle.startswith(HANDLE_PREFIX) else None
