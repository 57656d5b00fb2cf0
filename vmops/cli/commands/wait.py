"""The command that waits for a started operation, or for a state."""

from typing import Annotated, Literal

import typer

from vmops.cli.commands.vm import File, Json, Names, Pairs, answer, app, examples


@app.command(
    epilog=examples("wait exp1", "wait exp1 exp2 --gone", "wait exp1 --for ssh", "wait -p asyncResultsUrl=URL")
)
def wait(
    names: Names = None,
    file: File = None,
    pairs: Pairs = None,
    gone: Annotated[bool, typer.Option("--gone", metavar="", help="Wait for the VM to be gone.")] = False,
    condition: Annotated[
        Literal["running", "ssh", "stopped", "gone"] | None,
        typer.Option("--for", help="Wait for the VM to run, to answer by SSH, to stop, or to be gone."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Wait for the VM to be deployed or gone, for the operation of asyncResultsUrl, or for a state."""
    if gone and condition not in (None, "gone"):
        raise typer.BadParameter("--gone and another condition exclude each other", param_hint="--for")
    if condition is not None and condition != "gone":
        from vmops.cli.condition import wait_for

        answer(names, file, pairs, as_json, lambda each: lambda: wait_for(each, condition))
    verb = "deprovision" if gone or condition else "provision"
    answer(names, file, pairs, as_json, lambda each: lambda: each.wait(verb))
