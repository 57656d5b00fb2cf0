"""The files of measured results, benchmarks/results/NAME.json."""

import json
from pathlib import Path
from typing import Any

_RESULTS = Path(__file__).parent / "results"


def read(name: str) -> dict[str, Any]:
    """Give the results of that name; empty if nothing was measured."""
    file = _RESULTS / f"{name}.json"
    results: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
    return results


def write(name: str, results: dict[str, Any]) -> None:
    """Replace the results of that name."""
    _RESULTS.mkdir(exist_ok=True)
    (_RESULTS / f"{name}.json").write_text(json.dumps(results, indent=2) + "\n")
