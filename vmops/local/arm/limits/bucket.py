"""Buckets of tokens: each request takes one, and they come back as time passes."""

from collections.abc import Sequence
from dataclasses import dataclass

from vmops.local.arm.state.clock import Clock

_GRAIN = 1e-3
"""The part of a span that a clock may be behind: instants are too great for their last digits to count."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A bucket's size: the most tokens it holds, and how many it gets back in each span of ``seconds`` of Azure's."""

    refill: int
    capacity: int
    seconds: float = 60.0


@dataclass(slots=True)
class Bucket:
    """The tokens that are left in one bucket, since an instant of the cloud's clock; a ``span`` fills it up again."""

    name: str
    limit: Limit
    tokens: int
    filled: float
    span: float

    def refill(self, now: float) -> None:
        """Put back what whole spans have brought."""
        spans = int((now - self.filled) / self.span + _GRAIN)
        self.tokens = min(self.limit.capacity, self.tokens + spans * self.limit.refill)
        self.filled += spans * self.span

    def due(self, now: float) -> float:
        """Tell in how many seconds there are tokens again."""
        return self.filled + self.span - now


@dataclass(frozen=True, slots=True)
class Wanted:
    """A token that a request takes: from the bucket of a name that is ``whose``, a subscription's or a machine's."""

    name: str
    whose: str
    limit: Limit


class Buckets:
    """The tokens that are left; at pace 0, where no time passes, there is no end of them."""

    def __init__(self, clock: Clock, pace: float) -> None:
        self._clock, self._pace = clock, pace
        self._buckets: dict[tuple[str, str], Bucket] = {}

    @property
    def now(self) -> float:
        """The cloud's time."""
        return self._clock.now()

    def take(self, tokens: Sequence[Wanted]) -> Bucket | None:
        """Take all these tokens; if a bucket is empty, none is taken, and that bucket is the answer."""
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
