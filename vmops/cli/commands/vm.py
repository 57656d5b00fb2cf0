"""The commands and their options. A command imports what it needs when it runs, so that help is there at once."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

if TYPE_CHECKING:
    from vmops.cli.session import Session


class _Room(TyperGroup):
    """The commands of ``vmops.<name>.commands``, imported when one of them is asked for."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the commands."""
        return list(self._commands().list_commands(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give the command of that name; None if there is none."""
        return self._commands().get_command(ctx, cmd_name)

    def _commands(self) -> Any:
        return get_command(import_module(f"vmops.cli.commands.{self.name}").app)


def _examples(*calls: str) -> str:
    return "\n\n".join(f"$ vmops {call}" for call in calls)


app = typer.Typer(
    name="vmops",
    help="Azure VMs for experiments: declared, provisioned, used and gone.",
    epilog=_examples("provision exp1 -p vmSize=Standard_D4s_v5 --wait", "status exp1", "deprovision exp1 --wait"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(typer.Typer(cls=_Room, no_args_is_help=True), name="engine", help="Get and find the Pulumi engine.")
app.add_typer(typer.Typer(cls=_Room, no_args_is_help=True), name="local", help="Run and look at the local Azure.")

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="The VM's name; short for -p vmName=NAME.")]
File = Annotated[Path | None, typer.Option("--params", metavar="FILE", help="Parameters from a JSON or YAML file.")]
Pairs = Annotated[list[str] | None, typer.Option("-p", metavar="NAME=VALUE", help="One parameter; may be repeated.")]
Wait = Annotated[bool, typer.Option("--wait", metavar="", help="Wait for the end, showing progress.")]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON value on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", metavar="", help="Do not ask.")]
BreakLock = Annotated[
    bool, typer.Option("--break-lock", metavar="", help="Delete the engine's lock whose holder you know to be dead.")
]
Same = Annotated[
    bool, typer.Option("--same", metavar="", help="As it was asked for last, but for the parameters that are given.")
]
Replace = Annotated[
    bool, typer.Option("--replace", metavar="", help="Make the VM anew, or detach its disks, without being asked.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", metavar="", help="Show what would be done; do nothing.")]


@app.command(
    epilog=_examples(
        "provision exp1 -p vmSize=Standard_D4s_v5 -p vmPorts=22,443 --wait",
        "provision exp1 --dry-run",
        "provision exp1 --same -p vmSize=Standard_D8s_v5 --wait",
    )
)
def provision(
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    wait: Wait = False,
    as_json: Json = False,
    dry_run: DryRun = False,
    same: Same = False,
    replace: Replace = False,
) -> None:
    """Make the VM as the parameters say, and running; one that already is so is left alone."""
    session = _session(name, file, pairs, as_json)
    session.preview(same=same) if dry_run else session.provision(wait=wait, same=same, replace=replace)


@app.command(epilog=_examples("deprovision exp1 --dry-run", "deprovision exp1 --wait", "deprovision exp1 --yes"))
def deprovision(
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    wait: Wait = False,
    as_json: Json = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Remove the VM and everything that was made for it; absence is success. At a terminal it asks before."""
    session = _session(name, file, pairs, as_json)
    session.inventory() if dry_run else session.deprovision(wait=wait, sure=yes)


@app.command(epilog=_examples("start exp1 --wait"))
def start(name: Name = None, file: File = None, pairs: Pairs = None, wait: Wait = False, as_json: Json = False) -> None:
    """Start a VM that is stopped or deallocated."""
    _session(name, file, pairs, as_json).power("start", wait=wait)


@app.command(epilog=_examples("stop exp1 --wait"))
def stop(name: Name = None, file: File = None, pairs: Pairs = None, wait: Wait = False, as_json: Json = False) -> None:
    """Shut a VM down in order; its compute is still paid for (see deallocate)."""
    _session(name, file, pairs, as_json).power("stop", wait=wait)


@app.command(epilog=_examples("restart exp1 --wait"))
def restart(
    name: Name = None, file: File = None, pairs: Pairs = None, wait: Wait = False, as_json: Json = False
) -> None:
    """Restart a VM in order."""
    _session(name, file, pairs, as_json).power("restart", wait=wait)


@app.command(epilog=_examples("deallocate exp1 --wait"))
def deallocate(
    name: Name = None, file: File = None, pairs: Pairs = None, wait: Wait = False, as_json: Json = False
) -> None:
    """Stop paying for a VM's compute and keep its disks."""
    _session(name, file, pairs, as_json).power("deallocate", wait=wait)


@app.command(epilog=_examples("wait exp1", "wait exp1 --gone", "wait -p asyncResultsUrl=URL"))
def wait(
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    gone: Annotated[bool, typer.Option("--gone", metavar="", help="Wait for the VM to be gone.")] = False,
    as_json: Json = False,
) -> None:
    """Wait for the VM to be deployed, to be gone, or for the operation that asyncResultsUrl names."""
    _session(name, file, pairs, as_json).wait("deprovision" if gone else "provision")


@app.command(epilog=_examples("diff exp1", "diff exp1 --json"))
def diff(name: Name = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """Show how what there is differs from what was asked for last, and what others have added."""
    _session(name, file, pairs, as_json).diff()


@app.command(epilog=_examples("cancel exp1"))
def cancel(name: Name = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """End the deployment that is in flight; the same verb called again goes on where it ended."""
    _session(name, file, pairs, as_json).cancel()


@app.command(epilog=_examples("recover exp1 --dry-run", "recover exp1", "recover exp1 --break-lock"))
def recover(
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    as_json: Json = False,
    dry_run: DryRun = False,
    break_lock: BreakLock = False,
    yes: Yes = False,
) -> None:
    """Put right what a dead deployment has left: records, locks and the engine's state; nothing in the cloud."""
    session = _session(name, file, pairs, as_json)
    if break_lock and not (dry_run or yes):
        session.confirm_break()
    session.recover(dry_run=dry_run, break_lock=break_lock)


@app.command(epilog=_examples("adopt exp1 --dry-run", "adopt exp1", "adopt exp1 --yes"))
def adopt(
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    as_json: Json = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Take back what was made for the VM, and lost its tags or got another's; it asks first."""
    session = _session(name, file, pairs, as_json)
    if not (dry_run or yes):
        session.confirm_adoption()
    session.adopt(dry_run=dry_run)


@app.command(epilog=_examples("status exp1", "status exp1 --json"))
def status(name: Name = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """Show what was asked of a VM, how it ended, what Azure says of it now, and what to do next."""
    _session(name, file, pairs, as_json).status()


@app.command("list", epilog=_examples("list", "list -p resourceGroup=lab", "list --all --json"))
def list_vms(
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    everything: Annotated[bool, typer.Option("--all", metavar="", help="List those that are gone, too.")] = False,
    as_json: Json = False,
) -> None:
    """List the VMs that this host remembers, by their newest deployment: all, or those that the parameters mean."""
    _session(name, file, pairs, as_json).list(everything=everything)


@app.command(epilog=_examples("demo", "demo --pace 1"))
def demo(
    pace: Annotated[float, typer.Option(min=0, help="Azure's recorded durations times this; 0 is at once.")] = 0.02,
    as_json: Json = False,
) -> None:
    """Live one VM's whole life on a local Azure of its own, showing each step with its time."""
    from vmops.cli.demo import run
    from vmops.cli.session import hear_library

    hear_library()
    raise typer.Exit(0 if run(pace, as_json=as_json) else 1)


def _session(name: str | None, file: Path | None, pairs: list[str] | None, as_json: bool) -> "Session":
    from vmops.cli.session import open_session

    return open_session(name, file, pairs or [], as_json=as_json)
