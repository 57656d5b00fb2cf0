"""Bringing the engine's state in line with ARM before the next update.

Called with the VM's lock held, so every worker and engine of before is dead. Cut off, it can be done again.
"""

from collections.abc import Mapping
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.ownership import stack_of
from vmops.core.log import get_logger
from vmops.engine.reconcile import entries
from vmops.engine.reconcile.plan import Plan, Seen, State, Wanted, interrupted, plan, unknown
from vmops.engine.stack import EngineStack

Export = Mapping[str, Any]
"""What the engine exports: a version, and the stack's deployment."""


def reconcile(stack: EngineStack, arm: Arm, wanted: Wanted) -> Plan:
    """Adopt what is ours and unknown to the engine, and drop what it had begun and is not there; give what was done."""
    exported = stack.state()
    if exported is None:
        return Plan()
    made = _plan(exported, stack.name, arm, wanted)
    if made.changes:
        _apply(stack, exported, made, wanted)
    return made


def preview(stack: EngineStack, arm: Arm, wanted: Wanted) -> Plan:
    """Give what `reconcile` would do, and do nothing."""
    exported = stack.state()
    return Plan() if exported is None else _plan(exported, stack.name, arm, wanted)


def _plan(exported: Export, stack_name: str, arm: Arm, wanted: Wanted) -> Plan:
    state = _state(exported)
    begun = interrupted(state)
    seen = {key: _look(arm, arm_id, stack_name, begun=key in begun) for key, arm_id in unknown(state, wanted).items()}
    return plan(state, wanted, seen)


def _apply(stack: EngineStack, exported: Export, made: Plan, wanted: Wanted) -> None:
    state = _state(exported)
    begun = interrupted(state)
    now = entries.rooted(list(state.get("resources") or ()), stack.name, wanted.provider or {})
    now += [
        entries.begun(begun[key], arm_id)
        if key in begun
        else entries.bare(now, stack.name, key, arm_id, keep=key in wanted.intended)
        for key, arm_id in made.adopted.items()
    ]
    stack.replace_state(entries.replaced(exported, now))
    get_logger().info("settled", adopted=tuple(made.adopted.values()), cleared=made.cleared)


def _look(arm: Arm, arm_id: str, stack_name: str, *, begun: bool) -> Seen:
    """Ask ARM whose a resource is.

    A subnet, which has no tags, is its network's, or ours if we have begun to make it.
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
    return Seen.OURS if stack_of(tagged) == stack_name else Seen.FOREIGN


def _state(exported: Export) -> State:
    return exported["deployment"] or {}
