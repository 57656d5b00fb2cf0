"""The counters in every answer: how many requests are left; what is refused is in ``throttling``.

Source: recorded traffic of azure-mgmt-compute 12 and 29.
"""

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
# Compute's own: bucket → (how many in 3 minutes, in 30)
_BUCKETS = {
    "PutVM": (240, 1200),
    "UpdateVM": (240, 1200),
    "DeleteVM": (240, 1200),
    "GetOperation": (15000, 30000),
    "LowCostGet": (4000, 32000),
    "HighCostGet": (140, 700),
}
# Compute's, of disks. Source: azure-libraries-for-java#1252.
_DISKS = {"PUT": "CreateUpdateDisks", "PATCH": "CreateUpdateDisks", "DELETE": "DeleteDisks"}
_BUCKETS |= dict.fromkeys(_DISKS.values(), (1000, 8000))


class Counters:
    """Count requests by subscription in fixed windows."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used: dict[tuple[str, str], tuple[int, int]] = {}

    def headers(self, method: str, path: str) -> dict[str, str]:
        """Count one request and return the headers that tell what is left."""
        steps = path.lower().strip("/").split("/")
        subscription = steps[1] if len(steps) > 1 else ""
        kind, limit = _KINDS.get(method, _KINDS["GET"])
        headers = {f"x-ms-ratelimit-remaining-subscription-{kind}": str(self._left(subscription, kind, limit, 3600))}
        bucket = _bucket(method, steps)
        if bucket:
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


def _bucket(method: str, steps: list[str]) -> str | None:
    """Return the bucket of Compute that a request is counted in, if any."""
    if "microsoft.compute" not in steps:
        return None
    if "operations" in steps:
        return "GetOperation"
    if "disks" in steps:
        return _DISKS.get(method)
    if method == "GET":
        return "HighCostGet" if steps[-1] == "virtualmachines" else "LowCostGet"
    if method == "DELETE" or steps[-1] == "deallocate":
        return "DeleteVM"
    return "UpdateVM" if method == "POST" else "PutVM"
