"""The steps of a removal: finding what is ours, the engine's destroy, and the cleanup of what remains."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from vmops.azure import cleanup, inventory
from vmops.azure.inventory import Inventory
from vmops.azure.ownership import Claim
from vmops.core.errors import OperationFailed, StoreError
from vmops.core.failures import FailureKind
from vmops.core.log import get_logger
from vmops.deploy import holding, proof
from vmops.deploy.context import DeployContext
from vmops.engine.reconcile import apply, subnets
from vmops.spec.target import Target

_IN_FLIGHT_SECONDS = 3.0
"""Seconds after which ARM shows the effect of every request that a dead worker or engine had sent."""


_LOST = frozenset({FailureKind.LOCKED, FailureKind.FENCED})
"""Failures because another engine may work on the stack, or another host has the VM now."""

_ENDS = _LOST | {FailureKind.INTERRUPTED, FailureKind.TIMEOUT}
"""Failures that end a removal: another worker has the VM, or this removal was cancelled or is out of time."""


def deprovision(context: DeployContext, target: Target, *, interrupted: bool, held_as: str = "") -> dict[str, Any]:
    """Destroy everything that the stack made, verify that it is gone, then remove the stack; see `clear`.

    Returns: ``left``, the ids that `clear` gives, if there are any.
    """
    left = clear(context, target, interrupted=interrupted, held_as=held_as)
    _can("forget the stack", context.stack.remove, unless=_LOST)
    with suppress(StoreError):  # the next reader finds by itself that nothing exists
        context.made.gone(left)
    return {"left": left} if left else {}


def clear(context: DeployContext, target: Target, *, interrupted: bool = False, held_as: str = "") -> list[str]:
    """Destroy everything that the stack made, and verify in every way that it is gone; the stack stays, empty.

    What the engine cannot destroy, or does not know, is deleted through ARM. What is not ours is dropped from the
    engine's state first, so that it is not destroyed. ``interrupted``: a write of the previous operation, which was
    interrupted, may still take effect; the cleanup waits for it. ``held_as``: the mark of the holder that removes the
    VM; a VM with another mark is not removed.

    Returns: the ids of others' resources under our names, and of those because of which our group stays.

    Raises: OperationFailed, naming what cannot be deleted or proven to be ours; CloudError if ARM refuses a read.
    """
    _can("repair its files", context.stack.repair)
    claim, seen = read(context, target)
    cleanup.refuse_another_owner(seen, claim)
    machines = seen.machines
    for machine in machines if held_as else ():
        holding.require(machine, held_as)
    grace = _IN_FLIGHT_SECONDS if interrupted else 0.0
    if _can("read its state", lambda: _prepare(context, claim, seen, grace)):
        _can("destroy", lambda: context.stack.destroy(machines=len(machines)), unless=_LOST)
    again = inventory.repeat_after(context.cloud.pace, context.made.last_write(), seen)
    patience = cleanup.CleanupPolling(
        target.poll_interval, target.deploy_timeout, max(again or 0.0, grace) if interrupted else again
    )
    return cleanup.delete_owned(context.arm, claim, patience, keep_group=target.keep_group)


def read(context: DeployContext, target: Target) -> tuple[Claim, Inventory]:
    """Read what exists of a VM; if some of it is not proven to be ours, look for a proof in the engine's state."""
    claim = context.claim(target)
    seen = inventory.read(context.arm, claim)
    if seen.group is None or seen.unread:
        seen = inventory.cross_check(context.arm, claim, seen)
    if not (seen.others or seen.unproven):
        return claim, seen
    _can("read its state", lambda: proof.learn(context, target, seen))
    claim = context.claim(target)
    return claim, inventory.read(context.arm, claim)


def _not_seen_ours(seen: Inventory, claim: Claim) -> list[str]:
    """List the ids that the engine must not destroy: resources that are not ours, or whose owner no read has shown.

    The cleanup checks them again and deletes through ARM those that are ours. A disk is deleted with its VM.
    """
    ours = {resource["id"].lower() for resource in seen.ours}
    unseen = [arm_id for arm_id in claim.made if arm_id not in ours and "/disks/" not in arm_id]
    return [*(resource["id"] for resource in (*seen.others, *seen.unproven, *seen.unread)), *unseen]


def _prepare(context: DeployContext, claim: Claim, seen: Inventory, grace: float) -> None:
    """Reduce the engine's state to what is to be destroyed; with ``grace``, first add interrupted creates."""
    if grace:
        subnets.adopt_subnet(context.stack, context.arm, claim, grace)
    apply.forget(context.stack, _not_seen_ours(seen, claim))


def _can(do: str, work: Callable[[], object], *, unless: frozenset[FailureKind] = _ENDS) -> bool:
    """Run work of the engine; tell whether it succeeded. What the engine cannot do is left to ARM.

    Raises: OperationFailed, if it failed for a reason that ends the removal.
    """
    try:
        work()
    except OperationFailed as error:
        if error.failure.kind in unless:
            raise
        get_logger().warning("engine_step_failed", step=do, cause=str(error.failure))
        return False
    return True
