"""What a person reads about a verb: how it ended, and what it would do or has repaired."""

from collections.abc import Mapping, Sequence
from typing import Any

from vmops.cli.console import duration, fields, hourly, note, out, print_json, warn
from vmops.core.failures import Failure
from vmops.ops.timeline import is_provider
from vmops.protocol import Status

_COLOURS = {Status.SUCCEEDED: "green", Status.FAILED: "red", Status.TIMED_OUT: "yellow", Status.PENDING: "cyan"}
_SAID_ELSEWHERE = frozenset(
    {"operation", "verb", "startTime", "endTime", "startedAt", "endedAt", "seconds", "name", "adminUsername", "status"}
    | {"pricePerHour", "currency", "priceSource", "priceAsOf"}
)

_HALVES = frozenset({"create-replacement", "delete-replaced"})
_STAY = frozenset({"keep", "adopt"})
"""Operations that change nothing in Azure."""
"""Operations that the engine reports beside ``replace``. Source: Pulumi documentation, engine events, OpType."""


def answer(status: Status, result: Mapping[str, Any], failure: Failure | None, *, as_json: bool) -> None:
    """Show how a verb ended: as one JSON object, or as the status and what a person needs next."""
    if as_json:
        why = {"failure": failure.as_dict()} if failure else {}
        return print_json({"status": status.name, "result": dict(result), **why})
    if result.get("left"):
        note(f"left, because it is not ours: {', '.join(result['left'])}")
    took = f" after {duration(result['seconds'])}" if "seconds" in result else ""
    out.print(f"[{_COLOURS.get(status, 'default')}]{status.name}[/]{took}")
    price = hourly(result.get("pricePerHour"), made_up=result.get("priceSource") == "local")
    told = {**result, **_members(result), "price": price}
    return fields({name: value for name, value in told.items() if name not in _SAID_ELSEWHERE})


def _members(result: Mapping[str, Any]) -> dict[str, str]:
    """Say how to log in to each VM of a fleet, and why the others are missing; nothing of a single VM."""
    if "members" not in result:
        return {}
    ways = [f"{each['name']}: {each['ssh']}" for each in result["members"]]
    missing = [f"{each['name']}: {each['message']}" for each in result["missing"]]
    return {"members": "; ".join(ways), "missing": "; ".join(missing), "moves": ""}


def planned(
    steps: Sequence[Mapping[str, Any]],
    price: Mapping[str, Any] | None,
    places: Sequence[Mapping[str, Any]] = (),
    *,
    as_json: bool,
) -> None:
    """Show what a provision would do to each resource, a replacement in one step, and what the VM costs."""
    told = [step for step in steps if not is_provider(step["resource"]) and step["operation"] not in _HALVES]
    adopted = [each for each in told if each["operation"] == "adopt"]
    taken_up = f", and {_counted(adopted, 'resource')} of yours to be taken up, as they are" if adopted else ""
    said = f"{_counted(_made(told), 'change')} to be made{taken_up}; nothing was changed"
    _changes(told, said, as_json=as_json, price=price, places=places)
    if price and not as_json:
        cost = hourly(price["perHour"], made_up=price["source"] == "local")
        all_of_it = f"all {price['vms']} VMs together cost" if "vms" in price else "it costs"
        runs = "they run" if "vms" in price else "it runs"
        note(f"{all_of_it} {cost} by the list while {runs}; not counted: {', '.join(price['notCounted'])}")


def compared(changes: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Show how what exists differs from the request."""
    made = _made(changes)
    said = f"{_counted(made, 'change')} would put it right: provision it with --same" if made else "as it was asked for"
    _changes(changes, said, as_json=as_json)


def _changes(
    changes: Sequence[Mapping[str, Any]],
    said: str,
    *,
    as_json: bool,
    price: Mapping[str, Any] | None = None,
    places: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Show changes, the values that differ, and what is lost. Source of the form: `vmops.deploy.changes`."""
    warnings = [
        f"{each['resource']} is made anew, and loses {', '.join(each['loses'])}" for each in changes if each["loses"]
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
    return note(said)


def _made(changes: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [each for each in changes if each["operation"] not in _STAY]


def _to(each: Mapping[str, Any]) -> str:
    """Describe a value's change: a data disk that is dropped is detached, not deleted."""
    detached = each["to"] is None and each["path"].startswith("storageProfile.dataDisks")
    return "detached, and still paid for" if detached else _value(each["to"])


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
    """Show what was or would be cleaned up; the engine's locks only if this ``breaks`` them."""
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
    """Show what was or would be taken back, and what was not, with the tags of each."""
    if as_json:
        return print_json(found)
    for whose, tags in ((whose, found[whose]) for whose in ("proven", "unproven", "refused")):
        for arm_id in tags:
            out.print(f"{whose:<8} {arm_id} {dict(tags[arm_id]) or 'without tags'}", markup=False)
    taken = _counted([*found["proven"], *found["unproven"]], "resource")
    return note(f"{taken} {'would be' if dry_run else 'was'} taken back" if taken else "nothing is to be taken back")


def _counted(things: Sequence[object], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"
