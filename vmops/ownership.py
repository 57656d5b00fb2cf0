"""What is ours: told by tag, never by who wrote the name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import inf
from typing import Any

from vmops.arm import Arm
from vmops.failures import Failed, Failure, Kind
from vmops.names import EXPIRES_TAG, OWNER_TAG, STACK_TAG
from vmops.spec import VmSpec

_INSTANT = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Survey:
    """What is there before a deployment: the roles that are another's and only used, the location, and our VM."""

    uses: frozenset[str]
    location: str
    machine: Mapping[str, Any] | None = None


def instant(seconds: float) -> str:
    """Write a time, in seconds since the epoch, as the ``vmops-expires`` tag has it."""
    return datetime.fromtimestamp(seconds, UTC).strftime(_INSTANT)


def seconds_of(instant: str) -> float:
    """Read what `instant` wrote; infinite for what nobody can read, so that nothing is deleted for its sake."""
    try:
        return datetime.strptime(instant, _INSTANT).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return inf


def extend(arm: Arm, existing: Mapping[str, Any], expires: float) -> None:
    """Move the instant at which a VM of ours expires."""
    arm.tag(existing["id"], {**(existing.get("tags") or {}), EXPIRES_TAG: instant(expires)})


def stack_of(resource: Mapping[str, Any]) -> str:
    """Give the name of the stack that a resource belongs to; empty if it is none of vmops'."""
    return str((resource.get("tags") or {}).get(STACK_TAG, ""))


def is_ours(machine: Mapping[str, Any], stack: str, owner: str) -> bool:
    """Tell whether a VM carries our stack's tag and our owner's."""
    return stack_of(machine) == stack and (machine.get("tags") or {}).get(OWNER_TAG) == owner


def refuse_foreign(machine: Mapping[str, Any], stack: str, owner: str) -> None:
    """Check that an existing VM is ours to change.

    Raises: Failed (conflict), naming the owner.
    """
    if is_ours(machine, stack, owner):
        return
    whose = (machine.get("tags") or {}).get(OWNER_TAG)
    holder = f"belongs to {whose}" if whose and whose != owner else "was not made by vmops under this name"
    message, step = f"it exists and {holder}; it is not touched", "ask its owner, or choose another name"
    raise Failed(Failure(Kind.CONFLICT, message, resource=machine["id"], step=step))


def survey(arm: Arm, spec: VmSpec, owner: str) -> Survey:
    """Look at what exists before a deployment.

    A named group, network, subnet or security group that exists without our tag is used, never changed. Whose a subnet
    is, its network tells.

    Raises: Failed if the VM is another's, if a value cannot be changed on it, or if no location is known.
    """
    group = arm.get(spec.group_id)
    location = spec.location or (group or {}).get("location")
    if not location:
        raise Failed(
            Failure(Kind.INVALID, f"location: needed, because the resource group {spec.resource_group} is new")
        )
    if group is None:
        return Survey(frozenset(), location)
    uses = {"group"} if stack_of(group) != spec.stack else set()
    uses.update(_used(arm, spec))
    machine = arm.get(spec.vm_id)
    if machine is not None:
        refuse_foreign(machine, spec.stack, owner)
        _refuse_immutable(machine, spec)
    return Survey(frozenset(uses), location, machine)


def _used(arm: Arm, spec: VmSpec) -> Iterable[str]:
    """Name the roles that the user named and that exist as somebody else's."""
    ids = spec.ids()
    for role in sorted(spec.named_roles & {"network", "security_group"}):
        resource = arm.get(ids[role])
        if resource is not None and stack_of(resource) != spec.stack:
            yield role
            if role == "network" and arm.get(ids["subnet"]) is not None:
                yield "subnet"


def _refuse_immutable(machine: Mapping[str, Any], spec: VmSpec) -> None:
    """Check that the spec asks for no change that neither ARM nor a replacement can make.

    Raises: Failed (immutable), naming the parameter and both values.
    """
    properties = machine.get("properties") or {}
    pairs = {
        "location": (machine.get("location"), spec.location or machine.get("location")),
        "zone": (next(iter(machine.get("zones") or ()), None), spec.zone),
        "priority": (properties.get("priority") or "Regular", spec.priority),
    }
    for name, (there, asked) in pairs.items():
        if there != asked:
            message = f"{name}: the VM has {there or 'none'} and cannot be changed to {asked or 'none'}"
            raise Failed(Failure(Kind.IMMUTABLE, message, resource=str(machine["id"])))
