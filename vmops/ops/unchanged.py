"""Whether a request is already fulfilled or in flight: the last record gives the goal, and ARM what exists."""

from collections.abc import Mapping
from typing import Any

from vmops.azure import machines, vm_state
from vmops.azure.client import Arm
from vmops.azure.ownership import Claim, is_ours
from vmops.deploy import readiness
from vmops.deploy.drift import are_as_declared
from vmops.jobs.operation import Operation, State, Verb
from vmops.ops.remembered import Asked
from vmops.spec import fleet
from vmops.spec.vm_spec import VmSpec

Body = Mapping[str, Any]

_WAIT_FOR = "waitFor"


def is_made(latest: Operation, asked: Asked) -> bool:
    """Tell whether the newest operation has made the VM, or the whole fleet, as requested."""
    whole = latest.outputs.get("ready") == latest.outputs.get("asked")
    return whole and (latest.verb, latest.state, latest.digest) == (Verb.PROVISION, State.SUCCEEDED, asked.digest)


def seen_as_asked(arm: Arm, claim: Claim, spec: VmSpec, made: Mapping[str, Any]) -> list[Body]:
    """Read a VM or a fleet that was ``made`` as requested; empty if it has changed, does not run, or is another's.

    A fleet of any size is read by two lists.

    Raises: CloudError if ARM refuses a read.
    """
    seen = _fleet(arm, spec, made) if spec.vm_count else _single(arm, spec, made)
    if not seen or not all(is_ours(machine, claim) for _, machine, _ in seen):
        return []
    pairs = [(member, machine) for member, machine, _ in seen]
    declared = are_as_declared(arm, claim, pairs, made.get("returned", ()))
    awaited = declared and all(readiness.is_as_awaited(arm, member, told) for member, _, told in seen)
    return [machine for _, machine in pairs] if awaited else []


Seen = tuple[VmSpec, Body, Mapping[str, Any]]
"""A running VM: its spec, its resource, and the outputs when it was made."""


def _single(arm: Arm, spec: VmSpec, made: Mapping[str, Any]) -> list[Seen]:
    seen = vm_state.get_vm_state(arm, spec.vm_id)
    return [(spec, seen.resource, made)] if seen and seen.running else []


def _fleet(arm: Arm, spec: VmSpec, made: Mapping[str, Any]) -> list[Seen]:
    """Give the members that were made; empty if one of them does not run."""
    told = {each["member"]: each for each in made.get("members", ())}
    members = fleet.members(spec, told)
    running = machines.running(arm, spec.subscription, [each.vm_id for each in members])
    return [(each, machine, told[each.member]) for each, machine in zip(members, running, strict=False)]


def serves(admitted: Operation, new: Operation) -> bool:
    """Tell whether the operation in flight has the same goal, and waits for everything that this one would wait for."""
    waits = new.given.get(_WAIT_FOR) in (None, "running", admitted.given.get(_WAIT_FOR))
    return waits and (admitted.verb, admitted.digest) == (new.verb, new.digest)
