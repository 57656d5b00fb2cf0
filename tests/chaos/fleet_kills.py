"""Kill a fleet at every boundary of five phases: ``python -m tests.chaos.fleet_kills --seeds 1``.

The phases: at its first place, after a move, while everything is removed, while it grows and while it shrinks. After
each kill one repetition of the call completes the phase: nothing is left, no member exists twice, running VMs are the
same, and foreign resources are unchanged. A seed draws who is killed, and what becomes of a request in flight.
"""

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import chain, zip_longest

from tests.chaos.boundaries import Boundary
from tests.chaos.fleet_scene import PHASES, fleet_scene
from tests.chaos.fleet_walk import COUNTED, Walk

_TURNS = (("first place",), ("after a move",), ("trimming",), ("scale up", "scale down"))
"""The phases that one fleet goes through; the last two alternate, because each starts where the other ends."""

Killed = tuple[str, Boundary]
Kills = Iterator[Killed]


def main() -> int:
    """Walk as often as requested, and print the figures; 1 if anything failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.fleet_kills", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="walk so many times (1)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="from this seed on (1)")
    parser.add_argument("--phase", action="append", choices=PHASES, help="only this phase")
    parser.add_argument("--at", default="", metavar="WORDS", help="only the boundaries that are named so")
    parser.add_argument("--share", type=float, default=1.0, metavar="P", help="only so many of them, drawn (1)")
    given = parser.parse_args()
    counts: Counter[str] = Counter()
    began = time.monotonic()
    for seed in range(given.first, given.first + given.seeds):
        dice = random.Random(seed)
        for turns in _TURNS:
            phases = [each for each in turns if not given.phase or each in given.phase]
            if phases:
                _walk(phases, dice, given, counts)
    print(_told(counts), f"{time.monotonic() - began:.0f} s", sep=", ")
    return 1 if counts["wrong"] else 0


def _walk(phases: list[str], dice: random.Random, given: argparse.Namespace, counts: Counter[str]) -> None:
    """Walk through phases; after a failure the others continue with a new fleet."""
    kills: Kills | None = None
    while True:
        with fleet_scene() as scene:
            walk = Walk(scene, dice)
            kills = kills if kills is not None else iter(_found(walk, phases, given, counts))
            done = _through(walk, kills)
        counts.update(walk.counts)
        print(f"{' and '.join(phases)}: {_told(walk.counts)}", flush=True)
        if done:
            return


def _through(walk: Walk, kills: Kills) -> bool:
    """Kill at one boundary after the other; False after a failure."""
    for name, boundary in kills:
        began = time.monotonic()
        try:
            told = walk.kill(PHASES[name], boundary)
        except Exception as error:
            why = str(error) if isinstance(error, AssertionError) and str(error) else traceback.format_exc()
            walk.counts["wrong"] += 1
            print(f"{name}: {boundary}: {why}", *walk.told, sep="\n  ", flush=True)
            return False
        print(f"{name}: {told}, {time.monotonic() - began:.1f} s", flush=True)
    return True


def _found(
    walk: Walk, phases: list[str], given: argparse.Namespace, counts: Counter[str]
) -> list[tuple[str, Boundary]]:
    """Give the boundaries of phases, alternating."""
    found: Mapping[str, list[Boundary]] = {name: walk.found(PHASES[name]) for name in phases}
    for name, each in found.items():
        counts["boundaries"] += len(each)
        print(f"{name}: {len(each)} boundaries", flush=True)
    meant = {
        name: [one for one in each if given.at in str(one) and walk.dice.random() < given.share]
        for name, each in found.items()
    }
    turns = zip_longest(*([(name, one) for one in each] for name, each in meant.items()))
    return [each for each in chain.from_iterable(turns) if each]


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {counts[name]}" for name in COUNTED)


if __name__ == "__main__":
    sys.exit(main())
