"""``vmops cluster``: make hosts share their records, their keys and their work."""

from pathlib import Path
from typing import Annotated

import typer

from vmops.cli import console
from vmops.cli.commands.fault import Json
from vmops.core.settings import Settings
from vmops.ops import cluster

app = typer.Typer(help="Share records and work with other hosts, in PostgreSQL.", no_args_is_help=True)


@app.command(epilog="Example: VMOPS_DATABASE_URL=postgresql://vmops@db/lab vmops cluster init")
def init(
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="A state directory whose passphrase becomes that of all hosts."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make or upgrade the records in the database, and make the cluster's key if there is none; once, on one host."""
    found = cluster.initialise(Settings(), source)
    if as_json:
        console.print_json(found)
        return
    console.fields(found)
    console.note(f"copy {found['keyFile']} to each other host, and run `vmops cluster join FILE` there")


@app.command(epilog="Example: vmops cluster join /media/key")
def join(
    key_file: Annotated[Path, typer.Argument(metavar="KEYFILE", help="The cluster's key.")], as_json: Json = False
) -> None:
    """Let this host share the records: the key is copied into its state directory (VMOPS_STATE_DIR)."""
    found = cluster.join(Settings(), key_file)
    console.print_json(found) if as_json else console.fields(found)
