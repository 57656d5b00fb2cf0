"""The commands about VMs, and shared options. A command imports what it needs when it runs, so help appears at once."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from vmops import __version__
from vmops.cli.commands.aliases import WithAliases
from vmops.spec.described import NAMES

if TYPE_CHECKING:
    from vmops.cli.session import Session
    from vmops.cli.several import Begin


class _LazyGroup(TyperGroup):
    """The commands of the module ``vmops.cli.commands.<name>``, imported when one of them is requested."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the commands."""
        return list(self._commands().list_commands(ctx))

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give the command of that name; None if there is none."""
        return self._commands().get_command(ctx, cmd_name)

    def _commands(self) -> Any:
        return get_command(import_module(f"vmops.cli.commands.{self.name}").app)


def examples(*calls: str) -> str:
    """Write calls as the end of a command's help."""
    return "\n\n".join(f"$ vmops {call}" for call in calls)


app = typer.Typer(
    name="vmops",
    cls=WithAliases,
    epilog=examples("provision exp1 -p vmSize=Standard_D4s_v5 --wait", "status exp1", "deprovision exp1 --wait"),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"vmops {__version__}")
        raise typer.Exit


@app.callback()
def _above(
    version: Annotated[
        bool, typer.Option("--version", metavar="", is_eager=True, callback=_version, help="Print the version.")
    ] = False,
) -> None:
    """Azure VMs for experiments: declared, provisioned, used and removed."""


app.add_typer(
    typer.Typer(cls=_LazyGroup, no_args_is_help=True), name="cluster", help="Share records and work with hosts."
)
app.add_typer(
    typer.Typer(cls=_LazyGroup, no_args_is_help=True), name="database", help="Upgrade the records that are shared."
)
app.add_typer(typer.Typer(cls=_LazyGroup, no_args_is_help=True), name="engine", help="Get and find the Pulumi engine.")
app.add_typer(typer.Typer(cls=_LazyGroup, no_args_is_help=True), name="local", help="Run and look at the local Azure.")

Name = Annotated[str | None, typer.Argument(metavar="NAME", help="The VM's name; short for -p vmName=NAME.")]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME...", help="The VM's name, or those of several; short for -p vmName=NAME."),
]
Mine = Annotated[bool, typer.Option("--mine", metavar="", help="All of your VMs, after asking.")]
File = Annotated[Path | None, typer.Option("--params", metavar="FILE", help="Parameters from a JSON or YAML file.")]
Pairs = Annotated[list[str] | None, typer.Option("-p", metavar="NAME=VALUE", help="One parameter; may be repeated.")]
Wait = Annotated[bool, typer.Option("--wait", metavar="", help="Wait for the end, and show progress.")]
Json = Annotated[bool, typer.Option("--json", metavar="", help="Print one JSON value on stdout.")]
Yes = Annotated[bool, typer.Option("--yes", metavar="", help="Do not ask.")]
Same = Annotated[
    bool, typer.Option("--same", metavar="", help="Repeat the last request, changed only by the given parameters.")
]
Replace = Annotated[
    bool, typer.Option("--replace", metavar="", help="Replace the VM or detach its disks without asking.")
]
Lock = Annotated[
    Path | None, typer.Option("--lock", metavar="FILE", help="Use a lock file; short for -p lockFile=FILE.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", metavar="", help="Show what would be done, and do nothing.")]


@app.command(
    epilog=examples(
        "provision exp1 -p vmSize=Standard_D4s_v5 -p vmPorts=22,443 --wait",
        "provision exp1 --dry-run",
        "provision exp1 --same -p vmSize=Standard_D8s_v5 --wait",
        "provision exp1 exp2 exp3 --wait",
    )
    + f"\n\nParameters (see vmops params): {', '.join(NAMES)}"
)
def provision(
    names: Names = None,
    file: File = None,
    pairs: Pairs = None,
    wait: Wait = False,
    as_json: Json = False,
    dry_run: DryRun = False,
    same: Same = False,
    replace: Replace = False,
    lock: Lock = None,
) -> None:
    """Make the VM as the parameters say, and running; a VM that is so already is left unchanged."""
    from vmops.cli import queries

    if lock:
        from vmops.spec import lock_file

        names, pairs = names or [lock_file.read(lock).vm_name], [*(pairs or []), f"{lock_file.PARAMETER}={lock}"]
    if dry_run:
        answer(names, file, pairs, as_json, lambda each: each.shown(lambda it: queries.preview(it, same=same)))
    answer(names, file, pairs, as_json, lambda each: each.provision(wait=wait, replace=replace, same=same))


