"""The steps of a removal: whose what exists is, the engine's destroy of what is ours, and what remains after it."""

from dataclasses import replace
from typing import Any

from vmops.azure import cleanup, inventory
from vmops.azure.inventory import Inventory
from vmops.azure.ownership import Claim
from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.core.log import get_logger
from vmops.deploy import holding
from vmops.deploy.context import DeployContext
from vmops.engine.reconcile import apply, subnets
from vmops.spec.target import Target

_GRACE = 3.0
"""Seconds within which ARM shows what a request has begun that was still on its way when its sender died."""


def deprovision(site: DeployContext, target: Target, *, doubtful: bool, held_as: str = "") -> dict[str, Any]:
    """Destroy all that the stack made, verify by every look that there is, then forget the stack.

    What the engine cannot destroy is released through ARM, which also knows what the engine does not. What is not ours
    leaves the engine's state before it could be destroyed. ``doubtful``: what came before was cut off, so that a write
    may still be on its way; it is looked for once more. ``held_as``: the mark of the holder who removes it, and may
    remove no VM that carries another.

    Returns: ``left``, what is another's and has our name, and the foreign resources for whose sake our group stays, if
    there are any.

    Raises: OperationFailed, naming what would not go, or cannot be told to be ours; CloudError if ARM refuses a look.
    """
    site.stack.mend()
    claim, seen = look(site, target)
    cleanup.refuse_another_owner(seen, claim)
    machine = seen.find(target.vm_id)
    if held_as and machine:
        holding.require(machine, held_as)
    grace = _GRACE if doubtful else 0.0
    if doubtful:
        subnets.adopt_subnet(site.stack, site.arm, claim, grace)
    apply.forget(site.stack, _not_seen_ours(seen, claim))
    _destroy(site)
    again = inventory.repeat_after(site.cloud.pace, site.made.last_write(), seen)
    patience = cleanup.Patience(
        target.poll_interval, target.deploy_timeout, max(again or 0.0, grace) if doubtful else again
    )
    left = cleanup.delete_owned(site.arm, claim, patience, keep_group=target.keep_group)
    site.stack.remove()
    site.made.gone(left)
    return {"left": left} if left else {}


def look(site: DeployContext, target: Target) -> tuple[Claim, Inventory]:
    """Look at what there is of a VM; where not all of it is ours, the engine's state tells what we made, too."""
    claim = site.claim(target)
    seen = inventory.take(site.arm, claim)
    if seen.group is None or seen.unread:
        seen = inventory.agree(site.arm, claim, seen)
    if not (seen.anothers or seen.unproven):
        return claim, seen
    known = {**apply.identities(site.stack, site.owner), **claim.made}
    for arm_id in known.keys() - claim.made.keys():
        site.made.note(arm_id, known[arm_id], 0.0)
    claim = replace(claim, made=known)
    return claim, inventory.take(site.arm, claim)


def _not_seen_ours(seen: Inventory, claim: Claim) -> list[str]:
    """Give the ids of what the engine must not destroy: what is not ours, and what no look has shown to be.

    What of that is ours all the same is released through ARM, which tells so of each. A disk goes with its VM.
    """
    ours = {resource["id"].lower() for resource in seen.ours}
    unseen = [arm_id for arm_id in claim.made if arm_id not in ours and "/disks/" not in arm_id]
    return [*(resource["id"] for resource in (*seen.anothers, *seen.unproven, *seen.unread)), *unseen]


def _destroy(site: DeployContext) -> None:
    try:
        site.stack.destroy()
    except OperationFailed as error:
        if error.failure.kind is FailureKind.LOCKED:
            raise
        get_logger().warning("destroy_incomplete", cause=str(error.failure))
