"""The rate limits of a subscription: of Azure Resource Manager itself, for any request, and of Network.

Source: Azure documentation, request limits and throttling (token buckets of 2024; the limits of Microsoft.Network).
Azure counts by principal and region too; here a subscription has one of each.
"""

import math
from typing import NamedTuple

from vmops.local.arm.limits.bucket import Bucket, Buckets, Limit, Wanted
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.lro import retry_after
from vmops.local.arm.wire.messages import Reply


class Kind(NamedTuple):
    """A kind of requests: ARM's name for it, a subscription's limit, and Network's."""

    name: str
    limit: Limit
    of_network: str


_READ = Kind("read", Limit(25, 250, 1.0), "read")
_WRITE = Kind("write", Limit(10, 200, 1.0), "write")
_DELETE = Kind("delete", Limit(10, 200, 1.0), "write")
KINDS = {"GET": _READ, "HEAD": _READ, "DELETE": _DELETE}
"""Method → kind; every other method is a write."""

NETWORK = {"read": Limit(10_000, 10_000, 300.0), "write": Limit(1_000, 1_000, 300.0)}
"""Network's limits for five minutes; a deletion counts as a write."""


def throttled(buckets: Buckets, method: str, path: str) -> Reply | None:
    """Take a token for a request to a subscription, or return the refusal. Other requests are not counted."""
    subscription = _subscription(path)
    kind = KINDS.get(method, _WRITE)
    spent = subscription and buckets.take([Wanted(kind.name, subscription, kind.limit)])
    return _refusal("SubscriptionRequestsThrottled:empty", kind.name, subscription, spent, buckets) if spent else None


def throttled_by_network(buckets: Buckets, method: str, path: str) -> Reply | None:
    """Take a token for a request about Network, or return the refusal. Other requests are not counted."""
    if "/providers/microsoft.network/" not in path.lower():
        return None
    kind, subscription = KINDS.get(method, _WRITE).of_network, _subscription(path)
    spent = buckets.take([Wanted(f"Network/{kind}", subscription, NETWORK[kind])])
    return _refusal("TooManyRequests:network", kind, subscription, spent, buckets) if spent else None


def _subscription(path: str) -> str:
    steps = path.lower().strip("/").split("/")
    return steps[1] if steps[0] == "subscriptions" and len(steps) > 1 else ""


def _refusal(row: str, kind: str, subscription: str, spent: Bucket, buckets: Buckets) -> Reply:
    seconds = spent.due(buckets.now)
    refusal = ArmError(
        row, kind=kind, subscription=subscription, seconds=max(1, math.ceil(seconds)), limit=spent.limit.capacity
    )
    cause = {"x-ms-failure-cause": "gateway"} if refusal.gateway else {}
    return Reply(refusal.status, {"error": refusal.body()}, cause | retry_after(seconds))
