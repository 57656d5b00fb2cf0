"""The commands for the lifetime of VMs: run, extend and sweep."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from vmops.cli.commands.runner import Runner, other_command
from vmops.cli.commands.vm import DryRun, File, Json, Name, Pairs, app, examples

_FAILED, _INTERRUPTED = 125, 130
"""Exit codes of a program that runs another. Source: GNU coreutils manual, ``env``; bash manual, exit status."""

Keep = Annotated[bool, typer.Option("--keep-on-error", help="Keep the VM for its ttl if the command fails.")]
TakeOver = Annotated[
    bool, typer.Option("--take-over", help="Take over a VM of that name from its holder; it is removed at the end.")
]
OnTheVm = Annotated[bool, typer.Option("--on-vm", help="Run the command in the VM, not here.")]
Send = Annotated[Path | None, typer.Option("--send", metavar="DIR", help="Send a directory to the VM first, as ~/run.")]
Fetch = Annotated[
    list[str] | None,
    typer.Option("--fetch", metavar="REMOTE[:LOCAL]", help="Fetch it from ~/run afterwards; may be repeated."),
]
Ttl = Annotated[
    str | None, typer.Argument(metavar="TTL", help='From now on: seconds, or "90m", "2h", "1d"; short for -p ttl=TTL.')
]


@app.command(
    cls=Runner,
    epilog=examples(
        "run exp1 -p vmSize=Standard_D4s_v5 -p ttl=4h -- ./experiment.sh --trials 3",
        "run exp1 -p ttl=4h --on-vm --send ./bench --fetch results:./results -- ./run.sh",
    ),
)
def run(
    context: typer.Context,
    name: Name = None,
    file: File = None,
    pairs: Pairs = None,
    keep_on_error: Keep = False,
    take_over: TakeOver = False,
    on_vm: OnTheVm = False,
    send: Send = None,
    fetch: Fetch = None,
) -> None:
    """Run a command that has a VM while it runs; the VM is always removed afterwards.

    The command has the VM's address in VMOPS_HOST, the login command in VMOPS_SSH, the address of SSH in VMOPS_SSH_HOST
    and VMOPS_SSH_PORT, and in VMOPS_OUTPUTS the path of a JSON file with the result of the provision. With --on-vm it
    runs in the VM, in ~/run. The exit code is the command's own; it is 125 if the VM could not be made, reached or
    removed, or something could not be fetched, and 126 or 127 if the command could not be run.
    """
    from vmops.spec.parameters import read_params

    command = other_command(context)
    if not command:
        raise typer.BadParameter("it is needed, after --", param_hint="COMMAND")
    if (send or fetch) and not on_vm:
        raise typer.BadParameter("--send and --fetch need it", param_hint="--on-vm")
    if send and not send.is_dir():
        raise typer.BadParameter(f"{str(send)!r} is no directory", param_hint="--send")
    params = {"vmName": f"run-{secrets.token_hex(4)}", **read_params(name, file, pairs or [])}
    inside = (send, fetch or []) if on_vm else None
    raise typer.Exit(_run(params, command, inside, keep_on_error=keep_on_error, take_over=take_over))


@app.command(epilog="$ vmops extend exp1 2h")
def extend(
    name: Name = None,
    ttl: Ttl = None,
    file: File = None,
    pairs: Pairs = None,
    as_json: Json = False,
) -> None:
    """Let a VM expire in TTL from now, instead of when it would have."""
    from vmops.cli import reports
    from vmops.cli.console import moment
    from vmops.cli.session import open_session
    from vmops.core.errors import SpecError
    from vmops.protocol import Status
    from vmops.spec.parameters import read_params

    given = read_params(None, file, pairs or [])
    if ttl is None and "vmName" in given:
        name, ttl = None, name
    session = open_session(name, file, pairs or [], as_json=as_json)
    if (ttl := ttl or given.get("ttl")) is None:
        raise SpecError("ttl: is required")
    status, result = session.ops.extend(session.params, ttl)
    failed = status is Status.FAILED
    shown = result if as_json or failed else {"expires": moment(result["expires"])}
    reports.answer(status, shown, session.ops.last_failure(session.params) if failed else None, as_json=as_json)
    raise typer.Exit(1 if failed else 0)


@app.command(epilog="$ vmops sweep --dry-run\n\n$ vmops sweep --json\n\n$ vmops sweep --orphans")
def sweep(
    dry_run: DryRun = False,
    as_json: Json = False,
    orphans: Annotated[bool, typer.Option("--orphans", help="Also remove what is left of VMs that are gone.")] = False,
) -> None:
    """Remove every VM of yours whose ttl is over, also VMs without a record on this host.

    Expired VMs of other owners are only reported. Resources with your tags but without a VM are only reported, unless
    --orphans is given. The exit code is 1 if something could not be removed or searched.
    """
    from vmops.cli import console
    from vmops.cli.session import route_library_logs
    from vmops.cli.subscription import with_subscription
    from vmops.leases.sweep import sweep as swept
    from vmops.ops.api import VMOps

    route_library_logs()
    try:
        found = swept(with_subscription(VMOps(), {}), dry_run=dry_run, orphans=orphans)
    except KeyboardInterrupt:
        console.complain("interrupted, but the removals that were started go on")
        raise typer.Exit(_INTERRUPTED) from None
    if as_json:
        console.print_json(found.as_dict())
    elif found.swept:
        rows = [(each.lifetime.identity.vm_name, each.lifetime.owner, str(each.outcome)) for each in found.swept]
        console.columns(("VM", "OWNER", "OUTCOME"), rows)
    else:
        console.note("no VM has expired")
    for failure in found.unsearched:
        console.complain(str(failure))
    raise typer.Exit(0 if found.clean else 1)


def _run(
    params: dict[str, Any], command: list[str], inside: tuple[Path | None, Sequence[str]] | None, **how: Any
) -> int:
    from vmops.cli import console
    from vmops.cli.errors import account
    from vmops.cli.foreground import run_if_there
    from vmops.cli.on_vm import OnVm
    from vmops.cli.run import run as run_with_vm
    from vmops.cli.session import route_library_logs
    from vmops.cli.subscription import in_subscription
    from vmops.core.errors import CloudError, OperationFailed, ProvisionError

    route_library_logs()
    params = in_subscription(params)
    try:
        if inside:
            return run_with_vm({"waitFor": "ssh", **params}, command, on_vm=OnVm(*inside), **how)
        return run_if_there(command, lambda: run_with_vm(params, command, **how))
    except (ProvisionError, OperationFailed, CloudError) as error:
        console.complain("; ".join(account(error)[0]))
        return _FAILED
    except KeyboardInterrupt:
        console.complain(f"interrupted; {params['vmName']} is removed, or is being removed")
        return _INTERRUPTED
