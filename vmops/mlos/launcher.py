"""mlos_bench's own program, with our service admitted: ``vmops-mlos-bench``, with the arguments of ``mlos_bench``."""

import sys
from importlib.metadata import entry_points

from vmops.mlos import schema


def main() -> None:
    """Run mlos_bench with the arguments of the command line, and end as it does.

    Source: mlos_bench 0.6.2, the console script ``mlos_bench`` among its entry points.
    """
    schema.admit()
    program = entry_points(group="console_scripts")["mlos_bench"].load()
    sys.exit(program())