@app.command(
    epilog=examples("deprovision exp1 --dry-run", "deprovision exp1 --wait", "deprovision exp1 exp2 --yes --wait")
)
def deprovision(
    names: Names = None,
    file: File = None,
    pairs: Pairs = None,
    wait: Wait = False,
    as_json: Json = False,
    dry_run: DryRun = False,
    mine: Mine = False,
    yes: Yes = False,
) -> None:
    """Remove the VM and everything that was made for it; SUCCEEDED if it is gone. At a terminal it asks first."""
    from vmops.cli import queries, several

    sure = yes or dry_run
    called = several.of_mine(names, file, pairs, verb="deprovision", mine=mine, sure=sure, as_json=as_json)
    if dry_run:
        several.answer(called, lambda each: each.shown(queries.inventory))
    several.answer(called, lambda each: each.deprovision(wait=wait, sure=yes or mine))


@app.command(epilog=examples("start exp1 --wait", "start exp1 exp2 --wait"))
def start(
    names: Names = None,
    file: File = None,
    pairs: Pairs = None,
    wait: Wait = False,
    as_json: Json = False,
    mine: Mine = False,
    yes: Yes = False,
) -> None:
    """Start a VM that is stopped or deallocated."""
    _power("start", names, file, pairs, wait=wait, mine=mine, sure=yes, as_json=as_json)


@app.command(epilog=examples("stop exp1 --wait", "stop --mine --yes"))
def stop(
    names: Names = None,
    file: File = None,
    pairs: Pairs = None,
    wait: Wait = False,
    as_json: Json = False,
    mine: Mine = False,
    yes: Yes = False,
) -> None:
    """Shut a VM down gracefully; its compute is still paid for (see deallocate)."""
    _power("stop", names, file, pairs, wait=wait, mine=mine, sure=yes, as_json=as_json)


@app.command(epilog=examples("restart exp1 --wait"))
def restart(
    names: Names = None,
    file: File = None,
    pairs: Pairs = None,
    wait: Wait = False,
    as_json: Json = False,
    mine: Mine = False,
    yes: Yes = False,
) -> None:
    """Restart a VM gracefully."""
    _power("restart", names, file, pairs, wait=wait, mine=mine, sure=yes, as_json=as_json)


@app.command(epilog=examples("deallocate exp1 --wait", "deallocate --mine --yes"))
def deallocate(
    names: Names = None,
    file: File = None,
    pairs: Pairs = None,
    wait: Wait = False,
    as_json: Json = False,
    mine: Mine = False,
    yes: Yes = False,
) -> None:
    """Stop paying for a VM's compute and keep its disks."""
    _power("deallocate", names, file, pairs, wait=wait, mine=mine, sure=yes, as_json=as_json)


@app.command(epilog=examples("demo", "demo --pace 1"))
def demo(
    pace: Annotated[float, typer.Option(min=0, help="Factor for Azure's recorded durations; 0 is at once.")] = 0.02,
    as_json: Json = False,
) -> None:
    """Run one VM's whole life on a local Azure of its own, and show each step with its duration."""
    from vmops.cli.demo import run
    from vmops.cli.session import route_library_logs

    route_library_logs()
    raise typer.Exit(0 if run(pace, as_json=as_json) else 1)


def session(name: str | None, file: Path | None, pairs: list[str] | None, as_json: bool) -> "Session":
    """Open a session for one VM, or for those that the parameters select."""
    from vmops.cli.session import open_session

    return open_session(name, file, pairs or [], as_json=as_json)


def answer(
    names: list[str] | None, file: Path | None, pairs: list[str] | None, as_json: bool, begin: "Begin"
) -> NoReturn:
    """Make the call for each named VM, and show the answers in that order."""
    from vmops.cli import several

    several.answer(several.sessions(names, file, pairs, as_json=as_json), begin)


def _power(
    verb: str, names: list[str] | None, file: Path | None, pairs: list[str] | None, *, wait: bool, **how: bool
) -> NoReturn:
    from vmops.cli import several

    several.answer(several.of_mine(names, file, pairs, verb=verb, **how), lambda each: each.power(verb, wait=wait))
