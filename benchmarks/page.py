"""Writes the tables of docs/performance.md from the measured results: ``python -m benchmarks.page``.

A table is between two comments, of which the first names its file in benchmarks/results. Without that file it is empty.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import measured

PAGE = Path(__file__).parents[1] / "docs/performance.md"

PEERS = {"vmops": "vmops", "plain": "Automation API", "mlos": "mlos_bench", "floor": "bare ARM calls"}
"""The peers by their names in the results, with their titles."""

_TABLE = re.compile(r"(<!-- results/(\w+)\.json -->\n).*?(<!-- end -->)", re.DOTALL)

_TITLES = {
    "vm_provision returns": "`vm_provision` returns",
    "provision": "provision, until the VM runs",
    "no change": "provision without a change",
    "deprovision": "deprovision, until the VM is gone",
    "deprovision, even": "the same, if the Automation API also removes its stack",
    "power verb": "power operation, with its wait",
    "import": "`import`",
    "import, MB": "`import`, MB",
    "first call ready": "program, first call ready",
    "first call ready, MB": "program, first call ready, MB",
    "first call made": "program, first call made",
    "first call made, MB": "program, first call made, MB",
    "wait notices": "a wait notices the end",
    "idle, % of a core": "CPU during a wait, % of a core",
    "fork server idle, MB": "idle fork server, MB of its own",
    "24 at once, s": "make 24 VMs at once, s",
    "24 at once, MB": "make 24 VMs at once, MB",
    "24 gone, s": "remove 24 VMs at once, s",
    "100 at once, s": "make 100 VMs at once, s",
    "100 at once, MB": "make 100 VMs at once, MB",
}
"""The titles of the rows of all peers, which the terminal shows by shorter names."""


def number(value: float | str) -> str:
    """Write a number with three significant digits."""
    if isinstance(value, str | int):
        return str(value)
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _peers(results: dict[str, Any]) -> Iterator[list[str]]:
    yield ["", *PEERS.values(), "limit"]
    for row in results["rows"]:
        cells = [row["peers"].get(peer) for peer in PEERS]
        shown = [f"{number(cell['median'])} ({number(cell['least'])})" if cell else "" for cell in cells]
        yield [_TITLES[row["name"]], *shown, _limit(row)]


def _limit(row: dict[str, Any]) -> str:
    """Give the limit of a row, and the measured ratio if the limit is one."""
    reached, figure = "", str(row["figure"])
    if "x" in figure.split():
        factor = float(re.findall(r"[\d.]+", figure)[0])
        reached = f": **{row['peers']['vmops']['median'] / row['limit'] * factor:.2f}**"
    return figure.replace("<=", "≤").replace(" x ", " of ") + reached + ("" if row["met"] else ", missed")


def _rows(results: dict[str, Any]) -> Iterator[list[str]]:
    yield ["", "measured", "limit"]
    for row in results["rows"]:
        yield [row["name"], number(row["value"]), f"{row['limit']}{'' if row['met'] else ', missed'}"]


def _curve(results: dict[str, Any]) -> Iterator[list[str]]:
    peers = results["peers"]
    yield ["VMs at once", *(PEERS[peer] for peer in peers)]
    for many in ("100", "24"):
        for name, unit in (("wall", "seconds"), ("cpu", "CPU seconds"), ("memory", "MB")):
            yield [f"{many}: {unit}", *(number(costs[many]["up"][name]) for costs in peers.values())]


TABLES: dict[str, Callable[[dict[str, Any]], Iterator[list[str]]]] = {
    "table": _peers,
    "fleet": _rows,
    "cluster": _rows,
    "curve": _curve,
}
"""The function that gives the head and the rows of a table, by its file of results."""


def table(name: str) -> str:
    """Give the table of a file of results, with the machine on which it was measured; '' without that file."""
    results = measured.read(name)
    if not results:
        return ""
    head, *rows = TABLES[name](results)
    lines = [f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows)]
    return "\n".join((*lines, "", f"Measured on {_machine(results['machine'])}.", ""))


def _machine(machine: dict[str, str]) -> str:
    """Describe a machine, with the first two numbers of its kernel's version."""
    system = re.sub(r"(\d+\.\d+)\S*", r"\1", machine["system"])
    tools = ", ".join(f"{name} {machine[name]}" for name in ("engine", "pulumi", "azure-native", "mlos_bench"))
    return f"{machine['processor']}, {machine['memory']}, {system}, Python {machine['python']}, {tools}"


def written(page: str) -> str:
    """Give the page with the tables of the present results."""
    return _TABLE.sub(lambda found: f"{found[1]}{table(found[2])}{found[3]}", page)


def main() -> None:
    """Write the page."""
    PAGE.write_text(written(PAGE.read_text()))


if __name__ == "__main__":
    main()
