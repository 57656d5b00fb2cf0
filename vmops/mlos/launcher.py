"""mlos_bench's program with our services registered: ``vmops-mlos-bench``, with the arguments of ``mlos_bench``."""

import sys
from importlib.metadata import entry_points

from vmops.mlos import schema


def main() -> None:
    """Run mlos_bench with the arguments of the command line, and exit with its code.

    Source: mlos_bench 0.6.2, the console script ``mlos_bench`` among its entry points.
    """
    schema.register_classes()
    program = entry_points(group="console_scripts")["mlos_bench"].load()
    sys.exit(program())
