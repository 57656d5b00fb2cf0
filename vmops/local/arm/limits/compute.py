"""The rate limits of Compute: token buckets for each machine and for each subscription.

Source: Microsoft's page on compute throttling limits (of 2024), for the limits. It does not name the suffixes of the
buckets' names; they are ours. Azure counts subscriptions by region too; here a subscription has one region.
"""

import json

from vmops.local.arm.limits.bucket import Bucket, Buckets, Limit, Wanted
from vmops.local.arm.limits.policies import Counted
from vmops.local.arm.refusals.faults import COMPUTE
from vmops.local.arm.state.clock import timestamp
from vmops.local.arm.state.lro import retry_after
from vmops.local.arm.state.resource import Json
from vmops.local.arm.wire.messages import Reply

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


def throttled(buckets: Buckets, subscription: str, counted: Counted) -> Reply | None:
    """Take a token for one request from each bucket that it counts in; return the refusal if one is empty."""
    if counted.policy not in LIMITS:
        return None
    one, all_of_them = LIMITS[counted.policy]
    tokens = [Wanted(f"{counted.policy}SubscriptionMaximum", subscription, all_of_them)]
    if one and counted.about:
        tokens.append(Wanted(f"{counted.policy}Resource", counted.about, one))
    spent = buckets.take(tokens)
    return _refusal(spent, buckets.now) if spent else None


def _refusal(spent: Bucket, now: float) -> Reply:
    """Say in Compute's form which bucket is empty, and until when. Source: the page on throttling errors."""
    status, message = COMPUTE["OperationNotAllowed:throttled"]
    measured: Json = {
        "operationGroup": spent.name,
        "startTime": timestamp(spent.filled),
        "endTime": timestamp(spent.filled + spent.span),
        "allowedRequestCount": spent.limit.capacity,
        "measuredRequestCount": spent.limit.capacity + 1,
    }
    cause = {"code": "TooManyRequests", "target": spent.name, "message": json.dumps(measured)}
    headers = {"x-ms-ratelimit-remaining-resource": f"Microsoft.Compute/{spent.name};0"}
    headers |= retry_after(spent.due(now))
    return Reply(status, {"code": "OperationNotAllowed", "message": message, "details": [cause]}, headers)
