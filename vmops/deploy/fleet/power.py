"""Starts, stops, restarts or deallocates all VMs of a fleet at once."""

from typing import Any

from vmops.azure import machines, ownership
from vmops.azure.client import Arm
from vmops.azure.ownership import Claim
from vmops.azure.power import Action
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.deploy import readiness
from vmops.spec.target import Target


def switch(arm: Arm, target: Target, claim: Claim, action: Action) -> dict[str, Any]:
    """Request a power operation on each VM of a fleet, then wait until all have finished.

    Returns: ``switched``, the names of the VMs.

    Raises: OperationFailed (not_found) if there is no VM, (conflict) if one belongs to another, or with the names of
    the VMs that failed and the first one's reason; CloudError if ARM refuses a list.
    """
    found = [each.resource for each in machines.members(arm, target.identity)]
    for each in found:
        ownership.require_owned(each, claim)
    if not found:
        raise OperationFailed(Failure(FailureKind.NOT_FOUND, "the fleet has no VMs", resource=target.group_id))
    members = [target.model_copy(update={"member": target.identity.member(each["id"])}) for each in found]
    requests = [readiness.begin(arm, each, action) for each in members]
    ended = [readiness.end(arm, each, at) for each, at in zip(members, requests, strict=True)]
    if failed := [(each, why) for each, why in zip(members, ended, strict=True) if why]:
        raise OperationFailed(_failure(failed, len(members), action))
    return {"switched": [each.machine_name for each in members]}


def _failure(failed: list[tuple[Target, Failure]], of: int, action: Action) -> Failure:
    """Say which VMs failed, and why the first did."""
    first, why = failed[0]
    names = ", ".join(each.machine_name for each, _ in failed)
    message = f"the {action} of {len(failed)} of {of} VMs failed: {names}; {first.machine_name}: {why.message}"
    return Failure(why.kind, message, why.code, first.vm_id, step=why.step)
