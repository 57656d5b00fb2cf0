"""``vmops local env``: let a shell, or one command, use the local Azure instead of Azure."""

import os
import sys
from collections.abc import Iterable
from typing import Annotated

import typer

from vmops.cli import console, foreground
from vmops.cli.commands.fault import Json
from vmops.cli.commands.runner import other_command
from vmops.core.errors import VmopsError
from vmops.core.settings import Settings
from vmops.core.state_dir import local_home
from vmops.local import daemon
from vmops.local.daemon import Endpoint
from vmops.local.variables import NAMES, variables

_FAILED = 125
"""Exit code of a program that runs another, for a failure of its own. Source: GNU coreutils manual, ``env``."""

Unset = Annotated[bool, typer.Option("--unset", help="Print the commands that unset the variables.")]


def env(context: typer.Context, as_json: Json = False, unset: Unset = False) -> None:
    """Print the variables that lead Azure's clients to the local Azure's proxy, for a shell to evaluate.

    A command after -- is run with them, and the local Azure is started for it. The exit code is the command's own; it
    is 125 if the local Azure does not start, and 126 or 127 if the command cannot be run. The printed variables contain
    the local Azure's secret.
    """
    command = other_command(context)
    if as_json + unset + bool(command) > 1:
        raise typer.BadParameter("--json, --unset and a command exclude each other", param_hint="env")
    if command:
        raise typer.Exit(_run(command))
    if unset:
        _say(f"unset {name}" for name in NAMES)
        return
    found = variables(_running())
    if as_json:
        console.print_json(found)
    else:
        _say(f"export {name}={_quoted(value)}" for name, value in found.items())


def _running() -> Endpoint:
    found = daemon.find(local_home(Settings().state_dir))
    if found is None or not found.proxy:
        raise VmopsError("the local Azure does not run with a proxy: start it with `vmops local start --proxy`")
    return found


def _run(command: list[str]) -> int:
    try:
        here = daemon.ensure(local_home(Settings().state_dir), proxy=True)
    except (VmopsError, OSError) as error:
        console.complain(str(error))
        return _FAILED
    environment = {**os.environ, **variables(here)}
    return foreground.run_if_there(command, lambda: foreground.run(command, environment))


def _say(lines: Iterable[str]) -> None:
    """Print lines unchanged, without styles: a shell reads them."""
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _quoted(value: str) -> str:
    """Quote a value for a POSIX shell with single quotes; only the quote itself needs an escape."""
    return "'" + value.replace("'", "'\\''") + "'"
