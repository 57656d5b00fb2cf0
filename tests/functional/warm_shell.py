"""Calls of ``vmops`` as processes, at a terminal or in a pipe, forked from one with the slow imports done.

Each call imports what examines its terminal (`vmops.cli.console`).
"""

import importlib
import json
import os
import pty
import subprocess
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.terminal import shown

_SLOW = (
    *("typer", "rich.live", "rich.markup", "yaml", "vmops.azure.connection", "vmops.cli.commands.lifetime"),
    *("vmops.engine.program", "vmops.deploy.steps", "vmops.ops.api", "vmops.ops.check", "vmops.ops.comparison"),
    *("vmops.ops.deployments", "vmops.ops.expiry", "vmops.ops.export", "vmops.ops.listing", "vmops.ops.made_from"),
    *("vmops.ops.recover", "vmops.ops.suggest", "vmops.leases.sweep", "vmops.local.daemon", "azure.mgmt.compute"),
)
ROOT = Path(__file__).parents[2]


class WarmShell:
    """The process that forks, in a separate environment."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.functional.warm_shell"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**environment, "TERM": "xterm-256color"},
        )

    def __call__(self, *arguments: str, width: int = 0, **variables: str) -> str:
        """Give the output of a call on both streams, at a terminal of a width, in a pipe if that is 0."""
        assert self._server.stdin
        assert self._server.stdout
        self._server.stdin.write(json.dumps([arguments, width, variables]) + "\n")
        self._server.stdin.flush()
        return str(json.loads(self._server.stdout.readline()))

    def close(self) -> None:
        """End it."""
        self._server.communicate(timeout=60)


def _serve() -> None:
    for module in _SLOW:
        importlib.import_module(module)
    for line in sys.stdin:
        print(json.dumps(_shown(*json.loads(line))), flush=True)


def _shown(arguments: list[str], width: int, variables: dict[str, str]) -> str:
    reader, writer = pty.openpty() if width else os.pipe()
    child = os.fork()
    if child == 0:
        _become(arguments, writer, width, variables)
    os.close(writer)
    seen = shown(reader)
    os.waitpid(child, 0)
    return seen


def _become(arguments: list[str], writer: int, width: int, variables: dict[str, str]) -> Any:
    """Run the call in this process, and exit with its code."""
    reader = writer if width else os.open(os.devnull, os.O_RDONLY)
    for stream, end in enumerate((reader, writer, writer)):
        os.dup2(end, stream)
    os.environ.update({"COLUMNS": str(width or 80), **variables})
    sys.argv, sys.modules["__main__"].__package__ = ["vmops", *arguments], None
    try:
        from vmops.cli import main

        main()
    except SystemExit:
        sys.stdout.flush()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


if __name__ == "__main__":
    _serve()
