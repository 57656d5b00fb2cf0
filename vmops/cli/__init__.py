"""vmops from a shell: the same verbs, with progress, JSON, dry runs and exit codes.

Exit codes: 0 if the verb SUCCEEDED, or is PENDING without ``--wait``; 1 if it failed; 2 if the call was wrong; 130 if
Ctrl-C ended it.
"""

import os
import sys
from itertools import takewhile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typer import Typer


def command_line() -> "Typer":
    """Build the command line with all its commands."""
    from vmops.cli.commands import access, fleet, hosts, lifetime, parameters, places, queries, upkeep, wait  # noqa: F401 - their commands are added to the app
    from vmops.cli.commands.vm import app

    return app


def _plain_help() -> None:
    """Disable styles in help texts too, where NO_COLOR is set."""
    if os.environ.get("NO_COLOR"):
        from typer import rich_utils  # importing it takes a tenth of a second

        rich_utils.COLOR_SYSTEM = None


def main() -> None:
    """Run the command line. An error is one sentence on stderr, never a traceback."""
    app = command_line()
    _plain_help()
    try:
        code = app(standalone_mode=False)
    except Exception as error:
        from vmops.cli.errors import explain

        own = takewhile(lambda word: word != "--", sys.argv)
        code = explain(error, as_json="--json" in own)
    sys.exit(code)
