"""The cost curve: 1, 4, 24 and 100 VMs at once, for each peer; drawn for docs/performance.md.

python -m benchmarks.curve [NUMBER …]
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import measured
from benchmarks.crowd import crowd
from benchmarks.page import PEERS
from benchmarks.place import machine

_PLOT = Path(__file__).parents[1] / "docs" / "performance.svg"
_AXES = {"wall": "seconds until all run", "cpu": "processor seconds", "memory": "most memory, MB"}


def measure(curve: dict[str, Any], peers: list[str], numbers: list[int]) -> None:
    """Measure each peer with each number of VMs, one after the other, and store each result at once."""
    for number in numbers:
        for peer in peers:
            costs = {phase: asdict(cost) for phase, cost in crowd(peer, number).items()}
            curve["peers"].setdefault(peer, {})[str(number)] = costs
            measured.write("curve", curve)
            print(number, peer, costs, flush=True)


def draw(curve: dict[str, Any], path: Path = _PLOT) -> None:
    """Draw three panels with a line for each peer."""
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot

    mpl.rcParams["svg.hashsalt"] = "vmops"
    figure, panels = pyplot.subplots(1, len(_AXES), figsize=(11, 3.6), layout="constrained")
    for panel, (name, title) in zip(panels, _AXES.items(), strict=True):
        for peer, costs in curve["peers"].items():
            ranked = sorted(costs, key=int)
            values = [costs[number]["up"][name] for number in ranked]
            panel.plot(list(map(int, ranked)), values, "o-", label=PEERS[peer])
        panel.set(title=title, xlabel="VMs at once", xscale="log", yscale="log")
        panel.set_xticks([1, 4, 24, 100], labels=["1", "4", "24", "100"])
        panel.grid(alpha=0.3)
    panels[0].legend()
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure the named numbers and peers, keep earlier results of others, and draw all of them."""
    words = sys.argv[1:]
    curve = {"peers": {}, **measured.read("curve"), "machine": machine()}
    numbers = [int(word) for word in words if word.isdigit()] or [1, 4, 24, 100]
    measure(curve, [word for word in words if word in PEERS] or list(PEERS), numbers)
    draw(curve)


if __name__ == "__main__":
    main()
