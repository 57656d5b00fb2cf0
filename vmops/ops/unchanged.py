"""Whether a request is already fulfilled, by the last record and by ARM, or already in flight."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vmops.azure import machines, vm_state
from vmops.azure.client import Arm
from vmops.azure.ownership import Claim, is_ours
from vmops.deploy import choice, readiness
from vmops.deploy.drift import are_as_declared
from vmops.deploy.market import Market
from vmops.deploy.placed import Placed, candidates, named_as, of_machine
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store
from vmops.ops.remembered import Asked
from vmops.placement.place import Place
from vmops.placement.search import Objection, choose
from vmops.spec import fleet
from vmops.spec.target import Target
from vmops.spec.vm_spec import VmSpec

Body = Mapping[str, Any]

_WAIT_FOR = "waitFor"


def is_made(store: Store, arm: Callable[[Target], Arm], latest: Operation, asked: Asked) -> bool:
    """Tell whether the newest operation made the VM as requested; of a fleet, all members that places have room for."""
    if (latest.verb, latest.state, latest.digest) != (Verb.PROVISION, State.SUCCEEDED, asked.digest):
        return False
    whole = latest.outputs.get("ready") == latest.outputs.get("asked")
    known = store.refused(asked.spec.cloud, asked.spec.subscription).known
    return whole or not _has_room(arm(asked.spec), asked.spec, known())


def _has_room(arm: Arm, spec: VmSpec, known: Sequence[Objection]) -> bool:
    """Tell whether a place of a VM may have room, by remembered refusals and by what Azure's lists tell."""
    market = Market(arm, spec.subscription)
    found = market.known(candidates(spec), addressed=spec.public_ip)
    return not found or choose(found, [*known, *market.objections(found, choice.need(spec))]) is not None


def seen_as_asked(arm: Arm, claim: Claim, spec: VmSpec, made: Mapping[str, Any]) -> list[Body]:
    """Read a VM or a fleet that was ``made`` as requested; empty if it has changed, does not run, or is another's.

    A fleet is read by two lists, and by the security group of each of its locations.

    Raises: CloudError if ARM refuses a read.
    """
    seen = _fleet(arm, spec, made) if spec.vm_count else _single(arm, spec, made)
    if not seen or not all(is_ours(machine, claim) for _, machine, _ in seen):
        return []
    pairs = [(member, machine) for member, machine, _ in seen]
    declared = are_as_declared(arm, claim, pairs, made.get("returned", ()))
    awaited = declared and all(readiness.is_as_awaited(arm, member, outputs) for member, _, outputs in seen)
    return [machine for _, machine in pairs] if awaited else []


Seen = tuple[VmSpec, Body, Mapping[str, Any]]
"""A running VM: its spec, its resource, and the outputs of the deployment that made it."""


def _single(arm: Arm, spec: VmSpec, made: Mapping[str, Any]) -> list[Seen]:
    seen = vm_state.get_vm_state(arm, spec.vm_id)
    return [(spec, seen.resource, made)] if seen and seen.running else []


def _fleet(arm: Arm, spec: VmSpec, made: Mapping[str, Any]) -> list[Seen]:
    """Give the members that were made; empty if one of them does not run."""
    outputs = {each["member"]: each for each in made.get("members", ())}
    members = fleet.members(spec, outputs)
    running = machines.running(arm, spec.subscription, [each.vm_id for each in members])
    pairs = [(each, machine, outputs[each.member]) for each, machine in zip(members, running, strict=False)]
    return [(_where_made(each, made_at, machine), machine, made_at) for each, machine, made_at in pairs]


def _where_made(member: VmSpec, outputs: Mapping[str, Any], machine: Body) -> VmSpec:
    """Give the spec of a member in the place where it was made, with the names of the VM's own resources."""
    if not member.lists:
        return named_as(machine, member)
    place = Place(outputs["vmSize"], outputs["location"], outputs["zone"], outputs["priority"])
    return Placed(place, of_machine(machine, "").home).within(member).of(member)


def serves(admitted: Operation, new: Operation) -> bool:
    """Tell whether an operation in flight has the goal of a new one, and waits for all that the new one waits for."""
    waits = new.given.get(_WAIT_FOR) in (None, "running", admitted.given.get(_WAIT_FOR))
    return waits and (admitted.verb, admitted.digest) == (new.verb, new.digest)
