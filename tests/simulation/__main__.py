"""Run random steps on the simulated engine, as many as requested: ``python -m tests.simulation --steps 10000``.

A run of a few lives has a seed, which a failure names; ``--seed N`` repeats the steps and shrinks them to the failing
ones. With ``--families`` every family of schedules is played by the simulated and the real engine.
"""

import argparse
import logging
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.families import FAMILIES, difference
from tests.simulation.machine import Machine

LIVES, STEPS = 10, 50
_COUNTED = (
    "steps",
    "lives",
    "faults",
    "incidents",
    "changes by hand",
    "locks",
    "policies",
    "names taken",
    "tags copied",
    "tags changed",
    "wrong 404s",
    "unreadable",
    "other cases",
    "other owners",
    "other places",
    "removed beside others",
    "kills",
    "files spoilt",
    "records spoilt",
    "bad disks",
    "clock steps",
    "calls of another host",
    "made",
    "removed",
    "converged",
    "orphans",
    "duplicates",
    "foreign touched",
    "called again",
    "adopted",
    "dead ends",
)


def run(seed: int, *, lives: int = LIVES, shrink: bool = False) -> None:
    """Run a few lives. Raises: the failure, with the steps that led to it."""
    settings = hypothesis.settings(
        max_examples=lives,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=(Phase.generate, *((Phase.shrink,) if shrink else ())),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    run_state_machine_as_test(hypothesis.seed(seed)(Machine), settings=settings)


def figures(counts: Counter[str]) -> str:
    """Format the counters."""
    return ", ".join(f"{name} {counts[name]}" for name in _COUNTED)


def _seeds(first: int, steps: int) -> Iterator[int]:
    """Give consecutive seeds until so many steps were taken."""
    seed = first
    while Machine.counts["steps"] < steps:
        yield seed
        seed += 1


def main() -> int:
    """Run what the arguments request; 1 if something failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--steps", type=int, default=10_000, metavar="N", help="take at least so many steps (10000)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="from this seed on (1)")
    parser.add_argument("--seed", type=int, metavar="SEED", help="take the steps of this one seed again")
    parser.add_argument("--families", action="store_true", help="let double and engine play every family, and compare")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    return _families() if given.families else _steps(given)


def _families() -> int:
    """Play every family twice; 1 if one differs."""
    different, began = list[str](), time.monotonic()
    for name, script in FAMILIES.items():
        told = difference(script)
        different += [name] if told else []
        print(f"{name}: {'different' if told else 'the same'}", *told, sep="\n  ", flush=True)
    print(f"families {len(FAMILIES)}, different {different}, {time.monotonic() - began:.0f} s")
    return 1 if different else 0


def _steps(given: argparse.Namespace) -> int:
    """Run the steps; 1 if one failed."""
    failed, began = list[int](), time.monotonic()
    for seed in _seeds(given.first, given.steps) if given.seed is None else [given.seed]:
        try:
            run(seed, shrink=given.seed is not None)
        except Exception:
            failed.append(seed)
            traceback.print_exc(limit=-3)
            print(f"again: make steps SEED={seed}", flush=True)
        print(f"seed {seed}: {figures(Machine.counts)}", flush=True)
    print(f"{figures(Machine.counts)}, failed seeds {failed}, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
