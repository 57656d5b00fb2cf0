"""The commands that only show: one VM, all of them, and what was done."""

from typing import Annotated

import typer

from vmops.cli.commands.vm import File, Json, Name, Names, Pairs, answer, app, examples, session

Everything = Annotated[bool, typer.Option("--all", metavar="", help="List those that are gone, too.")]
AllOwners = Annotated[bool, typer.Option("--all-owners", metavar="", help="List everybody's VMs.")]
Watched = Annotated[bool, typer.Option("--watch", metavar="", help="Show the list again and again, on a terminal.")]
Follow = Annotated[bool, typer.Option("-f", "--follow", metavar="", help="Go on until the deployment is over.")]


@app.command(epilog=examples("status exp1", "status exp1 exp2", "status exp1 --json"))
def status(names: Names = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """Show a VM: the last request, how it ended, what Azure says now, and what to do next."""
    from vmops.cli import looks

    answer(names, file, pairs, as_json, lambda each: each.shown(looks.status))


@app.command("list", epilog=examples("list", "list --watch", "list -p resourceGroup=lab", "list --all-owners --json"))
def list_vms(
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    everything: Everything = False,
    all_owners: AllOwners = False,
    watch: Watched = False,
    as_json: Json = False,
) -> None:
    """List your VMs as Azure reports them now, whichever host made them: all, or those that the parameters mean.

    VMs that are queued or failed come from the records of this host, which also stand in if Azure does not answer.
    """
    from vmops.cli import looks

    called = session(name, file, pairs, as_json)
    looks.list_vms(called, watch=watch, all_owners=all_owners, gone=everything)


@app.command(epilog=examples("diff exp1", "diff exp1 --json"))
def diff(names: Names = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """Show how a VM differs from your last request, and what others have added."""
    from vmops.cli import looks

    answer(names, file, pairs, as_json, lambda each: each.shown(looks.diff))


@app.command(epilog=examples("history", "history exp1 --json"))
def history(name: Name = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """List every deployment that this host has a record of, the newest first; parameters limit the list."""
    from vmops.cli import looks

    looks.history(session(name, file, pairs, as_json))


@app.command(epilog=examples("timeline exp1", "timeline exp1 --json"))
def timeline(name: Name = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """Show where the time of a VM's newest deployment went: the queue, each resource, the checks."""
    from vmops.cli import looks

    looks.timeline(session(name, file, pairs, as_json))


@app.command(epilog=examples("logs exp1", "logs exp1 -f", "logs exp1 --json"))
def logs(
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    follow: Follow = False,
    as_json: Json = False,
) -> None:
    """Show the log of the worker of a VM's newest deployment; with -f and --json, an object a line."""
    from vmops.cli import looks

    looks.logs(session(name, file, pairs, as_json), follow=follow)
