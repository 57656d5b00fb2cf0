"""The cost curve: 1, 4, 24 and 100 VMs at once, for each peer; drawn for docs/performance.md.

python -m benchmarks.curve [NUMBER …]
"""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.crowd import crowd
from benchmarks.place import machine
from benchmarks.table import PEERS, RESULTS

_PLOT = Path(__file__).parents[1] / "docs" / "performance.svg"
_AXES = {"wall": "seconds until all run", "cpu": "processor seconds", "memory": "most memory, MB"}


def measure(numbers: list[int]) -> dict[str, Any]:
    """Measure each peer at each number, one after the other."""
    seen: dict[str, dict[int, Any]] = {peer: {} for peer in PEERS if peer != "mlos"}
    for number in numbers:
        for peer, costs in seen.items():
            costs[number] = {phase: asdict(cost) for phase, cost in crowd(peer, number).items()}
            print(number, peer, costs[number], flush=True)
    return {"machine": machine(), "peers": seen}


def draw(curve: dict[str, Any], path: Path = _PLOT) -> None:
    """Draw three panels, a line for each peer."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    mpl.rcParams["svg.hashsalt"] = "vmops"
    figure, panels = pyplot.subplots(1, len(_AXES), figsize=(11, 3.6), layout="constrained")
    for panel, (name, title) in zip(panels, _AXES.items(), strict=True):
        for peer, costs in curve["peers"].items():
            panel.plot(list(map(int, costs)), [each["up"][name] for each in costs.values()], "o-", label=PEERS[peer])
        panel.set(title=title, xlabel="VMs at once", xscale="log", yscale="log")
        panel.set_xticks([1, 4, 24, 100], labels=["1", "4", "24", "100"])
        panel.grid(alpha=0.3)
    panels[0].legend()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, write and draw."""
    curve = measure([int(word) for word in sys.argv[1:]] or [1, 4, 24, 100])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "curve.json").write_text(json.dumps(curve, indent=2) + "\n")
    draw(curve)


if __name__ == "__main__":
    main()
