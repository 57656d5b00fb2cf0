"""The commands that repair a VM: cancel, recover, export and adopt."""

from pathlib import Path
from typing import Annotated

import typer

from vmops.cli.commands.vm import DryRun, File, Json, Name, Names, Pairs, Yes, answer, app, examples, session

BreakLock = Annotated[
    bool,
    typer.Option(
        "--break-lock", metavar="", help="Delete the engine's lock; use it only if you know that its holder is dead."
    ),
]


@app.command(epilog=examples("cancel exp1"))
def cancel(names: Names = None, file: File = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """End the deployment in flight. Calling the same verb again continues it."""
    answer(names, file, pairs, as_json, lambda each: each.cancel)


@app.command(epilog=examples("recover exp1 --dry-run", "recover exp1", "recover exp1 --break-lock"))
def recover(
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    as_json: Json = False,
    dry_run: DryRun = False,
    break_lock: BreakLock = False,
    yes: Yes = False,
) -> None:
    """Repair what a dead deployment left: records, locks and the engine's state; nothing in the cloud."""
    called = session(name, file, pairs, as_json)
    if break_lock and not (dry_run or yes):
        called.confirm_break()
    called.recover(dry_run=dry_run, break_lock=break_lock)


@app.command(epilog=examples("export exp1 ./exp1", "export exp1 ./exp1 --hand-over"))
def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The VM's name.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty directory.")],
    pairs: Pairs = None,
    as_json: Json = False,
    hands_over: Annotated[
        bool, typer.Option("--hand-over", metavar="", help="Hand the VM over to pulumi, after asking.")
    ] = False,
    yes: Yes = False,
) -> None:
    """Write a VM's Pulumi project, state and passphrase into a directory, as a copy for use with pulumi."""
    called = session(name, None, pairs, as_json)
    if hands_over and not yes:
        called.confirm_hand_over()
    called.export(directory, hands_over=hands_over)


@app.command(epilog=examples("adopt exp1 --dry-run", "adopt exp1", "adopt exp1 --yes"))
def adopt(
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    as_json: Json = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Put your tags back on resources of a VM that have lost them, after asking."""
    called = session(name, file, pairs, as_json)
    if not (dry_run or yes):
        called.confirm_adoption()
    called.adopt(dry_run=dry_run)
