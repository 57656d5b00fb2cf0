"""Why something failed, in one of thirteen words, and what to do next.

Every refusal of the cloud and every death of a process is classified here once. A `Failure` is a value: it is stored in
the record, logged, shown by the CLI, and handed out by ``ops.last_failure``.
"""

import time
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from vmops.errors import CloudError, VmopsError


class Kind(StrEnum):
    """The classes of failure."""

    AUTH = "auth"
    QUOTA = "quota"
    CAPACITY = "capacity"
    THROTTLED = "throttled"
    CONFLICT = "conflict"
    IMMUTABLE = "immutable"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    LOCKED = "locked"
    INTERRUPTED = "interrupted"
    TIMEOUT = "timeout"
    ENGINE = "engine"
    BUG = "bug"


RETRYABLE = frozenset({Kind.CAPACITY, Kind.THROTTLED, Kind.CONFLICT, Kind.LOCKED, Kind.INTERRUPTED, Kind.TIMEOUT})
"""Kinds that the same call may not meet again a little later."""

NEXT_STEP = {
    Kind.AUTH: "log in with an account that may do this in the subscription, then call again",
    Kind.QUOTA: "ask for a quota increase, or choose another size or location",
    Kind.CAPACITY: "call again later, or choose another size, zone or location",
    Kind.THROTTLED: "call again after the time that the service asked for",
    Kind.CONFLICT: "wait for the other operation, or release what is in use, then call again",
    Kind.IMMUTABLE: "deprovision first, then provision with the new value",
    Kind.NOT_FOUND: "provision the VM first, or correct the name",
    Kind.INVALID: "correct the parameter, then call again",
    Kind.LOCKED: "wait for the operation in flight, then call again",
    Kind.INTERRUPTED: "call the same verb again: it goes on where this one ended",
    Kind.TIMEOUT: "call the same verb again, with a longer timeout if the cloud is slow",
    Kind.ENGINE: "read the log of the operation; mend what it names, then call again",
    Kind.BUG: "please report it with the log of the operation",
}

_RPC = "ARM resource provider contract, common API details"
_COMPUTE = "Azure documentation, virtual machines: understand common error messages"
_DEPLOY = "Azure documentation, troubleshoot common Azure deployment errors"
_NETWORK = "recorded refusals of Microsoft.Network"

CODES: dict[str, tuple[Kind, str]] = {
    "AuthenticationFailed": (Kind.AUTH, _RPC),
    "ExpiredAuthenticationToken": (Kind.AUTH, _RPC),
    "InvalidAuthenticationToken": (Kind.AUTH, _RPC),
    "InvalidAuthenticationTokenTenant": (Kind.AUTH, _RPC),
    "AuthorizationFailed": (Kind.AUTH, _RPC),
    "RequestDisallowedByPolicy": (Kind.AUTH, _DEPLOY),
    "SubscriptionNotFound": (Kind.AUTH, _RPC),
    "MissingSubscriptionRegistration": (Kind.AUTH, _DEPLOY),
    "QuotaExceeded": (Kind.QUOTA, _DEPLOY),
    "PublicIPCountLimitReached": (Kind.QUOTA, _NETWORK),
    "IPv4BasicSkuPublicIpCountLimitReached": (Kind.QUOTA, _NETWORK),
    "SubnetIsFull": (Kind.QUOTA, _DEPLOY),
    "SkuNotAvailable": (Kind.CAPACITY, _DEPLOY),
    "AllocationFailed": (Kind.CAPACITY, _COMPUTE),
    "ZonalAllocationFailed": (Kind.CAPACITY, _COMPUTE),
    "OverconstrainedAllocationRequest": (Kind.CAPACITY, _COMPUTE),
    "OverconstrainedZonalAllocationRequest": (Kind.CAPACITY, _COMPUTE),
    "TooManyRequests": (Kind.THROTTLED, "Azure documentation, troubleshooting compute throttling errors"),
    "SubscriptionRequestsThrottled": (Kind.THROTTLED, "Azure documentation, ARM request limits"),
    "RetryableError": (Kind.CONFLICT, _NETWORK),
    "AnotherOperationInProgress": (Kind.CONFLICT, _NETWORK),
    "Conflict": (Kind.CONFLICT, _COMPUTE),
    "OperationPreempted": (Kind.CONFLICT, _COMPUTE),
    "NicReservedForAnotherVm": (Kind.CONFLICT, _NETWORK),
    "NicInUse": (Kind.CONFLICT, _NETWORK),
    "InUseSubnetCannotBeDeleted": (Kind.CONFLICT, _NETWORK),
    "InUseNetworkSecurityGroupCannotBeDeleted": (Kind.CONFLICT, _NETWORK),
    "PublicIPAddressCannotBeDeleted": (Kind.CONFLICT, _NETWORK),
    "ResourceGroupBeingDeleted": (Kind.CONFLICT, _DEPLOY),
    "AttachDiskWhileBeingDetached": (Kind.CONFLICT, _COMPUTE),
    "PropertyChangeNotAllowed": (Kind.IMMUTABLE, _COMPUTE),
    "InvalidResourceLocation": (Kind.IMMUTABLE, _DEPLOY),
    "InvalidResourceGroupLocation": (Kind.IMMUTABLE, _DEPLOY),
    "ResourceGroupNotFound": (Kind.NOT_FOUND, _RPC),
    "ResourceNotFound": (Kind.NOT_FOUND, _RPC),
    "NotFound": (Kind.NOT_FOUND, _RPC),
    "ParentResourceNotFound": (Kind.NOT_FOUND, _DEPLOY),
    "PlatformImageNotFound": (Kind.INVALID, _COMPUTE),
    "InvalidParameter": (Kind.INVALID, _COMPUTE),
    "InvalidResourceReference": (Kind.INVALID, _DEPLOY),
    "OSProvisioningTimedOut": (Kind.TIMEOUT, _COMPUTE),
    "VMStartTimedOut": (Kind.TIMEOUT, _COMPUTE),
    "InternalOperationError": (Kind.INTERRUPTED, _COMPUTE),
}
"""ARM's error code → the class of failure and where the code is described."""

