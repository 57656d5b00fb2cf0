"""``vmops database``: upgrade the records that hosts share."""

import typer

from vmops.cli import console
from vmops.cli.commands.fault import Json
from vmops.core.settings import Settings
from vmops.ops import cluster

app = typer.Typer(help="Upgrade the records that hosts share.", no_args_is_help=True)


@app.callback()
def _above() -> None:
    """Upgrade the records that hosts share."""


@app.command(epilog="Example: vmops database upgrade")
def upgrade(as_json: Json = False) -> None:
    """Upgrade the records in the database to this version; hosts with the version before can still use them."""
    found = cluster.upgrade_database(Settings())
    console.print_json(found) if as_json else console.fields(found)
