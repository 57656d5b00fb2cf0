"""The consequences of a refusal: which places are blocked, hard or soft, for how long, and what to do next.

Source of the rows: karpenter-provider-azure, the handlers of its common errors and its unavailable offerings; Azure
documentation, understand common error messages and error codes of Spot VMs.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from vmops.core.failures import Failure, FailureKind
from vmops.placement import scopes
from vmops.placement.block import Block
from vmops.placement.place import REGULAR, SPOT, Place
from vmops.placement.scopes import Scope


class Next(StrEnum):
    """What to do after a refusal: try another place, retry the same one, retry it when Azure allows it, or stop."""

    MOVE = "move"
    AGAIN = "again"
    WAIT = "wait"
    STOP = "stop"


@dataclass(frozen=True)
class Verdict:
    """The consequence of one refusal: what is blocked, for how many seconds, and what to do next.

    ``first`` is a priority that is tried before the others; '' keeps the order.
    """

    next: Next
    blocks: tuple[Block, ...] = ()
    seconds: float = 0.0
    first: str = ""


@dataclass(frozen=True)
class Row:
    """One row of the table. It matches a refusal by code (``codes`` are separated by spaces), priority and message.

    An empty ``priority`` matches both; ``words`` is a pattern for the message. ``seconds`` is how long the blocks last;
    for a quota with limit 0, at least an hour.
    """

    codes: str
    blocked: tuple[Scope, ...] = ()
    seconds: float = 0.0
    next: Next = Next.MOVE
    words: str = ""
    priority: str = ""
    first: str = ""

    def is_about(self, place: Place, failure: Failure) -> bool:
        """Tell whether the row matches a refusal at a place."""
        return (
            failure.code in self.codes.split()
            and self.priority in ("", place.priority)
            and re.search(self.words, failure.message, re.IGNORECASE) is not None
        )

    def verdict(self, place: Place, failure: Failure) -> Verdict:
        """Give the verdict on a refusal at a place."""
        longest = max(self.seconds, HOUR) if _ZERO_LIMIT.search(failure.message) else self.seconds
        return Verdict(self.next, tuple(scope(place) for scope in self.blocked), longest, self.first)


MINUTES, HOUR, NIGHT, DAY = 600.0, 3600.0, 23 * 3600.0, 24 * 3600.0
"""Ten minutes, an hour, 23 hours and a day, in seconds."""

_ZERO_LIMIT = re.compile(r"(?:Current Limit|Maximum allowed): 0\b")
"""Matches a quota with limit 0, which does not change in ten minutes. Source: as for `vmops.azure.meanings`."""

_OF_ALL_FAMILIES = r"approved (?:Total Regional|LowPriority)"
"""Matches a quota that counts all families together. Source: nforgeio/neonKUBE#1671, scylla-cluster-tests#4994."""

_NO_SPOT = r"does(?: not|n't) support (?:Azure )?Spot"

TABLE = (
    Row("ZonalAllocationFailed", (scopes.this_place, scopes.family_in_zone), HOUR),
    Row("OverconstrainedZonalAllocationRequest", (scopes.this_place,), HOUR),
    Row("AllocationFailed", (scopes.this_place, scopes.family_in_location), HOUR),
    Row("OverconstrainedAllocationRequest", (scopes.every_zone,), HOUR),
    Row("SkuNotAvailable", (scopes.this_place,), HOUR, priority=SPOT),
    Row("SkuNotAvailable", (scopes.every_priority, scopes.zones_last), NIGHT, priority=REGULAR),
    Row("OperationNotAllowed QuotaExceeded", (scopes.priority_quota,), MINUTES, words=_OF_ALL_FAMILIES),
    Row("SpotQuotaExceeded", (scopes.priority_quota,), MINUTES),
    Row("OperationNotAllowed", (scopes.family_quota,), MINUTES, words="quota"),
    Row("QuotaExceeded", (scopes.family_quota,), MINUTES),
    Row("PublicIPCountLimitReached IPv4BasicSkuPublicIpCountLimitReached", (scopes.address_quota,), MINUTES),
    Row("SubnetIsFull", next=Next.STOP),
    Row("SpotPriceGreaterThanProvidedMaxPrice", (scopes.this_place,), MINUTES, first=REGULAR),
    Row("OperationNotAllowed InvalidParameter BadRequest", (scopes.every_zone,), DAY, words=_NO_SPOT, priority=SPOT),
    Row("AvailabilityZoneNotSupported InvalidAvailabilityZone", (scopes.this_place,), DAY),
    Row("OSProvisioningTimedOut InternalOperationError OperationPreempted", next=Next.AGAIN),
)
"""The rows in order: the first that matches a refusal decides."""

_BY_KIND = {
    FailureKind.CAPACITY: Row("", (scopes.this_place,), HOUR),
    FailureKind.QUOTA: Row("", (scopes.this_place,), MINUTES),
    FailureKind.THROTTLED: Row("", next=Next.WAIT),
    FailureKind.CONFLICT: Row("", next=Next.WAIT),
    FailureKind.INTERRUPTED: Row("", next=Next.AGAIN),
    FailureKind.TIMEOUT: Row("", next=Next.AGAIN),
}
"""Rows by kind of failure, for a refusal that no row matches. Any other kind stops: no other place would help."""

_STOPS = Row("", next=Next.STOP)


def consequence(place: Place, failure: Failure) -> Verdict:
    """Give the verdict on a refusal of a VM at a place."""
    row = next((row for row in TABLE if row.is_about(place, failure)), _BY_KIND.get(failure.kind, _STOPS))
    return row.verdict(place, failure)
