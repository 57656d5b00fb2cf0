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

_GRACE = 3.0
"""Seconds after which ARM shows the effect of every request that a dead worker or engine had sent."""


_ANOTHERS = frozenset({FailureKind.LOCKED, FailureKind.FENCED})
"""Failures because another engine may work on the stack, or another host has the VM now."""

_ENDS = _ANOTHERS | {FailureKind.INTERRUPTED, FailureKind.TIMEOUT}
"""Failures that end a removal: another worker has the VM, or this removal was cancelled or is out of time."""


def deprovision(site: DeployContext, target: Target, *, doubtful: bool, held_as: str = "") -> dict[str, Any]:
    """Destroy everything that the stack made, verify that it is gone, then remove the stack; see `clear`.

    Returns: ``left``, the ids that `clear` gives, if there are any.
    """
    left = clear(site, target, doubtful=doubtful, held_as=held_as)
    _can("forget the stack", site.stack.remove, unless=_ANOTHERS)
    with suppress(StoreError):  # the next reader finds by itself that nothing exists
        site.made.gone(left)
    return {"left": left} if left else {}


def clear(site: DeployContext, target: Target, *, doubtful: bool = False, held_as: str = "") -> list[str]:
    """Destroy everything that the stack made, and verify in every way that it is gone; the stack stays, empty.

    What the engine cannot destroy, or does not know, is deleted through ARM. What is not ours is dropped from the
    engine's state first, so that it is not destroyed. ``doubtful``: the previous operation was interrupted, and one of
    its writes may still take effect; the cleanup waits for it. ``held_as``: the mark of the holder that removes the VM;
    a VM with another mark is not removed.

    Returns: the ids of others' resources under our names, and of those because of which our group stays.

    Raises: OperationFailed, naming what cannot be deleted or proven to be ours; CloudError if ARM refuses a read.
    """
    _can("repair its files", site.stack.mend)
    claim, seen = look(site, target)
    cleanup.refuse_another_owner(seen, claim)
    machines = seen.machines
    for machine in machines if held_as else ():
        holding.require(machine, held_as)
    grace = _GRACE if doubtful else 0.0
    if _can("read its state", lambda: _prepare(site, claim, seen, grace)):
        _can("destroy", lambda: site.stack.destroy(machines=len(machines)), unless=_ANOTHERS)
    again = inventory.repeat_after(site.cloud.pace, site.made.last_write(), seen)
    patience = cleanup.Patience(
        target.poll_interval, target.deploy_timeout, max(again or 0.0, grace) if doubtful else again
    )
    return cleanup.delete_owned(site.arm, claim, patience, keep_group=target.keep_group)


def look(site: DeployContext, target: Target) -> tuple[Claim, Inventory]:
    """Read what exists of a VM; if some of it is not proven to be ours, look for a proof in the engine's state."""
    claim = site.claim(target)
    seen = inventory.take(site.arm, claim)
    if seen.group is None or seen.unread:
        seen = inventory.agree(site.arm, claim, seen)
    if not (seen.anothers or seen.unproven):
        return claim, seen
    _can("read its state", lambda: proof.learn(site, target, seen))
    claim = site.claim(target)
    return claim, inventory.take(site.arm, claim)


def _not_seen_ours(seen: Inventory, claim: Claim) -> list[str]:
    """List the ids that the engine must not destroy: what is not ours, and what no read has shown to be ours.

    If some of it is ours after all, the cleanup proves it and deletes it through ARM. A disk is deleted with its VM.
    """
    ours = {resource["id"].lower() for resource in seen.ours}
    unseen = [arm_id for arm_id in claim.made if arm_id not in ours and "/disks/" not in arm_id]
    return [*(resource["id"] for resource in (*seen.anothers, *seen.unproven, *seen.unread)), *unseen]


def _prepare(site: DeployContext, claim: Claim, seen: Inventory, grace: float) -> None:
    """Reduce the engine's state to what is to be destroyed; with ``grace``, first add interrupted creates."""
    if grace:
        subnets.adopt_subnet(site.stack, site.arm, claim, grace)
    apply.forget(site.stack, _not_seen_ours(seen, claim))


def _can(do: str, work: Callable[[], object], *, unless: frozenset[FailureKind] = _ENDS) -> bool:
    """Run work of the engine; tell whether it succeeded. What the engine cannot do is left to ARM.

    Raises: OperationFailed, if it failed for a reason that ends the removal.
    """
    try:
        work()
    except OperationFailed as error:
        if error.failure.kind in unless:
            raise
        get_logger().warning("engine_cannot", do=do, cause=str(error.failure))
        return False
    return True
