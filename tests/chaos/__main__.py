"""Kill at random moments, for as many seeds as requested, and print the figures: ``python -m tests.chaos --seeds 200``.

With ``--faults`` Azure fails in every way that the local one knows, resources are changed, locked or damaged, and other
people act. A failure names its seed, and ``--seed N`` repeats it.
"""

import argparse
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack

from tests import postgres
from tests.chaos.life import Figures, Wrong, play
from tests.chaos.scene import Around, nothing
from tests.chaos.script import Script, schedule, script
from tests.chaos.shared import of_host, working


def main() -> int:
    """Read the arguments, and run the lives; 1 if one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="live so many lives (20)")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="from this seed on (1)")
    parser.add_argument("--seed", type=int, metavar="SEED", help="live this one life again")
    parser.add_argument("--faults", action="store_true", help="let Azure fail, instead of killing anything")
    parser.add_argument("--cluster", action="store_true", help="have the records in PostgreSQL, and a host that works")
    given = parser.parse_args()
    with ExitStack() as servers:
        draw = schedule if given.faults else script
        if given.cluster:
            around: Around = working(servers.enter_context(postgres.running()))
            return live(given, lambda seed: of_host(draw(seed)), around)
        return live(given, draw, nothing)


def live(given: argparse.Namespace, draw: Callable[[int], Script], around: Around) -> int:
    """Run the requested lives; 1 if one failed."""
    seeds = [given.seed] if given.seed is not None else range(given.first, given.first + given.seeds)
    target = "schedules" if given.faults else "torture"
    figures, failed, began = Figures(), list[int](), time.monotonic()
    for seed in seeds:
        lines: list[str] = []
        born = time.monotonic()
        try:
            play(draw(seed), figures, lines.append, around)
        except Exception as error:
            figures.counts["failures"] += 1
            failed.append(seed)
            why = str(error) if isinstance(error, Wrong) else traceback.format_exc()
            print(f"seed {seed}:", *lines, f"wrong: {why}", f"again: make {target} SEED={seed}", sep="\n  ", flush=True)
        else:
            print(f"seed {seed}, {time.monotonic() - born:.0f} s:", "; ".join(lines), flush=True)
    print(f"{figures}, failed seeds {failed}, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
