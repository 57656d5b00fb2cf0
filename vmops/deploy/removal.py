"""The steps of a removal: whose what exists is, the engine's destroy of what is ours, and what remains after it."""

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
"""Seconds within which ARM shows what a request has begun that was still on its way when its sender died."""


_ANOTHERS = frozenset({FailureKind.LOCKED})
"""Another engine may work on the stack."""

_ENDS = _ANOTHERS | {FailureKind.INTERRUPTED, FailureKind.TIMEOUT}
"""It does, or somebody ends this removal."""


def deprovision(site: DeployContext, target: Target, *, doubtful: bool, held_as: str = "") -> dict[str, Any]:
    """Destroy all that the stack made, verify by every look that there is, then forget the stack; see `clear`.

    Returns: ``left``, the ids that `clear` gives, if there are any.
    """
    left = clear(site, target, doubtful=doubtful, held_as=held_as)
    _can("forget the stack", site.stack.remove, unless=_ANOTHERS)
    with suppress(StoreError):  # whoever looks next finds nothing there
        site.made.gone(left)
    return {"left": left} if left else {}


def clear(site: DeployContext, target: Target, *, doubtful: bool = False, held_as: str = "") -> list[str]:
    """Destroy all that the stack made, and verify by every look that there is; the stack stays, and has nothing.

    What the engine cannot destroy is released through ARM, which also knows what the engine does not. What is not ours
    leaves the engine's state before it could be destroyed. ``doubtful``: what came before was cut off, so that a write
    may still be on its way; it is looked for once more. ``held_as``: the mark of the holder who removes it, and may
    remove no VM that carries another.

    Returns: the ids of what is another's and has our name, and of the foreign resources for whose sake our group stays.

    Raises: OperationFailed, naming what would not go, or cannot be told to be ours; CloudError if ARM refuses a look.
    """
    _can("mend its files", site.stack.mend)
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
    """Look at what there is of a VM; where not all of it is ours, the engine's state tells what we made, too."""
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
    """Give the ids of what the engine must not destroy: what is not ours, and what no look has shown to be.

    What of that is ours all the same is released through ARM, which tells so of each. A disk goes with its VM.
    """
    ours = {resource["id"].lower() for resource in seen.ours}
    unseen = [arm_id for arm_id in claim.made if arm_id not in ours and "/disks/" not in arm_id]
    return [*(resource["id"] for resource in (*seen.anothers, *seen.unproven, *seen.unread)), *unseen]


def _prepare(site: DeployContext, claim: Claim, seen: Inventory, grace: float) -> None:
    """Have the engine's state know only what is to go; with ``grace`` it is told what was begun before and is there."""
    if grace:
        subnets.adopt_subnet(site.stack, site.arm, claim, grace)
    apply.forget(site.stack, _not_seen_ours(seen, claim))


def _can(do: str, work: Callable[[], object], *, unless: frozenset[FailureKind] = _ENDS) -> bool:
    """Have the engine do something; tell whether it could: what it cannot do ARM does, which knows all that there is.

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
