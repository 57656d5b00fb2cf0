"""Shows lists of VMs, and the history of deployments."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from vmops.cli.console import aligned, columns, duration, hourly, instant, note, out, print_json, spent, warn
from vmops.core.times import parse_utc
from vmops.jobs.operation import HANDED_OVER, Operation
from vmops.ops.listing import Listing
from vmops.ops.spent import of_all
from vmops.ops.standing import PROVISIONED

_HEADER = ("NAME", "POWER", "SIZE", "PLACE", "IP", "PRICE", "SPENT", "AGE", "EXPIRES", "OWNER")


def listed(found: Listing, *, as_json: bool) -> None:
    """Show VMs, a row each, and warn about queries that failed."""
    for failure in found.unread:
        warn(f"Azure did not answer, so the list is from this host's records: {failure}")
    if as_json:
        return print_json(found.as_dict())
    if found.vms:
        columns(_HEADER, _rows(found.vms))
    return note(_note(found)) if _note(found) else None


def lines(found: Listing) -> list[str]:
    """Give the list as lines, for a screen that is updated."""
    notes = [*(f"warning: {each}" for each in found.unread), _note(found)]
    rows = _rows(found.vms)
    return [*(aligned(_HEADER, rows, out.width) if rows else ()), *filter(None, notes)]


def history(operations: Sequence[Operation], *, as_json: bool) -> None:
    """Show deployments, a row each."""
    if as_json:
        return print_json([each.as_dict() for each in operations])
    if not operations:
        return note("this host has no record of a deployment")
    rows = [
        (each.vm_name, str(each.verb), str(each.state), instant(each.created), _took(each), each.owner, _why(each))
        for each in operations
    ]
    return columns(("NAME", "VERB", "STATE", "ASKED", "TOOK", "BY", "WHY"), rows)


def _note(found: Listing) -> str:
    """Say how many VMs are not listed, or that there are none; '' if all are."""
    if found.hidden:
        return f"{found.hidden} more {'is' if found.hidden == 1 else 'are'} gone (--all lists them)"
    return "" if found.vms else "no VMs are known"


def _rows(vms: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Give a row for each VM, and one for each fleet: a column in which its members differ is empty."""
    stacks: dict[str, list[Mapping[str, Any]]] = {}
    for each in vms:
        stacks.setdefault(each["stack"], []).append(each)
    return [_of_fleet(those) if those[0]["member"] is not None else _row(those[0]) for those in stacks.values()]


def _of_fleet(vms: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    rows = [_row(each) for each in vms]
    running = sum(each["power"] == "running" and each["standing"] == PROVISIONED for each in vms)
    alike = (each[0] if len({*each}) == 1 else "" for each in zip(*rows, strict=True))
    name, _, size, place, _, price, _, age, *rest = alike
    cost = spent(of_all(each["spentSoFar"] for each in vms))
    return name, f"{running}/{len(vms)} running", size, place, "", f"{price} each" if price else "", cost, age, *rest


def _row(vm: Mapping[str, Any]) -> tuple[str, ...]:
    place = "/".join(filter(None, (vm["location"], vm["zone"])))
    age = duration(time.time() - vm["created"]) if vm["created"] else ""
    address = vm["publicIp"] or vm["privateIp"] or ""
    return (
        *(vm["vmName"], _power(vm), vm["vmSize"] or "", place, address, _price(vm)),
        *(spent(vm["spentSoFar"]), age, _left(vm["expiresAt"]), vm["owner"] or ""),
    )


def _price(vm: Mapping[str, Any]) -> str:
    """Give the price of a VM's compute; '' if it is unknown, or if the VM is deallocated and costs nothing."""
    deallocated = vm["power"] == "deallocated"
    return "" if deallocated else hourly(vm["pricePerHour"], made_up=vm["cloud"] == "local")


def _power(vm: Mapping[str, Any]) -> str:
    """Give a VM's state: only its power state if it is provisioned."""
    if vm["standing"] == PROVISIONED:
        return vm["power"] or PROVISIONED
    return f"{vm['power']}, {vm['standing']}" if vm["power"] else str(vm["standing"])


def _left(expires_at: str | None) -> str:
    if not expires_at:
        return ""
    left = parse_utc(expires_at) - time.time()
    return f"in {duration(left)}" if left > 0 else f"{duration(-left)} ago"


def _took(operation: Operation) -> str:
    return duration(operation.seconds) if operation.over else ""


def _why(operation: Operation) -> str:
    """Say why an operation failed, or to which directory it has handed the VM over."""
    if directory := operation.outputs.get(HANDED_OVER):
        return f"handed over: {directory}"
    return f"{operation.failure.kind}: {' '.join(operation.failure.message.split())}" if operation.failure else ""
