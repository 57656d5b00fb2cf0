"""Shows a verb's answer, its dry run, and what it has repaired."""

from collections.abc import Mapping, Sequence
from typing import Any

from vmops.cli.console import duration, fields, hourly, note, out, print_json, warn
from vmops.core.failures import Failure
from vmops.ops.timeline import is_provider
from vmops.protocol import Status

_COLOURS = {Status.SUCCEEDED: "green", Status.FAILED: "red", Status.TIMED_OUT: "yellow", Status.PENDING: "cyan"}
_NOT_LISTED = frozenset(
    {"operation", "verb", "startTime", "endTime", "startedAt", "endedAt", "seconds", "name", "adminUsername", "status"}
    | {"pricePerHour", "currency", "priceSource", "priceAsOf"}
)

_REPLACE_STEPS = frozenset({"create-replacement", "delete-replaced"})
"""Operations that the engine reports beside ``replace``. Source: Pulumi documentation, engine events, OpType."""

_STAY = frozenset({"keep", "adopt"})
"""Operations that change nothing in Azure."""


def answer(status: Status, result: Mapping[str, Any], failure: Failure | None, *, as_json: bool) -> None:
    """Show the answer of a verb: as one JSON object, or as the status and the result for a person."""
    if as_json:
        why = {"failure": failure.as_dict()} if failure else {}
        return print_json({"status": status.name, "result": dict(result), **why})
    if result.get("left"):
        note(f"not removed, because it is not ours: {', '.join(result['left'])}")
    took = f" after {duration(result['seconds'])}" if "seconds" in result else ""
    out.print(f"[{_COLOURS.get(status, 'default')}]{status.name}[/]{took}")
    price = hourly(result.get("pricePerHour"), made_up=result.get("priceSource") == "local")
    shown = {**result, **_members(result), "price": price}
    return fields({name: value for name, value in shown.items() if name not in _NOT_LISTED})


def _members(result: Mapping[str, Any]) -> dict[str, str]:
    """Give the login of each VM of a fleet, and why the others are missing; empty for a single VM."""
    if "members" not in result:
        return {}
    logins = [f"{each['name']}: {each['ssh']}" for each in result["members"]]
    missing = [f"{each['name']}: {each['message']}" for each in result["missing"]]
    return {"members": "; ".join(logins), "missing": "; ".join(missing), "moves": ""}


def planned(
    steps: Sequence[Mapping[str, Any]],
    price: Mapping[str, Any] | None,
    places: Sequence[Mapping[str, Any]] = (),
    *,
    as_json: bool,
) -> None:
    """Show what a provision would do to each resource, a replacement as one step, and what the VM costs."""
    shown = [step for step in steps if not is_provider(step["resource"]) and step["operation"] not in _REPLACE_STEPS]
    adopts = [each for each in shown if each["operation"] == "adopt"]
    adopting = f", and {_counted(adopts, 'resource')} of yours to be adopted unchanged" if adopts else ""
    summary = f"{_counted(_made(shown), 'change')} to be made{adopting}; nothing was changed"
    _changes(shown, summary, as_json=as_json, price=price, places=places)
    if price and not as_json:
        cost = hourly(price["perHour"], made_up=price["source"] == "local")
        subject = f"all {price['vms']} VMs together cost" if "vms" in price else "it costs"
        runs = "they run" if "vms" in price else "it runs"
        note(f"{subject} {cost} by the list while {runs}; not counted: {', '.join(price['notCounted'])}")


def compared(changes: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Show the differences between the last request and what exists."""
    made = _made(changes)
    remedy = f"{_counted(made, 'change')} would reconcile it: provision it with --same"
    _changes(changes, remedy if made else "no difference from the last request", as_json=as_json)


def _changes(
    changes: Sequence[Mapping[str, Any]],
    summary: str,
    *,
    as_json: bool,
    price: Mapping[str, Any] | None = None,
    places: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Show changes, the values that differ, and what is lost. Source of the form: `vmops.deploy.changes`."""
    warnings = [
        f"{each['resource']} is replaced, and loses {', '.join(each['loses'])}" for each in changes if each["loses"]
    ]
    if as_json:
        return print_json({"changes": changes, "places": [*places], "price": price, "warnings": warnings})
    for change in changes:
        style = "red" if change["replaces"] else None
        out.print(f"{change['operation']:<8} {change['resource']}", style=style, markup=False)
        for each in change["properties"]:
            style = "red" if each["replaces"] else None
            out.print(f"         {each['path']}: {_value(each['from'])} → {_to(each)}", style=style, markup=False)
    for each in warnings:
        warn(each)
    return note(summary)


def _made(changes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in changes if each["operation"] not in _STAY]


def _to(each: Mapping[str, Any]) -> str:
    """Describe the new value of a change: a removed data disk is detached, not deleted."""
    detached = each["to"] is None and each["path"].startswith("storageProfile.dataDisks")
    return "detached, and still paid for" if detached else _value(each["to"])


def _value(value: Any) -> str:
    if value in (None, ""):
        return "nothing"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def deletions(resources: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Show the ids of what a deprovision would delete."""
    ids = [str(resource["id"]) for resource in resources]
    if as_json:
        return print_json(ids)
    for arm_id in ids:
        out.print(arm_id, markup=False)
    return note(f"{_counted(ids, 'resource')} to be deleted; nothing was changed")


def recovered(found: Mapping[str, Any], *, dry_run: bool, breaks: bool, as_json: bool) -> None:
    """Show what was or would be repaired; with ``breaks``, the engine's locks count as repaired."""
    if as_json:
        return print_json(found)
    ids = {name: "\n".join(found[name]) for name in ("adopted", "cleared", "foreign")}
    states = {"nothing": "", "lost": "lost; the next provision rebuilds it"}
    fields({"locked by": "\n".join(found["locks"]), "state": states.get(found["state"], found["state"]), **ids})
    done = "would be" if dry_run else "was"
    repaired = any(ids.values()) or found["state"] != "nothing" or (breaks and found["locks"])
    if found["locks"] and not breaks:
        note("the engine's lock stays; --break-lock deletes it, if you know that its holder is dead")
    exist = _counted(found["resources"], "resource")
    return note(f"{exist} of this VM; {f'this {done} repaired' if repaired else 'nothing to repair'}")


def adopted(found: Mapping[str, Any], *, dry_run: bool, as_json: bool) -> None:
    """Show what was or would be adopted, and what was refused, with the former tags of each."""
    if as_json:
        return print_json(found)
    for whose, tags in ((whose, found[whose]) for whose in ("proven", "unproven", "refused")):
        for arm_id in tags:
            out.print(f"{whose:<8} {arm_id} {dict(tags[arm_id]) or 'without tags'}", markup=False)
    ours = _counted([*found["proven"], *found["unproven"]], "resource")
    return note(f"{ours} {'to be adopted' if dry_run else 'adopted'}")


def _counted(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
