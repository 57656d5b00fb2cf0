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


@app.command(epilog="Example: vmops cluster rotate, and then vmops cluster rotate --reseal")
def rotate(
    reseal: Annotated[bool, typer.Option("--reseal", help="Seal everything with the new key.")] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Take the old key out of this host's file.")] = False,
    as_json: Json = False,
) -> None:
    """Replace the cluster's key in three steps: add a new key, encrypt everything with it, delete the old key."""
    if reseal and drop:
        raise typer.BadParameter("one step at a time", param_hint="--drop")
    step = cluster.reseal if reseal else cluster.drop_old if drop else cluster.rotate
    found = step(Settings())
    if as_json:
        console.print_json(found)
        return
    console.fields({**found, "keys": " ".join(found["keys"])})
    file = found["keyFile"]
    if reseal:
        console.note("once no host needs the old key any more: `vmops cluster rotate --drop`, on each")
    elif not drop:
        console.note(
            f"copy {file} to each other host, run `vmops cluster join FILE` there, then `vmops cluster rotate --reseal`"
        )
