"""The commands that only show something: status, list, diff, history, timeline and logs."""

from typing import Annotated

import typer

from vmops.cli.commands.vm import File, Json, Name, Names, Pairs, answer, app, examples, session

Everything = Annotated[bool, typer.Option("--all", metavar="", help="Also list VMs that are gone.")]
AllOwners = Annotated[bool, typer.Option("--all-owners", metavar="", help="List the VMs of all owners.")]
Watched = Annotated[bool, typer.Option("--watch", metavar="", help="Update the list until Ctrl-C, on a terminal.")]
Follow = Annotated[
    bool, typer.Option("-f", "--follow", metavar="", help="Follow the log until the deployment is done.")
]


@app.command(epilog=examples("status exp1", "status exp1 exp2", "status exp1 --json"))
def status(names: Names = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """Show a VM: the last request, how it ended, its state in Azure now, and the next command."""
    from vmops.cli import queries

    answer(names, file, pairs, as_json, lambda each: each.shown(queries.status))


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
    """List your VMs as Azure reports them now, from any host: all, or those that the parameters select.

    VMs that are queued or failed come from the records of this host. The records are also used if Azure does not
    answer.
    """
    from vmops.cli import queries

    called = session(name, file, pairs, as_json)
    queries.list_vms(called, watch=watch, all_owners=all_owners, gone=everything)


@app.command(epilog=examples("diff exp1", "diff exp1 --json"))
def diff(names: Names = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """Show how a VM differs from your last request, and what others have added."""
    from vmops.cli import queries

    answer(names, file, pairs, as_json, lambda each: each.shown(queries.diff))


@app.command(epilog=examples("history", "history exp1 --json"))
def history(name: Name = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """List every deployment that this host has a record of, the newest first; parameters limit the list."""
    from vmops.cli import queries

    queries.history(session(name, file, pairs, as_json))


@app.command(epilog=examples("timeline exp1", "timeline exp1 --json"))
def timeline(name: Name = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """Show the timeline of a VM's newest deployment: the queue, each resource, the checks."""
    from vmops.cli import queries

    queries.timeline(session(name, file, pairs, as_json))


@app.command(epilog=examples("logs exp1", "logs exp1 -f", "logs exp1 --json"))
def logs(
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    follow: Follow = False,
    as_json: Json = False,
) -> None:
    """Show the worker's log of a VM's newest deployment; with -f and --json, one object per line."""
    from vmops.cli import queries

    queries.logs(session(name, file, pairs, as_json), follow=follow)
