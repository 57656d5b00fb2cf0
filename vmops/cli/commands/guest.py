"""``vmops local guest``: shows what runs inside a VM of the local Azure."""

from typing import Annotated

import typer

from vmops.cli import console
from vmops.cli.commands.fault import Json
from vmops.core.errors import SpecError
from vmops.core.settings import Settings
from vmops.core.state_dir import local_home
from vmops.local import inspection

app = typer.Typer(help="Look at what runs inside a VM of the local Azure.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="The VM: its name or ARM id.")]


@app.callback()
def guest() -> None:
    """Look at what runs inside a VM of the local Azure."""


@app.command(epilog="Example: vmops local guest log exp1")
def log(name: Name, as_json: Json = False) -> None:
    """Print the console of a VM's guest: its boots, the first boot's steps, and what of those is not supported."""
    state_dir = local_home(Settings().state_dir)
    guests = inspection.ask(state_dir, "GET", "guests")
    found = [each for each in guests["guests"] if name.lower() in (each["name"].lower(), each["id"].lower())]
    if len(found) != 1:
        many = f"several have that name, so give the id of one: {', '.join(each['id'] for each in found)}"
        raise SpecError(f"NAME: {name!r}: {many if found else guests['reason'] or 'there is no such VM'}")
    text = inspection.ask(state_dir, "GET", f"guests/{found[0]['vmId']}/log")
    if as_json:
        console.print_json({"name": found[0]["name"], "log": text})
    else:
        console.out.print(text, end="", markup=False, highlight=False)
