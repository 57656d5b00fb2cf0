"""Call vmops from real environments of programs: ``python -m tests.places uwsgi,memory``.

Each place is the real software, installed once in the user's cache directory.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.places import containers, programs, servers
from tests.places.ground import Failed, ground

PLACES: dict[str, Callable[[Path], None]] = {
    place.__name__: place
    for place in (
        *(programs.target, programs.archive, programs.frozen),
        *(servers.gunicorn, servers.celery, servers.uwsgi),
        *(containers.memory, containers.recipe),
    )
}


def main() -> int:
    """Run the places; 1 if vmops fails in one."""
    parser = argparse.ArgumentParser(prog="python -m tests.places", description=__doc__)
    parser.add_argument("places", nargs="?", default=",".join(PLACES), help="which, with commas between (all)")
    places = parser.parse_args().places.split(",")
    if unknown := sorted({*places} - {*PLACES}):
        parser.error(f"no such place: {', '.join(unknown)}; there are {', '.join(PLACES)}")
    return 1 if [place for place in places if not _at_home(place)] else 0


def _at_home(place: str) -> bool:
    began = time.monotonic()
    try:
        with ground() as directory:
            PLACES[place](directory)
    except Failed as failure:
        print(f"{place}: {failure}", flush=True)
        return False
    print(f"{place}: at home, {time.monotonic() - began:.0f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
