"""Prices, cached in the state directory: queried at most twice a day, and valid for a week."""

import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vmops.azure import prices
from vmops.azure.clouds import Cloud
from vmops.core import private, times
from vmops.core.errors import CloudError
from vmops.core.state_dir import prices_path

_FRESH, _KNOWN = 12 * 3600.0, 7 * 24 * 3600.0
"""Seconds after which a price is queried again, and after which it is unknown. Source: Karpenter's period."""

_PAUSE = 600.0
"""Seconds without queries after a failed one, so that a host without internet access does not wait in every verb."""

_SAFE = re.compile(r"[A-Za-z0-9_-]+")
"""Names that are safe in a file name and in a filter; Azure's locations and sizes all are."""

_UNREACHABLE = "unreachable"


@dataclass(frozen=True)
class Price:
    """The price of a VM's compute per hour, in US dollars.

    ``as_of`` is the time of the answer, in seconds since the epoch. ``source`` is retail, or local for a made-up price.
    """

    per_hour: float
    source: str
    as_of: float

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        when = times.utc_or_none(self.as_of)
        return {
            "pricePerHour": self.per_hour,
            "currency": prices.CURRENCY,
            "priceSource": self.source,
            "priceAsOf": when,
        }


UNKNOWN: dict[str, Any] = {
    "pricePerHour": None,
    "currency": prices.CURRENCY,
    "priceSource": "unknown",
    "priceAsOf": None,
}
"""The JSON for an unknown price: never 0, and never another place's price."""


@dataclass
class PriceBook:
    """The prices of one cloud. Any failure makes a price unknown, and has no other effect."""

    cloud: Cloud
    state_dir: Path
    now: Callable[[], float] = time.time

    def price(self, location: str | None, size: str | None, priority: str | None) -> Price | None:
        """Give the price of a place; None if it is unknown. This takes at most one request of a few seconds."""
        if not self.cloud.prices or not location or not size or not _SAFE.fullmatch(location + size):
            return None
        kept = self._asked(location, size)
        amount = kept.get("amounts", {}).get(priority or prices.REGULAR)
        if amount is None or not -_FRESH < self.now() - kept["asOf"] < _KNOWN:
            return None
        return Price(amount, "local" if self.cloud.name == "local" else "retail", kept["asOf"])

    def _asked(self, location: str, size: str) -> dict[str, Any]:
        """Give the cached prices of a size in a location, queried again if they are due."""
        file = f"{location}-{size.lower()}"
        kept = self._read(file)
        if not self._is_due(kept) or not self._is_due(self._read(_UNREACHABLE)):
            return kept
        now = self.now()
        try:
            found = prices.ask(self.cloud.prices, location, size)
        except CloudError:
            self._write(_UNREACHABLE, {"next": now + _PAUSE})
            return kept
        kept = {"amounts": found, "asOf": now} if found else kept
        self._write(file, {**kept, "next": now + _FRESH})
        return kept

    def _is_due(self, kept: dict[str, Any]) -> bool:
        """Tell whether a query is due; a clock that was set back does not delay it for long."""
        return not 0 < kept.get("next", 0.0) - self.now() <= _FRESH

    def _read(self, file: str) -> dict[str, Any]:
        """Read the cache; empty if it cannot be read."""
        with suppress(OSError, ValueError, TypeError, AttributeError, LookupError):
            kept = json.loads(self._path(file).read_bytes())
            amounts = {name: float(each) for name, each in kept.get("amounts", {}).items() if each > 0}
            return {"amounts": amounts, "asOf": float(kept.get("asOf", 0.0)), "next": float(kept["next"])}
        return {}

    def _write(self, file: str, kept: dict[str, Any]) -> None:
        """Write the cache atomically; if nothing can be written, prices are queried again."""
        with suppress(OSError):
            path = self._path(file)
            private.make_directory(path.parent)
            private.write_whole(path, json.dumps(kept))

    def _path(self, file: str) -> Path:
        return prices_path(self.state_dir, self.cloud.name) / f"{file}.json"
