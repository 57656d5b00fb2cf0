"""The commands for fleets only: scaling one, and replacing one of its members."""

from typing import Annotated

import typer

from vmops.cli.commands.vm import DryRun, Json, Pairs, Wait, app, examples, session

Fleet = Annotated[str, typer.Argument(metavar="NAME", help="The fleet's name.")]
Count = Annotated[int, typer.Argument(metavar="N", help="How many VMs it is to have.")]
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
    """Give a fleet more VMs, or fewer: first those go that do not run, then those with the highest numbers."""
    from vmops.cli import looks

    called = session(name, None, [*(pairs or []), f"vmCount={count}"], as_json)
    if dry_run:
        looks.preview(called, same=True)
    else:
        called.provision(wait=wait, replace=True, same=True)()


@app.command(epilog=examples("replace exp1 --member 3 --wait"))
def replace(name: Fleet, member: Number, pairs: Pairs = None, wait: Wait = False, as_json: Json = False) -> None:
    """Make one VM of a fleet anew, with new disks; the others stay as they are."""
    session(name, None, [*(pairs or []), f"member={member}"], as_json).replace(wait=wait)()
