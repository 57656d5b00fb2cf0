"""The files of measured results, benchmarks/results/NAME.json."""

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

_RESULTS = Path(__file__).parent / "results"


class Row(NamedTuple):
    """One result, and its limit; without one it is only shown."""

    name: str
    value: float | str
    limit: float = math.inf
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Tell whether the result meets its limit."""
        if isinstance(self.value, str):
            return True
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def bound(self) -> str:
        """Give the limit with its direction; '' without one."""
        return "" if self.limit == math.inf else f"{'≥' if self.at_least else '≤'} {self.limit:g}"

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        return {"name": self.name, "value": self.value, "limit": self.bound, "met": self.met}

    def __str__(self) -> str:
        """Format the result, and whether it misses its limit."""
        value = self.value if isinstance(self.value, str) else f"{self.value:.3f}"
        return f"{self.name:72}{value:>9}  {self.bound}{'' if self.met else '   MISSED'}"


def read(name: str) -> dict[str, Any]:
    """Give the results of that name; empty if nothing was measured."""
    file = _RESULTS / f"{name}.json"
    results: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return results


def write(name: str, results: dict[str, Any]) -> None:
    """Replace the results of that name."""
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / f"{name}.json").write_text(json.dumps(results, indent=2) + "\n")
