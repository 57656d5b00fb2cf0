"""``vmops local``: run and inspect the local Azure."""

from pathlib import Path
from typing import Annotated, Any

import typer

from vmops.cli import console
from vmops.cli.commands import capacity, env, fault, guest, policy
from vmops.cli.commands.fault import Json
from vmops.cli.commands.runner import OptionalRunner
from vmops.core.errors import StartFailed
from vmops.core.settings import Settings
from vmops.core.state_dir import local_home
from vmops.local import daemon, inspection
from vmops.local.daemon import Endpoint
from vmops.local.guests import Asked

app = typer.Typer(help="Start, stop, inspect and empty the local Azure.", no_args_is_help=True)
app.add_typer(fault.app, name="fault")
app.add_typer(guest.app, name="guest")
app.command("capacity", epilog="Example: vmops local capacity Standard_D4s_v5 0 --location westus2 --zone 1")(
    capacity.capacity
)
app.command("policy", epilog="Example: vmops local policy no-public-ips.json --clear")(policy.policy)
app.command(
    "env",
    cls=OptionalRunner,
    epilog='Example: eval "$(vmops local env)"\n\nExample: vmops local env -- az login --service-principal …',
)(env.env)

Pace = Annotated[
    float | None,
    typer.Option(min=0, help="Duration of operations as a fraction of Azure's own: 1 is Azure's pace, 0 is at once."),
]
Tls = Annotated[
    bool | None,
    typer.Option("--tls/--no-tls", help="Also serve HTTPS and logins, for Azure's own clients; default: unchanged."),
]
Proxy = Annotated[
    bool | None,
    typer.Option(
        "--proxy/--no-proxy",
        help="Also serve a proxy whose clients reach the local Azure at Azure's host names; default: unchanged.",
    ),
]
Guests = Annotated[
    Asked | None,
    typer.Option(
        help="What runs inside the VMs: the best that works here (auto), none, or namespaces; default: unchanged."
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@app.command(epilog="Example: vmops local start --pace 0.1 --json\n\nExample: vmops local start --proxy")
def start(
    pace: Pace = None, tls: Tls = None, proxy: Proxy = None, guests: Guests = None, as_json: Json = False
) -> None:
    """Start the local Azure if it is not running, and print its address; restart it if its options change.

    A client behind the proxy reaches it at management.azure.com and login.microsoftonline.com, and no other host;
    `vmops local env` configures a shell for that.
    """
    if proxy and tls is False:
        raise typer.BadParameter("the proxy needs HTTPS: it excludes --no-tls", param_hint="--proxy")
    found = daemon.ensure(_state_dir(), pace, tls, proxy, guests)
    if guests == "namespaces":
        _require_guests()
    if as_json:
        console.print_json(found.as_json())
    else:
        console.out.print(_sentence(found))


@app.command(epilog="Example: vmops local stop")
def stop(as_json: Json = False) -> None:
    """Stop the local Azure; its resources stay."""
    found = daemon.stop(_state_dir())
    if as_json:
        console.print_json({"stopped": found})
    else:
        console.out.print("stopped" if found else "it was not running")


@app.command(epilog="Example: vmops local status --json")
def status(as_json: Json = False) -> None:
    """Show whether the local Azure runs, its address, and what runs inside its VMs."""
    found = daemon.find(_state_dir())
    if as_json:
        where = {"arm": found.arm, "provider": found.provider, "pid": found.pid} if found else {}
        inside = {"guests": inspection.guests(_state_dir())} if found else {}
        console.print_json({"running": found is not None, **where, **inside})
    elif found:
        console.out.print(_sentence(found))
        console.out.print(_inside(inspection.guests(_state_dir())), markup=False)
    else:
        console.out.print("not running")


@app.command(epilog="Example: vmops local reset --yes")
def reset(yes: Yes = False) -> None:
    """Delete every resource of the local Azure, after asking."""
    count = len(inspection.listed(_state_dir(), "resources"))
    counted = "1 resource" if count == 1 else f"{count} resources"
    if not yes:
        console.confirm(f"Delete {counted} of the local Azure?", err=False)
    if count:
        inspection.ask(_state_dir(), "POST", "reset")
    console.out.print(f"{counted} deleted")


@app.command(epilog="Example: vmops local resources --json")
def resources(as_json: Json = False) -> None:
    """List every resource of the local Azure, from all stacks."""
    found = inspection.listed(_state_dir(), "resources")
    _show(found, ["type", "name", "location", "id"], as_json=as_json)


@app.command(epilog="Example: vmops local journal --json")
def journal(as_json: Json = False) -> None:
    """List the requests that the local ARM has answered since it started, the oldest first."""
    _show(inspection.listed(_state_dir(), "journal"), ["method", "path", "status"], as_json=as_json)


def _require_guests() -> None:
    """Refuse guests that this host cannot run. Raises: StartFailed with the reason."""
    guests = inspection.guests(_state_dir())
    if guests["kind"] == "none":
        raise StartFailed(f"nothing can run inside the VMs: {guests['reason']}", "call it with `--guests auto`")


def _inside(guests: dict[str, Any]) -> str:
    if guests["kind"] == "none":
        return f"nothing runs inside its VMs: {guests['reason']}"
    return f"inside its VMs: {guests['kind']}, {guests['running']} up"


def _state_dir() -> Path:
    return local_home(Settings().state_dir)


def _show(found: list[dict[str, Any]], names: list[str], *, as_json: bool) -> None:
    if as_json:
        console.print_json(found)
    elif found:
        rows = [[str(each.get(name) or "") for name in names] for each in found]
        console.columns([name.upper() for name in names], rows)
    else:
        console.out.print("nothing")


def _sentence(found: Endpoint) -> str:
    secure = f" and {found.arm_tls} (authority: {found.ca})" if found.arm_tls else ""
    proxy = f", proxy at {found.proxy}" if found.proxy else ""
    return f"running: ARM at {found.arm}{secure}{proxy}, provider at port {found.provider}, process {found.pid}"
