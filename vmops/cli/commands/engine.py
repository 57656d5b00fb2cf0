"""``vmops engine``: install the Pulumi engine, and print its path and its version."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from vmops.cli import console
from vmops.core.settings import Settings
from vmops.engine.install import locate
from vmops.engine.install.installers import Report

app = typer.Typer(help="Get and find the Pulumi engine.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", metavar="", help="Print its path and version as JSON.")]


@app.command(epilog="Example: vmops engine install")
def install(as_json: Json = False) -> None:
    """Install the tested engine in your cache, once: by its official installer, or built with Go if that fails."""
    with _progress() as report:
        engine = locate.install(report)
    typer.echo(_described(engine) if as_json else engine)


@app.command(epilog='Example: "$(vmops engine path)" version')
def path(as_json: Json = False) -> None:
    """Print the path of the engine that would run; exit with 1 if there is none."""
    engine = locate.path(Settings().engine)
    typer.echo(_described(engine) if as_json else engine)


@app.command(epilog="Example: vmops engine version")
def version(as_json: Json = False) -> None:
    """Print the version of the engine that would run; exit with 1 if there is none."""
    engine = locate.path(Settings().engine)
    typer.echo(_described(engine) if as_json else locate.version(engine))


def _described(engine: Path) -> str:
    return json.dumps({"path": str(engine), "version": locate.version(engine)})


@contextmanager
def _progress() -> Iterator[Report]:
    """Show progress on stderr: on a terminal on one line that is updated, elsewhere a line for each message."""
    if not console.err.is_interactive:
        yield lambda line: console.err.print(line, markup=False)
        return
    with console.err.status("") as status:
        yield lambda line: status.update(Text(line))
