"""How many requests Compute takes: buckets of tokens, for each machine and for each subscription.

Source: Microsoft's page on compute throttling limits (of 2024), whose limits these are. The suffixes of the buckets'
names are not in it, and are ours. Azure counts subscriptions by region too; here a subscription has one region.
"""

import json
from dataclasses import dataclass

from vmops.local.arm.refusals.faults import COMPUTE
from vmops.local.arm.state.clock import Clock, timestamp
from vmops.local.arm.state.lro import retry_after
from vmops.local.arm.state.resource import Json
from vmops.local.arm.wire.messages import Reply

_MINUTE = 60.0
_GRAIN = 1e-3
"""The part of a minute that a clock may be behind: instants are too great for their last digits to count."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket's size: tokens that it gets back each minute, and the most it holds."""

    refill: int
    capacity: int


_WRITE, _WRITES = Limit(4, 12), Limit(500, 1500)
# policy → (the limit of one machine, the limit of a subscription); the others are counted, and nothing is refused
LIMITS: dict[str, tuple[Limit | None, Limit]] = {
    "PutVM": (_WRITE, _WRITES),
    "UpdateVM": (_WRITE, _WRITES),
    "DeleteVM": (_WRITE, _WRITES),
    "LowCostGet": (Limit(12, 36), Limit(8000, 24000)),
    "HighCostGet": (None, Limit(300, 900)),
    "GetOperation": (Limit(15, 45), Limit(5000, 15000)),
}


@dataclass(slots=True)
class _Bucket:
    name: str
    limit: Limit
    tokens: int
    filled: float

    def refill(self, now: float, minute: float) -> None:
        """Put back what whole minutes have brought."""
        minutes = int((now - self.filled) / minute + _GRAIN)
        self.tokens = min(self.limit.capacity, self.tokens + minutes * self.limit.refill)
        self.filled += minutes * minute


class Buckets:
    """The tokens that are left; at pace 0, where no time passes, there is no end of them."""

    def __init__(self, clock: Clock, pace: float) -> None:
        self._clock, self._minute = clock, _MINUTE * pace
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def take(self, policy: str, subscription: str, machine: str) -> Reply | None:
        """Take a token for one request from each bucket that it counts in; the refusal if one is empty."""
        if not self._minute or policy not in LIMITS:
            return None
        one, all_of_them = LIMITS[policy]
        buckets = [self._bucket(f"{policy}SubscriptionMaximum", subscription, all_of_them)]
        if one and machine:
            buckets.append(self._bucket(f"{policy}Resource", machine, one))
        spent = next((bucket for bucket in buckets if not bucket.tokens), None)
        if spent:
            return self._refusal(spent)
        for bucket in buckets:
            bucket.tokens -= 1
        return None

    def _bucket(self, name: str, whose: str, limit: Limit) -> _Bucket:
        now = self._clock.now()
        bucket = self._buckets.setdefault((name, whose), _Bucket(name, limit, limit.capacity, now))
        bucket.refill(now, self._minute)
        return bucket

    def _refusal(self, spent: _Bucket) -> Reply:
        """Say in Compute's form which bucket is empty, and when it is not. Source: the page on throttling errors."""
        now = self._clock.now()
        status, message = COMPUTE["OperationNotAllowed:throttled"]
        measured: Json = {
            "operationGroup": spent.name,
            "startTime": timestamp(spent.filled),
            "endTime": timestamp(spent.filled + self._minute),
            "allowedRequestCount": spent.limit.capacity,
            "measuredRequestCount": spent.limit.capacity + 1,
        }
        cause = {"code": "TooManyRequests", "target": spent.name, "message": json.dumps(measured)}
        headers = {"x-ms-ratelimit-remaining-resource": f"Microsoft.Compute/{spent.name};0"}
        headers |= retry_after(spent.filled + self._minute - now)
        return Reply(status, {"code": "OperationNotAllowed", "message": message, "details": [cause]}, headers)
