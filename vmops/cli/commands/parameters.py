"""The commands about a VM's parameters: params, set, show, lock, get; and check."""

from pathlib import Path
from typing import Annotated

import typer

from vmops.cli.commands.vm import DryRun, Json, Name, Pairs, Wait, app, examples, session

Changes = Annotated[list[str] | None, typer.Argument(metavar="NAME=VALUE...", help="Parameters that change.")]
Unset = Annotated[
    list[str] | None, typer.Option("--unset", metavar="NAME", help="Back to its default; may be repeated.")
]
Sure = Annotated[bool, typer.Option("--yes", metavar="", help="Replace the VM or detach its disks without asking.")]
Given = Annotated[bool, typer.Option("--params", metavar="", help="Show the given parameters, as --params reads them.")]
Metrics = Annotated[bool, typer.Option("--metrics", metavar="", help="Print the metrics of a trial's VM, as CSV.")]
Output = Annotated[Path | None, typer.Option("--output", metavar="FILE", help="Write to this file, not to stdout.")]
Key = Annotated[str | None, typer.Argument(metavar="[KEY]", help="Print only this value, as in publicIp.")]


@app.command("params", epilog=examples("params", "params exp1", "params exp1 --json"))
def params(name: Name = None, pairs: Pairs = None, as_json: Json = False) -> None:
    """List all parameters with type, default and meaning; for a VM, with the values of its last request."""
    from vmops.cli import vm_parameters

    vm_parameters.parameters(session(name, None, pairs, as_json))


@app.command("set", epilog=examples("set exp1 vmSize=Standard_D8s_v5 --wait", "set exp1 --unset dataDisks --dry-run"))
def set_params(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The VM's name.")],
    changes: Changes = None,
    unset: Unset = None,
    pairs: Pairs = None,
    wait: Wait = False,
    dry_run: DryRun = False,
    yes: Sure = False,
    as_json: Json = False,
) -> None:
    """Change only these parameters of a VM; -p options identify the VM, as for every verb."""
    from vmops.cli import queries
    from vmops.spec.unknown import refuse
    from vmops.spec.vm_spec import VmSpec

    refuse(unset or [], VmSpec.parameters())
    called = session(name, None, [*(pairs or []), *(changes or [])], as_json)
    if dry_run:
        queries.preview(called, same=True, unset=unset or ())
    else:
        called.provision(wait=wait, replace=yes, same=True, unset=unset or ())()


@app.command(epilog=examples("show exp1 --params > exp1.yaml", "show exp1 --params --json"))
def show(
    name: Name = None,
    pairs: Pairs = None,
    given: Given = False,
    as_json: Json = False,
) -> None:
    """Show the parameters of a VM's last request, without secrets, as a file that --params reads."""
    from vmops.cli import vm_parameters

    if not given:
        raise typer.BadParameter("it is required", param_hint="--params")
    vm_parameters.given(session(name, None, pairs, as_json))


@app.command("lock", epilog=examples("lock exp1 > exp1.lock.yaml", "lock exp1 --output exp1.lock.yaml"))
def lock_file(name: Name = None, pairs: Pairs = None, output: Output = None) -> None:
    """Write the lock file of a VM: what it was really made from, for `vmops provision --lock`."""
    from vmops.cli import vm_parameters

    vm_parameters.lock_file(session(name, None, pairs, False), output)


@app.command(epilog=examples("get exp1", "get exp1 publicIp", "get exp1 --json", "get exp1 --metrics > metrics.csv"))
def get(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The VM's name.")],
    key: Key = None,
    pairs: Pairs = None,
    as_json: Json = False,
    metrics: Metrics = False,
) -> None:
    """Print the result of a provisioned VM, as a wait returns it: addresses, login, or one value."""
    from vmops.cli import vm_parameters

    if metrics:
        vm_parameters.metrics(session(name, None, pairs, as_json))
        return
    vm_parameters.result(session(name, None, pairs, as_json), key)


@app.command(epilog=examples("check", "check --json"))
def check(as_json: Json = False) -> None:
    """Check everything that a VM needs: engine, login, subscription, providers, clock; exit with 1 if one fails."""
    from vmops.cli import vm_parameters

    vm_parameters.check(session(None, None, None, as_json))
