"""Bringing the engine's state in line with ARM before the next update.

Called with the VM's lock held, so every worker and engine of before is dead. Cut off, it can be done again.
"""

from collections.abc import Collection, Mapping
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.ownership import Claim, carries_our_tags, identity_of, is_ours, kind_of
from vmops.core.log import get_logger
from vmops.engine.reconcile import entries
from vmops.engine.reconcile.plan import Plan, Seen, State, Wanted, interrupted, plan, unknown
from vmops.engine.stack import EngineStack

Export = Mapping[str, Any]
"""What the engine exports: a version, and the stack's deployment."""


def reconcile(stack: EngineStack, arm: Arm, wanted: Wanted, claim: Claim) -> Plan:
    """Adopt what is ours and unknown to the engine, and drop what it had begun and is not there; give what was done."""
    exported = stack.state()
    if exported is None:
        return Plan()
    made = _plan(exported, arm, wanted, claim)
    if made.changes:
        _apply(stack, exported, made, wanted)
    return made


def preview(stack: EngineStack, arm: Arm, wanted: Wanted, claim: Claim) -> Plan:
    """Give what `reconcile` would do, and do nothing."""
    exported = stack.state()
    return Plan() if exported is None else _plan(exported, arm, wanted, claim)


def identities(stack: EngineStack, owner: str) -> dict[str, str]:
    """Give Azure's identity of what the engine made in an owner's name, by its ARM id in lower case."""
    state = _state(stack.state() or {"deployment": None})
    own = [entry for entry in state.get("resources") or () if entry.get("id") and entries.owner_of(entry) == owner]
    told = {entry["id"].lower(): identity_of({"properties": entries.told(entry)}) for entry in own}
    return {arm_id: identity for arm_id, identity in told.items() if identity}


def forget(stack: EngineStack, ids: Collection[str]) -> None:
    """Take out of the state what is not ours, and what lies in it, so that no update and no destroy touches it."""
    exported = stack.state() if ids else None
    if exported is None:
        return
    had = list(_state(exported).get("resources") or ())
    kept = entries.without(had, ids)
    if len(kept) < len(had):
        stack.replace_state(entries.replaced(exported, kept))
        get_logger().info("forgotten", resources=list(ids))


def _plan(exported: Export, arm: Arm, wanted: Wanted, claim: Claim) -> Plan:
    state = _state(exported)
    begun = interrupted(state)
    seen = {key: _look(arm, arm_id, claim, begun=key in begun) for key, arm_id in unknown(state, wanted).items()}
    return plan(state, wanted, seen)


def _apply(stack: EngineStack, exported: Export, made: Plan, wanted: Wanted) -> None:
    state = _state(exported)
    begun = interrupted(state)
    had = [each for each in state.get("resources") or () if not _is_succeeded(each, made)]
    now = entries.rooted(had, stack.name, wanted.provider or {})
    now += [
        entries.begun(begun[key], arm_id)
        if key in begun
        else entries.bare(now, stack.name, key, arm_id, keep=key in wanted.intended)
        for key, arm_id in made.adopted.items()
    ]
    stack.replace_state(entries.replaced(exported, now))
    get_logger().info("settled", adopted=tuple(made.adopted.values()), cleared=made.cleared)


def _is_succeeded(entry: entries.Entry, made: Plan) -> bool:
    """Tell whether another stands in the place of what was deleted to be made anew."""
    return entries.awaits_successor(entry) and entries.key_of(entry) in made.adopted


def _look(arm: Arm, arm_id: str, claim: Claim, *, begun: bool) -> Seen:
    """Ask ARM whose a resource is.

    A subnet, which has no tags, is its network's, or ours if we have begun to make it. A disk is whose it says, be it
    that a VM holds it.
    """
    resource = arm.get(arm_id)
    if resource is None:
        return Seen.ABSENT
    network, is_subnet, _ = arm_id.partition("/subnets/")
    if is_subnet and begun:
        return Seen.OURS
    tagged = arm.get(network) if is_subnet else resource
    if tagged is None:
        return Seen.ABSENT
    is_group = kind_of(tagged) == "resourcegroups"
    ours = carries_our_tags(tagged, claim) if is_group else is_ours({**tagged, "managedBy": None}, claim)
    return Seen.OURS if ours else Seen.FOREIGN


def _state(exported: Export) -> State:
    return exported["deployment"] or {}
