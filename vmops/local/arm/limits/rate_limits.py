"""The counters of remaining requests in every answer; the other modules here refuse requests.

Source: recorded traffic of azure-mgmt-compute 12 and 29; for disks azure-libraries-for-java#1252.
"""

from vmops.local.arm.limits.policies import policy_of
from vmops.local.arm.state.clock import Clock

# method → (what ARM calls it, how many an hour)
_KINDS = {
    "GET": ("reads", 12000),
    "HEAD": ("reads", 12000),
    "PUT": ("writes", 1200),
    "POST": ("writes", 1200),
    "PATCH": ("writes", 1200),
    "DELETE": ("deletes", 15000),
}
# Compute's own: policy → (how many in 3 minutes, in 30)
_BUCKETS = {
    "PutVM": (240, 1200),
    "UpdateVM": (240, 1200),
    "DeleteVM": (240, 1200),
    "GetOperation": (15000, 30000),
    "LowCostGet": (4000, 32000),
    "HighCostGet": (140, 700),
    "CreateUpdateDisks": (1000, 8000),
    "DeleteDisks": (1000, 8000),
}


class Counters:
    """Counts requests by subscription in fixed windows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used: dict[tuple[str, str], tuple[int, int]] = {}

    def headers(self, method: str, path: str) -> dict[str, str]:
        """Count one request and return the headers with the remaining number."""
        steps = path.lower().strip("/").split("/")
        subscription = steps[1] if len(steps) > 1 else ""
        kind, limit = _KINDS.get(method, _KINDS["GET"])
        headers = {f"x-ms-ratelimit-remaining-subscription-{kind}": str(self._left(subscription, kind, limit, 3600))}
        if counted := policy_of(method, path):
            bucket = counted.policy
            short, long = _BUCKETS[bucket]
            parts = (
                f"Microsoft.Compute/{bucket}3Min;{self._left(subscription, bucket + '3', short, 180)}",
                f"Microsoft.Compute/{bucket}30Min;{self._left(subscription, bucket + '30', long, 1800)}",
            )
            headers["x-ms-ratelimit-remaining-resource"] = ",".join(parts)
        return headers

    def _left(self, subscription: str, name: str, limit: int, window: int) -> int:
        now = int(self._clock.now()) // window
        since, count = self._used.get((subscription, name), (now, 0))
        count = count + 1 if since == now else 1
        self._used[subscription, name] = (now, count)
        return max(0, limit - count)