_STATUSES = {401: Kind.AUTH, 403: Kind.AUTH, 404: Kind.NOT_FOUND, 408: Kind.TIMEOUT, 409: Kind.CONFLICT}


@dataclass(frozen=True)
class Failure:
    """One failure: what happened, to which resource, as which class, and ARM's own code if it was ARM that refused.

    ``since`` is when it was found, in seconds since the epoch, 0 where nobody knows; two failures that differ by it
    alone are the same. ``step`` is what to do next, where that is not what its class says.
    """

    kind: Kind
    message: str
    code: str = ""
    resource: str = ""
    since: float = field(default_factory=time.time, compare=False)
    step: str = ""

    @property
    def retryable(self) -> bool:
        """Tell whether the same call may succeed later without a change."""
        return self.kind in RETRYABLE

    @property
    def next_step(self) -> str:
        """Say in words what to do."""
        return self.step or NEXT_STEP[self.kind]

    def __str__(self) -> str:
        """Say it in one sentence."""
        subject = f"{self.resource}: " if self.resource else ""
        message = " ".join(self.message.split()).rstrip(". ")
        code = f" ({self.code})" if self.code and self.code not in message else ""
        return f"{self.kind}: {subject}{message}{code}; {self.next_step}"

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON, with what is derived."""
        plain = {name: value for name, value in asdict(self).items() if name != "step"}
        return {**plain, "retryable": self.retryable, "nextStep": self.next_step}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> "Failure":
        """Read back what `as_dict` gave."""
        kind, since, step = Kind(plain["kind"]), plain.get("since", 0.0), plain.get("nextStep", "")
        own = "" if step == NEXT_STEP[kind] else step
        return cls(kind, plain["message"], plain["code"], plain["resource"], since, own)


class Failed(VmopsError):
    """An operation cannot go on, for a reason that has been classified."""

    def __init__(self, failure: Failure) -> None:
        self.failure = failure
        super().__init__(str(failure))


def of_cloud(error: CloudError) -> Failure:
    """Classify what ARM said; no answer at all is ``interrupted``."""
    if not error.status and not error.code:
        return Failure(Kind.INTERRUPTED, str(error), resource=error.resource)
    return classify(error.code, str(error), status=error.status, resource=error.resource)


def classify(code: str, message: str, *, status: int = 0, resource: str = "") -> Failure:
    """Turn ARM's refusal into a `Failure`: by its code, else by the HTTP status.

    ``OperationNotAllowed`` says three things: a spent quota, throttling (429), or a VM that is in the wrong state.
    """
    return Failure(_kind(code, message, status), message or code or f"HTTP {status}", code, resource)


def _kind(code: str, message: str, status: int) -> Kind:
    if code == "OperationNotAllowed":
        return Kind.QUOTA if "quota" in message.lower() else Kind.THROTTLED if status == 429 else Kind.CONFLICT
    if code in CODES:
        return CODES[code][0]
    if status == 429:
        return Kind.THROTTLED
    if status >= 500:
        return Kind.INTERRUPTED
    return _STATUSES.get(status, Kind.INVALID if 400 <= status < 500 else Kind.ENGINE)
