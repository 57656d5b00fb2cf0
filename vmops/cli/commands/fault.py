"""``vmops local fault``: let the local Azure fail as Azure does, with a command for each fault."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from vmops.cli import console
from vmops.core.errors import SpecError
from vmops.core.settings import Settings
from vmops.core.state_dir import local_home
from vmops.local import inspection
from vmops.local.arm.faults.catalogue import FAULTS, IN_GUESTS, INCIDENTS, REPLICA_LAG
from vmops.local.arm.faults.effects import InGuest, Lag
from vmops.local.arm.faults.rule import Rule

_API_VERSION = "2024-07-01"
_MACHINE = "Microsoft.Compute/virtualMachines"

app = typer.Typer(help="Let the local Azure fail as the real one does.", no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value on stdout.")]
Vm = Annotated[str, typer.Option("--vm", metavar="VM", help="The name of the affected VM; default: any.")]
TheVm = Annotated[str, typer.Option("--vm", metavar="VM", help="The affected VM: its name or ARM id.")]
Nth = Annotated[int | None, typer.Option(min=1, help="Strike this matching call, counted from 1.")]
Times = Annotated[int | None, typer.Option(min=1, help="Strike this many calls, from the first or from --nth on.")]
Refusals = Annotated[int | None, typer.Option("--times", min=1, help="Refuse this many connections; default: all.")]
After = Annotated[int, typer.Option(min=1, help="Cut the connection after this many bytes, with the protocol's own.")]
Share = Annotated[float | None, typer.Option(min=0, max=1, help="Strike this fraction of the calls, chosen by --seed.")]
Seconds = Annotated[float, typer.Option(min=0.001, help="How far the replica lags, in Azure's seconds.")]
Seed = Annotated[int, typer.Option(help="The seed of the share: the same seed strikes the same calls.")]


@app.command("list", epilog="Example: vmops local fault list --json")
def list_faults(as_json: Json = False) -> None:
    """List the active faults, in the order in which they are tried."""
    _show(inspection.listed(_state_dir(), "faults"), as_json=as_json)


@app.command(epilog="Example: vmops local fault clear")
def clear(as_json: Json = False) -> None:
    """Clear all faults; stuck operations go on."""
    if inspection.listed(_state_dir(), "resources") or inspection.listed(_state_dir(), "faults"):
        inspection.ask(_state_dir(), "PUT", "faults", [])
    _show([], as_json=as_json)


_LAG = "replica-lag"


@app.command(
    _LAG,
    help=f"{REPLICA_LAG.about}\n\nSource: {REPLICA_LAG.source}",
    epilog=f"Example: vmops local fault {_LAG} --seconds 30 --share 0.5",
)
def replica_lag(seconds: Seconds = 30, share: Share = None, seed: Seed = 0, as_json: Json = False) -> None:
    """Activate replica lag, after the active faults."""
    _add(REPLICA_LAG.rule(_LAG, share=share, seed=seed, effect=Lag(seconds=seconds)), as_json=as_json)


def _add(rule: Rule, *, as_json: bool) -> None:
    rules = [*inspection.ask(_state_dir(), "GET", "faults"), rule.plain()]
    _show(inspection.ask(_state_dir(), "PUT", "faults", rules), as_json=as_json)


def _fault(name: str) -> Callable[..., None]:
    """Give the command that activates a fault, after the active ones."""

    def put(
        vm: Vm = "*",
        nth: Nth = None,
        times: Times = None,
        share: Share = None,
        seed: Seed = 0,
        as_json: Json = False,
    ) -> None:
        _add(FAULTS[name].rule(name, vm, nth=nth, times=times, share=share, seed=seed), as_json=as_json)

    return put


def _in_guest(name: str) -> Callable[..., None]:
    """Give the command that activates a fault inside VMs, after the active ones."""

    def put(vm: Vm = "*", as_json: Json = False) -> None:
        _add(IN_GUESTS[name].rule(name, vm), as_json=as_json)

    def put_refusals(vm: Vm = "*", times: Refusals = None, as_json: Json = False) -> None:
        _add(IN_GUESTS[name].rule(name, vm, times=times), as_json=as_json)

    def put_cut(vm: Vm = "*", after: After = 10_000, as_json: Json = False) -> None:
        _add(IN_GUESTS[name].rule(name, vm, effect=InGuest(after=after)), as_json=as_json)

    return {"ssh-refused": put_refusals, "ssh-cut": put_cut}.get(name, put)


def _incident(name: str) -> Callable[..., None]:
    """Give the command that does once what another user of Azure might do."""

    def act(vm: TheVm, as_json: Json = False) -> None:
        incident, vm_id = INCIDENTS[name], _id_of(vm)
        path = f"{vm_id}{incident.step}?api-version={_API_VERSION}"
        inspection.send(_state_dir(), incident.method, path, incident.body or None)
        if as_json:
            console.print_json({"name": name, "id": vm_id})
        else:
            console.out.print(f"{name}: {vm_id}", markup=False)

    return act


def _id_of(vm: str) -> str:
    """Find a VM by its name or id. Raises: SpecError if there is none, or there are several."""
    found = [
        str(each["id"])
        for each in inspection.listed(_state_dir(), "resources")
        if each["type"] == _MACHINE and vm.lower() in (each["name"].lower(), each["id"].lower())
    ]
    if len(found) != 1:
        rule = f"several have that name, so give the id of one: {', '.join(found)}" if found else "there is no such VM"
        raise SpecError(f"--vm: {vm!r}: {rule}")
    return found[0]


def _show(rules: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        console.print_json(rules)
    elif rules:
        rows = [
            [each.get("name", ""), each.get("path", "*"), ",".join(each.get("verbs", ())), _when(each)]
            for each in rules
        ]
        console.columns(["NAME", "PATH", "VERBS", "STRIKES"], rows)
    else:
        console.out.print("no faults")


def _when(rule: dict[str, Any]) -> str:
    first, times = rule.get("nth"), rule.get("times")
    which = f"{times or 1} from call {first} on" if first else f"the first {times}" if times else "every call"
    return f"{which}, a share of {rule['share']}" if "share" in rule else which


def _state_dir() -> Path:
    return local_home(Settings().state_dir)


for _name, _known in FAULTS.items():
    _help = f"{_known.about}\n\nSource: {_known.source}"
    app.command(_name, help=_help, epilog=f"Example: vmops local fault {_name} --vm exp1 --times 1")(_fault(_name))
for _name, _known in IN_GUESTS.items():
    _help = f"{_known.about}\n\nSource: {_known.source}"
    app.command(_name, help=_help, epilog=f"Example: vmops local fault {_name} --vm exp1")(_in_guest(_name))
for _name, _happening in INCIDENTS.items():
    app.command(_name, help=_happening.about, epilog=f"Example: vmops local fault {_name} --vm exp1")(_incident(_name))
