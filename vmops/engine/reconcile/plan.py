"""Settling what a dead engine left: creates that may or may not have happened, and a state that was lost.

Called with the VM's lock held, so every worker and engine of before is dead. ARM says what is true.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.ownership import stack_of
from vmops.core.log import get_logger
from vmops.engine.reconcile import entries
from vmops.engine.stack import EngineStack

State = dict[str, Any]
"""A stack's deployment as the engine exports it."""


@dataclass(frozen=True)
class Reconciled:
    """What was adopted, by ARM id, and which operations were cleared that did not end, by the end of their URN.

    ``foreign`` is there, intended and not ours: it is left alone. ``bare`` are in the state by their id alone, so that
    `complete.complete` is needed before the next update; ``unread``: what ARM says of some of it is not in the state
    yet.
    """

    adopted: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()
    bare: tuple[str, ...] = ()
    unread: bool = False

    @property
    def changed(self) -> bool:
        """Tell whether the state is another than it was."""
        return bool(self.adopted or self.cleared)

    @property
    def stale(self) -> bool:
        """Tell whether the next update must refresh."""
        return self.changed or self.unread


Arguments = Mapping[str, Any]
"""What the azure-native provider is configured with."""


def reconcile(
    stack: EngineStack,
    arm: Arm,
    intended: Mapping[str, str],
    unwanted: Mapping[str, str] = MappingProxyType({}),
    provider: Arguments | None = None,
    *,
    write: bool = True,
) -> Reconciled:
    """Bring the engine's state in line with ARM before the next update; cut off, it can be done again.

    ``intended`` are ARM ids by the end of their URN. Of these, what is not in the state, exists and is ours is adopted;
    what was begun and is not there is cleared. ``unwanted`` is adopted too, for the next update to delete. Without
    ``provider``, the arguments of the azure-native provider, only that is adopted whose create was begun: the rest must
    be completed by a program. Without ``write`` nothing is done.
    """
    exported = stack.state()
    if exported is None:
        return Reconciled()
    state: State = exported["deployment"] or {}
    had, started, possible = list(state.get("resources") or ()), begun(state), {**intended, **unwanted}
    known = set(map(entries.key_of, had))
    whose = {
        key: _whose(arm, arm_id, stack.name, begun=key in started)
        for key, arm_id in possible.items()
        if key not in known
    }
    ours = {key: possible[key] for key, ours in whose.items() if ours and (provider is not None or key in started)}
    settled = Reconciled(
        adopted=tuple(ours.values()),
        cleared=tuple(key for key in started if key not in ours),
        foreign=tuple(intended[key] for key, ours in whose.items() if ours is False and key in intended),
        bare=(*(each["id"] for each in had if entries.is_bare(each)), *(ours[key] for key in ours.keys() - started)),
        unread=any(each.get("provider") and not each.get("outputs") for each in had),
    )
    if settled.changed and write:
        now = entries.rooted(had, stack.name, provider or {})
        now += [
            entries.begun(started[key], arm_id)
            if key in started
            else entries.bare(now, stack.name, key, arm_id, keep=key in intended)
            for key, arm_id in ours.items()
        ]
        stack.replace_state(entries.replaced(exported, now))
        get_logger().info("settled", adopted=settled.adopted, cleared=settled.cleared)
    return settled


def begun(state: State) -> dict[str, dict[str, Any]]:
    """Give what the engine was doing when it died, by the end of the URN."""
    return {entries.key_of(each["resource"]): each["resource"] for each in state.get("pending_operations") or ()}


def _whose(arm: Arm, arm_id: str, stack_name: str, *, begun: bool) -> bool | None:
    """Tell whether a resource is ours, None if it is not there.

    A subnet, which has no tags, is its network's, or ours if we have begun to make it.
    """
    resource = arm.get(arm_id)
    if resource is None:
        return None
    network, is_subnet, _ = arm_id.partition("/subnets/")
    if is_subnet and begun:
        return True
    tagged = arm.get(network) if is_subnet else resource
    return None if tagged is None else stack_of(tagged) == stack_name
