"""A call as rules for faults see it: its verb, its resource, and the values for texts of refusals."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vmops.local.arm.data.sizes import SIZES
from vmops.local.arm.state.clock import american
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Resource
from vmops.local.arm.state.resource_id import ResourceId

_VERBS = {"PATCH": "update", "DELETE": "delete", "GET": "read", "HEAD": "read"}
_WRITES = {"create", "update"}
_MINUTE = 60.0


@dataclass(frozen=True)
class ObservedCall:
    """One call; ``verb`` is create, update, delete, read, or the last word of a POST.

    A PUT of a resource whose creation failed counts as create. ``before`` is the resource before the call.
    """

    method: str
    path: str
    verb: str
    target: ResourceId | None
    before: Resource | None


def observe(cloud: Cloud, method: str, path: str) -> ObservedCall:
    """Describe a call before it is carried out."""
    target = target_of(path)
    before = cloud.store.get(target) if target else None
    if method == "PUT":
        unmade = before is None or (before.state == "Failed" and "made" not in before.hidden)
        verb = "create" if unmade else "update"
    else:
        verb = _VERBS.get(method) or path.rstrip("/").rpartition("/")[2]
    return ObservedCall(method, path, verb, target, before)


def blanks(call: ObservedCall, body: Mapping[str, Any], now: float) -> dict[str, object]:
    """Give the values that a refusal may name; ``body`` is the requested resource, or the present one."""
    target, verb = call.target, call.verb
    size = str(((body.get("properties") or {}).get("hardwareProfile") or {}).get("vmSize", ""))
    quota = f"{SIZES[size.lower()].family} Cores" if size.lower() in SIZES else ""
    kind = verb if verb in {"read", "delete"} else "write"
    action = "write" if verb in _WRITES else verb if verb in {"read", "delete"} else f"{verb}/action"
    steps = call.path.strip("/").split("/")
    about = {"subscription": steps[1] if len(steps) > 1 else "", "id": call.path, "type": "", "name": steps[-1]}
    if target:
        about |= {"id": str(target), "type": target.type, "name": target.name, "provider": target.provider}
    times = {"now": american(now), "before": american(now - _MINUTE)}
    return {**about, **times, "verb": verb, "size": size, "quota": quota, "kind": kind, "action": action} | {
        "location": body.get("location", "")
    }


def target_of(path: str) -> ResourceId | None:
    """Give the resource of a path, without what may follow its name; None if it has none."""
    steps = path.strip("/").split("/")
    try:
        return ResourceId.parse("/".join(steps[: len(steps) - len(steps) % 2]))
    except ValueError:
        return None
