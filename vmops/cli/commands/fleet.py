"""The commands for fleets: scale, and replace one VM."""

from typing import Annotated

import typer

from vmops.cli.commands.vm import DryRun, Json, Pairs, Wait, app, examples, session

Fleet = Annotated[str, typer.Argument(metavar="NAME", help="The fleet's name.")]
Count = Annotated[int, typer.Argument(metavar="N", help="The new number of VMs.")]
Number = Annotated[int, typer.Option("--member", metavar="K", help="The number of the VM.")]


@app.command(epilog=examples("scale exp1 20 --wait", "scale exp1 4 --dry-run"))
def scale(
    name: Fleet,
    count: Count,
    pairs: Pairs = None,
    wait: Wait = False,
    as_json: Json = False,
    dry_run: DryRun = False,
) -> None:
    """Change the number of VMs in a fleet: VMs that do not run are removed first, then the highest numbers."""
    from vmops.cli import queries

    called = session(name, None, [*(pairs or []), f"vmCount={count}"], as_json)
    if dry_run:
        queries.preview(called, same=True)
    else:
        called.provision(wait=wait, replace=True, same=True)()


@app.command(epilog=examples("replace exp1 --member 3 --wait"))
def replace(name: Fleet, member: Number, pairs: Pairs = None, wait: Wait = False, as_json: Json = False) -> None:
    """Replace one VM of a fleet, with new disks; the others stay as they are."""
    session(name, None, [*(pairs or []), f"member={member}"], as_json).replace(wait=wait)()
