"""What a person reads of a VM: how a verb ended, which VMs there are, and how one of them stands."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from vmops.cli.console import columns, duration, fields, moment, note, out, print_json
from vmops.cli.progress import Step, is_provider
from vmops.core.failures import Failure
from vmops.jobs.operation import Operation, State, Verb
from vmops.ops.suggest import follow_up_command, provision_command, shell_command
from vmops.protocol import Params, Status

_COLOURS = {Status.SUCCEEDED: "green", Status.FAILED: "red", Status.TIMED_OUT: "yellow", Status.PENDING: "cyan"}
_SAID_ELSEWHERE = frozenset({"operation", "verb", "startTime", "endTime", "seconds", "name", "adminUsername", "status"})

_HALVES = frozenset({"create-replacement", "delete-replaced"})
_STAY = frozenset({"keep", "adopt"})
"""Operations that change nothing in Azure."""
"""What the engine tells beside ``replace``. Source: Pulumi documentation, engine events, OpType."""

_STANDING: Mapping[tuple[str, str], str] = {
    (Verb.PROVISION, State.SUCCEEDED): "provisioned",
    (Verb.DEPROVISION, State.SUCCEEDED): "gone",
    (Verb.PROVISION, State.FAILED): "provision failed",
    (Verb.DEPROVISION, State.FAILED): "deprovision failed",
    (Verb.PROVISION, State.PENDING): "provision queued",
    (Verb.DEPROVISION, State.PENDING): "deprovision queued",
}


def answer(status: Status, result: Mapping[str, Any], failure: Failure | None, *, as_json: bool) -> None:
    """Show how a verb ended: as one JSON object, or the status and what a person does next with the result."""
    if as_json:
        why = {"failure": failure.as_dict()} if failure else {}
        return print_json({"status": status.name, "result": dict(result), **why})
    if result.get("left"):
        note(f"left, because it is not ours: {', '.join(result['left'])}")
    took = f" after {duration(result['seconds'])}" if "seconds" in result else ""
    out.print(f"[{_COLOURS.get(status, 'default')}]{status.name}[/]{took}")
    return fields({name: value for name, value in result.items() if name not in _SAID_ELSEWHERE})


def planned(steps: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Show what a provision would do to which resource, a replacement in one step."""
    told = [step for step in steps if not is_provider(step["resource"]) and step["operation"] not in _HALVES]
    adopted = [each for each in told if each["operation"] == "adopt"]
    taken_up = f", and {_counted(adopted, 'resource')} of yours to be taken up, as they are" if adopted else ""
    _changes(told, f"{_counted(_made(told), 'change')} to be made{taken_up}; nothing was changed", as_json=as_json)


