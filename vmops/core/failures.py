"""Failures: why something failed, of which of fourteen kinds it is, and what to do next.

Every refusal of the cloud and every death of a process has one of these kinds. A `Failure` is a value: it is stored in
the record, logged, shown by the CLI, and returned by ``ops.last_failure``.
"""

import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from vmops.core import times


class FailureKind(StrEnum):
    """The kinds of failure."""

    AUTH = "auth"
    QUOTA = "quota"
    CAPACITY = "capacity"
    THROTTLED = "throttled"
    CONFLICT = "conflict"
    IMMUTABLE = "immutable"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    LOCKED = "locked"
    FENCED = "fenced"
    INTERRUPTED = "interrupted"
    TIMEOUT = "timeout"
    ENGINE = "engine"
    BUG = "bug"


RETRYABLE = frozenset(
    {
        FailureKind.CAPACITY,
        FailureKind.THROTTLED,
        FailureKind.CONFLICT,
        FailureKind.LOCKED,
        FailureKind.FENCED,
        FailureKind.INTERRUPTED,
        FailureKind.TIMEOUT,
    }
)
"""Kinds of failure after which the same call may succeed a little later."""

NEXT_STEP = {
    FailureKind.AUTH: "log in with an account that may do this in the subscription, then call again",
    FailureKind.QUOTA: "ask for a quota increase, or choose another size or location",
    FailureKind.CAPACITY: "call again later, or choose another size, zone or location",
    FailureKind.THROTTLED: "call again after the time that the service asked for",
    FailureKind.CONFLICT: "wait for the other operation, or release what is in use, then call again",
    FailureKind.IMMUTABLE: "deprovision first, if the VM and its disks may go, then provision with the new value",
    FailureKind.NOT_FOUND: "provision the VM first, or correct the name",
    FailureKind.INVALID: "correct the parameter, then call again",
    FailureKind.LOCKED: "wait for the operation in flight, then call again",
    FailureKind.FENCED: "nothing: another worker continues this operation",
    FailureKind.INTERRUPTED: "call the same verb again: it goes on where this one ended",
    FailureKind.TIMEOUT: "call the same verb again, with a longer timeout if the cloud is slow",
    FailureKind.ENGINE: "read the log of the operation; correct what it names, then call again",
    FailureKind.BUG: "please report it with the log of the operation",
}


@dataclass(frozen=True)
class Failure:
    """One failure: what happened, to which resource, of which kind, and ARM's own code if ARM refused.

    ``since`` is when it was found, in seconds since the epoch; 0 if unknown. Two failures that differ only in it are
    equal. ``step`` is what to do next, if that differs from what the kind suggests.
    """

    kind: FailureKind
    message: str
    code: str = ""
    resource: str = ""
    since: float = field(default_factory=time.time, compare=False)
    step: str = ""

    @property
    def retryable(self) -> bool:
        """Tell whether the same call may succeed later, unchanged."""
        return self.kind in RETRYABLE

    @property
    def next_step(self) -> str:
        """Say what to do next."""
        return self.step or NEXT_STEP[self.kind]

    def __str__(self) -> str:
        """Give the failure in one sentence, with an ARM id at the end."""
        is_id = self.resource.startswith("/")
        subject, last = ("", f" [{self.resource}]") if is_id else (f"{self.resource}: " if self.resource else "", "")
        message = " ".join(self.message.split()).rstrip(". ")
        code = f" ({self.code})" if self.code and self.code not in message else ""
        return f"{self.kind}: {subject}{message}{code}; {self.next_step}{last}"

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON, including the derived values."""
        plain = {name: value for name, value in asdict(self).items() if name != "step"}
        derived = {"retryable": self.retryable, "nextStep": self.next_step, "sinceAt": times.utc_or_none(self.since)}
        return {**plain, **derived}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Failure":
        """Read back the output of `as_dict`."""
        kind, since, step = FailureKind(plain["kind"]), plain.get("since", 0.0), plain.get("nextStep", "")
        own = "" if step == NEXT_STEP[kind] else step
        return cls(kind, plain["message"], plain["code"], plain["resource"], since, own)
