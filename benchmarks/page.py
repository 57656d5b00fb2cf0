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

_LABELS = (
    (r"vm_provision returns", "`vm_provision` returns"),
    (r"provision", "provision, until the VM runs"),
    (r"no change", "provision without a change"),
    (r"deprovision", "deprovision, until the VM is gone"),
    (r"deprovision, even", "the same, if the Automation API also removes its stack"),
    (r"power verb", "power operation, with its wait"),
    (r"import(, MB)?", r"`import`\1"),
    (r"first call (ready|made)(, MB)?", r"program, first call \1\2"),
    (r"wait notices", "a wait notices the end"),
    (r"idle, % of a core", "CPU during a wait, % of a core"),
    (r"fork server idle, MB", "idle fork server, MB of its own"),
    (r"(\d+) at once, (s|MB)", r"make \1 VMs at once, \2"),
    (r"(\d+) gone, s", r"remove \1 VMs at once, s"),
    (r"(\d+) at pace ([\d.]+), wall, .*", r"make \1 members at pace \2: time, relative to Pulumi's own parallelism"),
    (r"(\d+) in a fleet, processor time, up, .*", r"make \1 members: CPU time, relative to \1 single VMs"),
    (r"(\d+) in a fleet, processor time, down, .*", r"remove \1 members: CPU time, relative to \1 single VMs"),
    (r"(\d+) in one stack, up, processor .*", r"make \1 members: CPU seconds per VM"),
    (r"(\d+) in one stack, up, MB", r"make \1 members: most memory of workers and engines, MB"),
    (r"no change of (\d+), ms, .*", r"provision of \1 members without a change, ms"),
    (r"one of (\d+) made anew, .*", r"replace one of \1 members: CPU time, relative to an update without a change"),
    (r"(\d+) at pace 1, by a stepped .*", r"make \1 members at Azure's pace: simulated time, relative to one VM"),
    (r"(\d+) at pace 1, requests .*", r"make \1 members at Azure's pace: requests refused as too many"),
    (r"modules that .*", "modules of the extra that a caller without a database imports"),
    (r"([\d,]+) orders admitted", r"accept \1 requests"),
    (r"no-op work spread, a second", "jobs that one host takes, per second"),
    (r"enqueued → begun", "from the request to the start of the work"),
    (r"ended → known to .*", "from the end of the work to the answer of a wait on another host"),
    (r"provision on a single host", "provision without a database"),
    (r"provision, over a single host's", "provision, relative to one without a database"),
    (r"(worker|host) killed → .*", r"from the death of a \1 to the next attempt"),
    (r"woken stale worker → ended", "from the resumption of a stale worker to its end"),
    (r"writes of a woken worker, count", "writes of a resumed stale worker"),
    (r"PostgreSQL away (\d+) s: failures, .*", r"PostgreSQL unreachable for \1 s: failed provisions"),
    (r"PostgreSQL away (\d+) s: attempts, .*", r"PostgreSQL unreachable for \1 s: most attempts of a provision"),
    (r"(\d+) VMs on (\d) worker\(s\)", r"make \1 VMs, working hosts: \2"),
    (r"(\d+) VMs on two .*", r"make \1 VMs on two hosts, relative to one"),
)
"""The titles of rows, by a pattern of their names in the results."""


def label(name: str) -> str:
    """Give the title of a row; an unknown row keeps its name."""
    return next((found.expand(text) for pattern, text in _LABELS if (found := re.fullmatch(pattern, name))), name)


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
        yield [label(row["name"]), *shown, _limit(row)]


def _limit(row: dict[str, Any]) -> str:
    """Give the limit of a row, and the measured ratio if the limit is one."""
    reached, figure = "", str(row["figure"])
    if "x" in figure.split():
        factor = float(re.findall(r"[\d.]+", figure)[0])
        reached = f": **{row['peers']['vmops']['median'] / row['limit'] * factor:.2f}**"
    return figure.replace("<=", "≤").replace(" x ", " of ") + reached + ("" if row["met"] else ", missed")


def _fleet(results: dict[str, Any]) -> Iterator[list[str]]:
    yield ["", "measured", "limit"]
    for row in results["rows"]:
        yield [label(row["name"]), number(row["value"]), f"≤ {row['limit']:g}{'' if row['met'] else ', missed'}"]


def _cluster(results: dict[str, Any]) -> Iterator[list[str]]:
    yield ["", "measured"]
    yield from ([label(name), number(value)] for name, value in results["figures"].items())


def _curve(results: dict[str, Any]) -> Iterator[list[str]]:
    peers = results["peers"]
    yield ["VMs at once", *(PEERS[peer] for peer in peers)]
    for many in ("100", "24"):
        for name, unit in (("wall", "seconds"), ("cpu", "CPU seconds"), ("memory", "MB")):
            yield [f"{many}: {unit}", *(number(costs[many]["up"][name]) for costs in peers.values())]


TABLES: dict[str, Callable[[dict[str, Any]], Iterator[list[str]]]] = {
    "table": _peers,
    "fleet": _fleet,
    "cluster": _cluster,
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