def compared(changes: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Show how what there is differs from what was asked for."""
    made = _made(changes)
    said = f"{_counted(made, 'change')} would put it right: provision it with --same" if made else "as it was asked for"
    _changes(changes, said, as_json=as_json)


def _changes(changes: Sequence[Mapping[str, Any]], said: str, *, as_json: bool) -> None:
    """Show changes, the values that differ, and what is lost. Source of the form: `vmops.deploy.changes`."""
    warnings = [
        f"{each['resource']} is made anew, and loses {', '.join(each['loses'])}" for each in changes if each["loses"]
    ]
    if as_json:
        return print_json({"changes": changes, "places": [], "price": None, "warnings": warnings})
    for change in changes:
        out.print(f"{change['operation']:<8} {change['resource']}", markup=False)
        for each in change["properties"]:
            out.print(f"         {each['path']}: {_value(each['from'])} → {_value(each['to'])}", markup=False)
    for each in warnings:
        note(each)
    return note(said)


def _made(changes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in changes if each["operation"] not in _STAY]


def _value(value: Any) -> str:
    if value in (None, ""):
        return "nothing"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def doomed(resources: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Show the ids of what a deprovision would delete."""
    ids = [str(resource["id"]) for resource in resources]
    if as_json:
        return print_json(ids)
    for arm_id in ids:
        out.print(arm_id, markup=False)
    return note(f"{_counted(ids, 'resource')} to be deleted; nothing was changed")


def recovered(found: Mapping[str, Any], *, dry_run: bool, breaks: bool, as_json: bool) -> None:
    """Show what was left of a VM and put right, or would be; the engine's locks are if it ``breaks`` them."""
    if as_json:
        return print_json(found)
    ids = {name: "\n".join(found[name]) for name in ("adopted", "cleared", "foreign")}
    states = {"nothing": "", "lost": "lost; the next provision rebuilds it"}
    fields({"locked by": "\n".join(found["locks"]), "state": states.get(found["state"], found["state"]), **ids})
    done = "would be" if dry_run else "was"
    settled = any(ids.values()) or found["state"] != "nothing" or (breaks and found["locks"])
    if found["locks"] and not breaks:
        note("the engine's lock stays; --break-lock deletes it, if you know that who holds it is dead")
    exist = _counted(found["resources"], "resource")
    return note(f"{exist} of this VM; {f'this {done} settled' if settled else 'nothing was to be settled'}")


def adopted(found: Mapping[str, Any], *, dry_run: bool, as_json: bool) -> None:
    """Show what was taken back, or would be, and what was not, with the tags that each carries."""
    if as_json:
        return print_json(found)
    for whose, tags in ((whose, found[whose]) for whose in ("proven", "unproven", "refused")):
        for arm_id in tags:
            out.print(f"{whose:<8} {arm_id} {dict(tags[arm_id]) or 'without tags'}", markup=False)
    taken = _counted([*found["proven"], *found["unproven"]], "resource")
    return note(f"{taken} {'would be' if dry_run else 'was'} taken back" if taken else "nothing is to be taken back")


def listed(operations: Sequence[Operation], *, hidden: int, as_json: bool) -> None:
    """Show the newest deployment of each VM, a row each; ``hidden`` are not among them."""
    if as_json:
        return print_json([each.as_dict() for each in operations])
    if operations:
        columns(("VM", "STANDS", "SINCE", "BY", "CLOUD", "GROUP"), [_row(each) for each in operations])
    return note(f"{hidden} more are gone (--all lists them)") if hidden else None


def _counted(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _row(operation: Operation) -> tuple[str, ...]:
    stands = _standing(operation.verb, operation.state)
    since = moment(operation.ended or operation.created)
    return operation.vm_name, stands, since, operation.owner, operation.cloud, operation.resource_group


def status(report: Mapping[str, Any], params: Params, *, doing: Sequence[Step], ssh: str) -> None:
    """Show how one VM stands: what was asked and by whom, what Azure says now, what failed and what to do next.

    ``report`` is what `VMOps.status` gives, ``doing`` the steps in flight, ``ssh`` the command that logs in.
    """
    operation, machine = report["operation"] or {}, report["machine"] or {}
    stands = _standing(operation["verb"], operation["state"]) if operation else "no deployment is recorded on this host"
    out.print(f"[bold]{escape(report['vmName'])}[/]: {stands}, {_power(machine) if machine else 'no such VM in Azure'}")
    outputs = operation.get("outputs", {})
    fields(
        {
            "asked": operation and f"{operation['verb']} by {operation['owner']}, {moment(operation['created'])}",
            "ended": operation and _ended(operation),
            "doing": ", ".join(f"{each.resource} {each.operation}, {moment(each.since)}" for each in doing),
            "why": _why(operation.get("failure")),
            "earlier": _why(report["lastFailure"] if report["lastFailure"] != operation.get("failure") else None),
            "azure": machine and _seen(machine),
            "whose": _whose(report),
            "drift": "; ".join(report["drift"]),
            "added": "; ".join(f"{each}, not ours" for each in report["notOurs"]),
            "group": operation and f"{operation['resourceGroup']} on {operation['cloud']}",
            "address": ", ".join(outputs[name] for name in ("publicIp", "privateIp", "fqdn") if outputs.get(name)),
            "ssh": ssh,
            "expires": moment(operation["expires"]) if operation.get("expires") else "",
            "next": _next(operation, machine, params),
        }
    )


def _standing(verb: str, state: str) -> str:
    """Say in a word or two how a VM stands by its newest deployment."""
    return _STANDING.get((verb, state), f"{verb} in flight")


def _ended(operation: Mapping[str, Any]) -> str:
    if operation["ended"]:
        return f"{operation['state']} after {duration(operation['seconds'])}"
    where = f", process {operation['pid']} on {operation['host']}" if operation["pid"] else ""
    return f"not yet{where}"


def _why(failure: Mapping[str, Any] | None) -> str:
    """Say what failed, of which resource, what to do next, and since when it is so."""
    if not failure:
        return ""
    found = Failure.from_dict(dict(failure))
    return f"{found}; since {moment(found.since)}" if found.since else str(found)


def _seen(machine: Mapping[str, str]) -> str:
    """Say what Azure says of a VM. Source: Azure documentation, states and billing: a stopped one still costs."""
    costs = ", its compute is still paid for" if machine["power"] == "stopped" else ""
    return f"{_power(machine)}{costs}, {machine['vmSize']}, provisioning {machine['provisioning']}"


def _whose(report: Mapping[str, Any]) -> str:
    """Say what is there beside the VM, or is not ours, and so will not go with it."""
    machine, found = report["machine"], report["resources"]
    if machine and machine["whose"] != "ours":
        command = shell_command("adopt", {"vmName": report["vmName"]})
        return f"{machine['whose']} by its tags: it is neither changed, removed nor swept; {command} tells more"
    names = [arm_id.rpartition("/")[2] for arm_id in found["ours"]] if not machine else []
    kept = [arm_id.rpartition("/")[2] for whose in ("another's", "unproven") for arm_id in found[whose]]
    said = [
        f"{', '.join(names)} still there and paid for" if names else "",
        f"not ours: {', '.join(kept)}" if kept else "",
    ]
    return "; ".join(filter(None, said))


def _power(machine: Mapping[str, str]) -> str:
    return machine["power"] or "power state unknown"


def _next(operation: Mapping[str, Any], machine: Mapping[str, str], params: Params) -> str:
    """Say which call comes next, if one is called for."""
    provision = provision_command(params, operation.get("given", {}), operation.get("secrets", ()))
    deprovision = shell_command("deprovision", params)
    match operation.get("verb"), operation.get("state"), machine.get("power"):
        case _, "pending" | "running", _:
            return follow_up_command(operation["verb"], params)
        case "provision", "failed", None:
            return f"{provision}, or {deprovision} to remove what was made"
        case "provision", "failed", _:
            return f"{provision}, or {deprovision} to remove the VM with all that it has"
        case "deprovision", "failed", _:
            return deprovision
        case "provision", "succeeded", None:
            return f"{provision} makes it anew, {deprovision} removes what is left"
        case _, _, "stopped" | "deallocated":
            return shell_command("start", params)
    return ""
