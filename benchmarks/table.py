"""The table: all peers side by side, and whether each row meets its limit.

    python -m benchmarks.table [ROUNDS]

It also writes benchmarks/results/table.json. Rows are medians in milliseconds, with the minimum in brackets, unless
they name another unit.
"""

import statistics
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from benchmarks import measured, rounds
from benchmarks.crowd import Cost, crowd
from benchmarks.page import PEERS
from benchmarks.place import machine, place
from benchmarks.processors import Parts
from benchmarks.profile import one_life, told

Profiles = dict[str, Parts]
"""The parts of each row in milliseconds; CPU time for rows about many VMs."""


@dataclass(frozen=True)
class Row:
    """The measured values of a row, and its limit."""

    name: str
    peers: dict[str, dict[str, float]]
    figure: str
    limit: float

    @property
    def met(self) -> bool:
        """Tell whether the limit is met."""
        return self.peers["vmops"]["median"] <= self.limit


def rows(figures: rounds.Figures) -> list[Row]:
    """Combine the measured values with their limits."""
    seen = {name: {peer: _summary(values) for peer, values in row.items()} for name, row in figures.items()}

    def plain(row: str, share: float) -> float:
        return seen[row]["plain"]["median"] * share

    whole = [a + b for a, b in zip(figures["deprovision"]["plain"], figures["stack removed"]["plain"], strict=True)]
    seen["deprovision, even"] = {"vmops": seen["deprovision"]["vmops"], "plain": _summary(whole)}
    floor = seen["power verb"]["floor"]["median"]
    limits: dict[str, tuple[str, float]] = {
        "vm_provision returns": ("<= 50", 50),
        "provision": ("<= 0.6 x Automation API", plain("provision", 0.6)),
        "no change": ("<= 15", 15),
        "deprovision": ("<= 1.0 x Automation API", plain("deprovision", 1.0)),
        "deprovision, even": ("<= 1.0 x the same and remove_stack", statistics.median(whole)),
        "power verb": ("<= bare ARM calls + 10", floor + 10),
        "import": ("<= 170", 170),
        "import, MB": ("<= 45", 45),
        "first call ready": ("<= 350", 350),
        "first call ready, MB": ("<= 45", 45),
        "first call made": ("", float("inf")),
        "first call made, MB": ("", float("inf")),
        "wait notices": ("<= 20", 20),
        "idle, % of a core": ("<= 1", 1),
        "fork server idle, MB": ("<= 100 of its own", 100),
        "24 at once, s": ("<= 0.45 x Automation API", plain("24 at once, s", 0.45)),
        "24 at once, MB": ("<= 0.6 x Automation API", plain("24 at once, MB", 0.6)),
        "24 gone, s": ("<= 1.0 x Automation API", plain("24 gone, s", 1.0)),
        "100 at once, s": ("<= 4.5 x 24 at once", seen["24 at once, s"]["vmops"]["median"] * 4.5),
        "100 at once, MB": ("<= 1.25 x 24 at once", seen["24 at once, MB"]["vmops"]["median"] * 1.25),
    }
    return [Row(name, seen[name], *limit) for name, limit in limits.items()]


def measure(number: int) -> tuple[rounds.Figures, Profiles]:
    """Measure everything, with the parts of many VMs; one run takes about five minutes on two cores."""
    figures, profiles = rounds.empty(), Profiles()
    with place() as state_dir:
        rounds.lives(figures, state_dir, number)
        rounds.their_lives(figures, state_dir, 1)
    rounds.imports(figures, number)
    rounds.first_calls(figures, number)
    rounds.idle(figures)
    for peer, many in (("vmops", 24), ("plain", 24), ("vmops", 100)):
        costs = crowd(peer, many)
        _note(figures, peer, many, costs)
        if peer == "vmops":
            profiles[f"{many} at once, s"] = _share(costs["up"], many)
            profiles[f"{many} gone, s"] = _share(costs["down"], many)
    return figures, profiles


def _note(figures: rounds.Figures, peer: str, many: int, costs: dict[str, Cost]) -> None:
    figures[f"{many} at once, s"][peer].append(costs["up"].wall)
    figures[f"{many} at once, MB"][peer].append(costs["up"].memory)
    figures[f"{many} gone, s"][peer].append(costs["down"].wall)


def _share(cost: Cost, many: int) -> Parts:
    """Give the CPU milliseconds of one of many VMs."""
    return {part: seconds / many * 1000 for part, seconds in cost.parts.items()}


def explained(table: list[Row], profiles: Profiles) -> Profiles:
    """Give the profile of each row that misses its limit, if there is one, with those of fewer VMs to compare."""
    missed = {row.name for row in table if not row.met}
    known = {**profiles, **(one_life() if missed & {"provision", "deprovision", "deprovision, even"} else {})}
    if "100 at once, s" in missed:
        missed.add("24 at once, s")
    if "deprovision, even" in missed:
        missed.add("deprovision")
    return {name: parts for name, parts in known.items() if name in missed}


def _summary(values: list[float]) -> dict[str, float]:
    ranked = sorted(values)
    return {
        "median": round(statistics.median(ranked), 2),
        "least": round(ranked[0], 2),
        "p95": round(ranked[min(len(ranked) - 1, int(0.95 * len(ranked)))], 2),
        "n": len(ranked),
    }


def show(table: list[Row], why: Profiles, say: Callable[[str], None] = print) -> None:
    """Print the table, and the parts of missed rows; ``x`` is our median relative to the Automation API's."""
    say(f"{'':22}" + "".join(f"{title:>18}" for title in PEERS.values()) + f"{'x':>7}  figure")
    for row in table:
        cells = "".join(f"{_cell(row.peers.get(peer)):>18}" for peer in PEERS)
        plain = row.peers.get("plain")
        share = f"{row.peers['vmops']['median'] / plain['median']:.2f}" if plain else ""
        say(f"{row.name:22}{cells}{share:>7}  {row.figure}{'' if row.met else '   MISSED'}")
    for name, parts in why.items():
        say(told(name, parts))


def _cell(summary: dict[str, float] | None) -> str:
    return f"{summary['median']:.1f} ({summary['least']:.1f})" if summary else ""


def main() -> None:
    """Measure, print, write."""
    figures, profiles = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
    table = rows(figures)
    why = explained(table, profiles)
    show(table, why)
    plain = {"machine": machine(), "rows": [{**asdict(row), "met": row.met} for row in table], "profiles": why}
    measured.write("table", plain)


if __name__ == "__main__":
    main()
