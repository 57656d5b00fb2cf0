"""vmops from a shell: the same verbs, with progress, JSON, dry runs and exit codes.

Exit codes: 0 if the verb SUCCEEDED, or is PENDING and was not to be waited for; 1 if it did not; 2 if the call was
wrong; 130 if Ctrl-C ended it.
"""

import sys
from itertools import takewhile


def main() -> None:
    """Run the command line; an error is one sentence on stderr, never a traceback."""
    from vmops.cli.commands import lifetime  # noqa: F401 - its commands are added to the app
    from vmops.cli.commands.vm import app

    try:
        code = app(standalone_mode=False)
    except Exception as error:
        from vmops.cli.errors import explain

        own = takewhile(lambda word: word != "--", sys.argv)
        code = explain(error, as_json="--json" in own)
    sys.exit(code)
