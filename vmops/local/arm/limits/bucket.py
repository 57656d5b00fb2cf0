"""Token buckets: each request takes a token, and tokens return as time passes."""

from collections.abc import Sequence
from dataclasses import dataclass

from vmops.local.arm.state.clock import Clock

_GRAIN = 1e-3
"""The fraction of a span that may be missing: the last digits of an instant are not exact."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket's limit: its most tokens, and how many it regains in each span of ``seconds`` of Azure's time."""

    refill: int
    capacity: int
    seconds: float = 60.0


@dataclass(slots=True)
class Bucket:
    """The tokens left in one bucket at an instant of the cloud's clock; each ``span`` adds its limit's refill."""

    name: str
    limit: Limit
    tokens: int
    filled: float
    span: float

    def refill(self, now: float) -> None:
        """Add the tokens of all complete spans."""
        spans = int((now - self.filled) / self.span + _GRAIN)
        self.tokens = min(self.limit.capacity, self.tokens + spans * self.limit.refill)
        self.filled += spans * self.span

    def due(self, now: float) -> float:
        """Give the seconds until there are tokens again."""
        return self.filled + self.span - now


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token that a request takes, from the named bucket of ``whose``: a subscription or a machine."""

    name: str
    whose: str
    limit: Limit


class Buckets:
    """The tokens left in all buckets; at pace 0 no time passes, and they are unlimited."""

    def __init__(self, clock: Clock, pace: float) -> None:
        self._clock, self._pace = clock, pace
        self._buckets: dict[tuple[str, str], Bucket] = {}

    @property
    def now(self) -> float:
        """The cloud's time."""
        return self._clock.now()

    def take(self, tokens: Sequence[Wanted]) -> Bucket | None:
        """Take all these tokens. If a bucket is empty, take none and return that bucket."""
        if not self._pace:
            return None
        buckets = [self._bucket(each) for each in tokens]
        spent = next((bucket for bucket in buckets if not bucket.tokens), None)
        for bucket in () if spent else buckets:
            bucket.tokens -= 1
        return spent

    def _bucket(self, wanted: Wanted) -> Bucket:
        limit, now = wanted.limit, self._clock.now()
        new = Bucket(wanted.name, limit, limit.capacity, now, limit.seconds * self._pace)
        bucket = self._buckets.setdefault((wanted.name, wanted.whose), new)
        bucket.refill(now)
        return bucket
