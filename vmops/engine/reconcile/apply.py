"""Reconciles the engine's state with ARM before the next update.

The caller holds the VM's lock, so all earlier workers and engines are dead. An interrupted call can be repeated.
"""

from collections.abc import Collection, Mapping
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.ownership import Claim, carries_our_tags, identity_of, is_ours, kind_of
from vmops.core.log import get_logger
from vmops.engine.reconcile import entries
from vmops.engine.reconcile.plan import Ownership, Plan, State, Wanted, interrupted, plan, unknown
from vmops.engine.stack import EngineStack

Export = Mapping[str, Any]
"""The engine's export: a version, and the stack's deployment."""


def reconcile(stack: EngineStack, arm: Arm, wanted: Wanted, claim: Claim) -> Plan:
    """Adopt resources of ours that the engine does not know, and drop interrupted operations on missing resources."""
    exported = stack.state()
    if exported is None:
        return Plan()
    made = _plan(exported, arm, wanted, claim)
    if made.changes:
        _apply(stack, exported, made, wanted)
    return made


def preview(stack: EngineStack, arm: Arm, wanted: Wanted, claim: Claim) -> Plan:
    """Give the plan of `reconcile` without applying it."""
    exported = stack.state()
    return Plan() if exported is None else _plan(exported, arm, wanted, claim)


def identities(stack: EngineStack, owner: str) -> dict[str, str]:
    """Give Azure's identity of each resource that the engine made for an owner, by ARM id in lower case."""
    state = _state(stack.state() or {"deployment": None})
    own = [entry for entry in state.get("resources") or () if entry.get("id") and entries.owner_of(entry) == owner]
    plain_outputs = {entry["id"].lower(): identity_of({"properties": entries.plain_outputs(entry)}) for entry in own}
    return {arm_id: identity for arm_id, identity in plain_outputs.items() if identity}


def forget(stack: EngineStack, ids: Collection[str]) -> None:
    """Remove resources, and their children, from the state, so that no update and no destroy touches them."""
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
    pending = interrupted(state)
    seen = {
        key: _ownership_of(arm, arm_id, claim, pending=key in pending) for key, arm_id in unknown(state, wanted).items()
    }
    return plan(state, wanted, seen)


def _apply(stack: EngineStack, exported: Export, made: Plan, wanted: Wanted) -> None:
    state = _state(exported)
    pending = interrupted(state)
    had = [each for each in state.get("resources") or () if not _is_replaced(each, made)]
    now = entries.with_roots(had, stack.name, wanted.provider or {})
    now += [
        entries.with_intended_inputs(pending[key], arm_id)
        if key in pending
        else entries.id_only(now, stack.name, key, arm_id, keep=key in wanted.intended)
        for key, arm_id in made.adopted.items()
    ]
    stack.replace_state(entries.replaced(exported, now))
    get_logger().info("reconciled", adopted=tuple(made.adopted.values()), cleared=made.cleared)


def _is_replaced(entry: entries.Entry, made: Plan) -> bool:
    """Tell whether an entry was deleted to be replaced, and its replacement is adopted."""
    return entries.awaits_replacement(entry) and entries.key_of(entry) in made.adopted


def _ownership_of(arm: Arm, arm_id: str, claim: Claim, *, pending: bool) -> Ownership:
    """Read from ARM who owns a resource.

    A subnet has no tags: it belongs to the owner of its network, or to us if we have started to make it. The owner of a
    disk is that of its own tags, even if a VM holds it.
    """
    resource = arm.get(arm_id)
    if resource is None:
        return Ownership.ABSENT
    network, is_subnet, _ = arm_id.partition("/subnets/")
    if is_subnet and pending:
        return Ownership.OURS
    tagged = arm.get(network) if is_subnet else resource
    if tagged is None:
        return Ownership.ABSENT
    is_group = kind_of(tagged) == "resourcegroups"
    ours = carries_our_tags(tagged, claim) if is_group else is_ours({**tagged, "managedBy": None}, claim)
    return Ownership.OURS if ours else Ownership.FOREIGN


def _state(exported: Export) -> State:
    return exported["deployment"] or {}
