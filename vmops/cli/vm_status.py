"""Shows one VM: its state, the reason, and the next command."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.markup import escape

from vmops.azure.guests import NONE
from vmops.cli.console import duration, fields, hourly, moment, out, spent
from vmops.cli.progress import Step
from vmops.core.failures import Failure
from vmops.ops.standing import PROVISIONED
from vmops.ops.suggest import follow_up_command, provision_command, shell_command
from vmops.protocol import Params


def status(report: Mapping[str, Any], params: Params, *, doing: Sequence[Step], ssh: str) -> None:
    """Show one VM: the last request and its author, the state in Azure, failures, and the next command.

    ``report`` is the result of `VMOps.status`, ``doing`` the steps in flight, ``ssh`` the login command.
    """
    operation, machine = report["operation"] or {}, report["machine"] or {}
    standing = (report["standing"] if operation else None) or "this host has no record of a deployment"
    out.print(f"[bold]{escape(report['vmName'])}[/]: {standing}, {_in_azure(report)}")
    outputs = operation.get("outputs", {})
    fields(
        {
            "asked": operation and f"{operation['verb']} by {operation['owner']}, {moment(operation['created'])}",
            "ended": operation and _ended(operation),
            "doing": ", ".join(f"{each.resource} {each.operation}, {moment(each.since)}" for each in doing),
            "why": _why(operation.get("failure")),
            "earlier": _why(report["lastFailure"] if report["lastFailure"] != operation.get("failure") else None),
            "azure": machine and _seen(machine),
            "fleet": _fleet(report),
            "price": _price(report),
            "spent": _spent(report),
            "whose": _whose(report),
            "drift": "; ".join(report["drift"]),
            "added": "; ".join(f"{each}, not ours" for each in report["notOurs"]),
            "group": operation and f"{operation['resourceGroup']} on {operation['cloud']}",
            "address": ", ".join(outputs[name] for name in ("publicIp", "privateIp", "fqdn") if outputs.get(name)),
            "ssh": ssh,
            "inside": _inside(report["guest"] or {}),
            "expires": moment(operation["expires"]) if operation.get("expires") else "",
            "portal": machine and report["portal"],
            "next": _next(report, params),
        }
    )


def _in_azure(report: Mapping[str, Any]) -> str:
    if report["machine"]:
        return _power(report["machine"])
    return f"{report['ready']} of {report['asked']} VMs run" if "members" in report else "no such VM in Azure"


def _fleet(report: Mapping[str, Any]) -> str:
    """Say how many VMs of a fleet run, and why the others do not; '' for a single VM."""
    if "members" not in report:
        return ""
    missing = "; ".join(f"{each['name']}: {each['message']}" for each in report["missing"])
    return f"{report['ready']} of {report['asked']} run{'; ' if missing else ''}{missing}"


def _ended(operation: Mapping[str, Any]) -> str:
    if operation["ended"]:
        return f"{operation['state']} after {duration(operation['seconds'])}"
    where = f", process {operation['pid']} on {operation['host']}" if operation["pid"] else ""
    return f"not yet{where}"


def _why(failure: Mapping[str, Any] | None) -> str:
    """Write a failure with its resource, its next step, and since when it lasts; '' for none."""
    if not failure:
        return ""
    found = Failure.from_dict(dict(failure))
    return f"{found}; since {moment(found.since)}" if found.since else str(found)


def _seen(machine: Mapping[str, str]) -> str:
    """Write the state of a VM in Azure. Source: Azure documentation, states and billing: a stopped VM still costs."""
    costs = ", its compute is still paid for" if machine["power"] == "stopped" else ""
    return f"{_power(machine)}{costs}, {machine['vmSize']}, provisioning {machine['provisioning']}"


def _inside(guest: Mapping[str, str]) -> str:
    """Say what runs inside a VM of the local Azure; '' for a real cloud."""
    if guest.get("kind") == NONE:
        return f"nothing: {guest['why']}"
    return ", ".join(filter(None, (guest.get("state"), guest.get("why"))))


def _price(report: Mapping[str, Any]) -> str:
    """Write the price of its compute with the date of publication; a deallocated VM does not pay it."""
    cost = hourly(report["pricePerHour"], made_up=report.get("priceSource") == "local")
    if not cost:
        return ""
    paid = "not paid while it is deallocated" if report["machine"]["power"] == "deallocated" else "compute alone"
    return f"{cost}, {paid}, as of {report['priceAsOf']}"


def _spent(report: Mapping[str, Any]) -> str:
    """Write what its compute has cost at most, as if it had always run since it was made."""
    cost = spent(report["spentSoFar"])
    return f"{cost} so far, compute alone" if cost else ""


def _whose(report: Mapping[str, Any]) -> str:
    """Name our resources without a VM, and the resources that are not ours and stay when the VM is removed."""
    machine, found = report["machine"], report["resources"]
    if machine and machine["whose"] != "ours":
        command = shell_command("adopt", {"vmName": report["vmName"]})
        return f"{machine['whose']} by its tags: it is not changed, removed or swept; {command} shows the tags"
    names = [arm_id.rpartition("/")[2] for arm_id in found["ours"]] if not (machine or report.get("members")) else []
    kept = [arm_id.rpartition("/")[2] for whose in ("another's", "unproven") for arm_id in found[whose]]
    notes = [
        f"{', '.join(names)} left, and still paid for" if names else "",
        f"not ours: {', '.join(kept)}" if kept else "",
    ]
    return "; ".join(filter(None, notes))


def _power(machine: Mapping[str, str]) -> str:
    return machine["power"] or "power state unknown"


def _next(report: Mapping[str, Any], params: Params) -> str:
    """Give the next command; '' if none is needed, as after a refused call that changed nothing."""
    operation, machine = report["operation"] or {}, report["machine"] or {}
    if report.get("members") and not report["missing"]:
        machine = {"power": "running", **machine}
    provision = provision_command(params, operation.get("given", {}), operation.get("secrets", ()))
    deprovision = shell_command("deprovision", params)
    match operation.get("verb"), operation.get("state"), machine.get("power"):
        case _, "pending" | "running", _:
            return follow_up_command(operation["verb"], params)
        case "provision", "failed", _ if report["standing"] == PROVISIONED:
            return ""
        case "provision", "failed", None:
            return f"{provision}, or {deprovision} to remove what was made"
        case "provision", "failed", _:
            return f"{provision}, or {deprovision} to remove the VM with its disks"
        case "deprovision", "failed", _:
            return deprovision
        case "provision", "succeeded", None if report.get("members"):
            return f"{provision} {_effect(report)}"
        case "provision", "succeeded", None:
            return f"{provision} recreates it, {deprovision} removes what is left"
        case _, _, "stopped" | "deallocated":
            return shell_command("start", params)
    return ""


def _effect(report: Mapping[str, Any]) -> str:
    """Say what a provision does for the members of a fleet that do not run: it starts, makes or repairs them."""
    there = {each["name"]: each["power"] for each in report["members"]}
    missing = [each["name"] for each in report["missing"]]
    stopped = [name for name in missing if there.get(name) in ("stopped", "deallocated")]
    made = [name for name in missing if name not in there]
    tried = [name for name in missing if name not in {*stopped, *made}]
    effects = {"starts": stopped, "makes": made, "repairs": tried}
    return " and ".join(f"{verb} {', '.join(names)}" for verb, names in effects.items() if names)
