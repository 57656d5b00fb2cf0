"""Finds a VM that is not where a removal looks for it, but in another group, subscription or cloud."""

from collections.abc import Callable, Iterator

from vmops.azure.client import Arm
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.azure.ownership import owner_of, stack_of
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.jobs.store import Store
from vmops.ops.absence import Absence
from vmops.ops.suggest import shell_command
from vmops.spec.names import Identity
from vmops.spec.target import Target


def refuse_another_place(store: Store, arm: Callable[[Target], Arm], absence: Absence) -> None:
    """Refuse a removal in a place where the VM never was, if a VM of that name exists elsewhere.

    A place is never refused if this host has a record of it, or if anything of the VM is there. Other subscriptions and
    clouds are known from records only. If ARM cannot answer now, the removal goes on.

    Raises: OperationFailed (not_found), naming the place; CloudError if ARM refuses permanently.
    """
    target = absence.target
    if absence.latest is not None:
        return
    try:
        seen = absence.take()
        if seen.all or seen.group_is_ours:
            return
        other = next(_others(store, arm(target), target, absence.claim.owner), None)
    except CloudError as error:
        if failure_from_cloud_error(error).retryable:
            return
        raise
    if other:
        raise OperationFailed(_not_here(target, other))


def _others(store: Store, arm: Arm, target: Target, owner: str) -> Iterator[Identity]:
    """Give the other places with a VM of that name: from this host's records, then from the subscription's list."""
    for made in store.live_provisions():
        if made.vm_name.lower() == target.vm_name.lower() and made.stack != target.stack:
            yield made.identity
    for listed in arm.named(target.subscription, "Microsoft.Compute/virtualMachines", target.vm_name):
        found = arm.get(listed["id"])
        if found and stack_of(found) and owner_of(found) == owner:
            yield Identity(target.cloud, target.subscription, found["id"].split("/")[4], found["name"])


def _not_here(target: Target, other: Identity) -> Failure:
    """Say where the VM is, and how to remove it there."""
    message = f"it does not exist here, but a VM of that name is in {other.group_id} ({other.cloud})"
    step = f"`{shell_command('deprovision', other.params)}` removes that VM"
    return Failure(FailureKind.NOT_FOUND, message, resource=target.vm_id, step=step)
