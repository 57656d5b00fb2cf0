"""Checks that recorded VMs still exist."""

from collections.abc import Mapping
from typing import Any

from vmops.azure import machines, ownership
from vmops.azure.client import Arm
from vmops.azure.ownership import Claim
from vmops.core.failures import Failure, FailureKind
from vmops.spec.target import Target


def still(arm: Arm, claim: Claim, target: Target, ended: dict[str, Any]) -> dict[str, Any] | Failure:
    """Give the result ``ended`` of a provision, if all of its VMs still exist and are ours; else a failure.

    Raises: CloudError if ARM refuses a read.
    """
    for vm_id, existing in _made(arm, target, ended).items():
        if existing is None:
            message = "it was made, and somebody has deleted it"
            return Failure(FailureKind.NOT_FOUND, message, resource=vm_id, step="provision it again")
        if not ownership.is_ours(existing, claim):
            return ownership.refusal(existing, claim)
    return ended


def _made(arm: Arm, target: Target, ended: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any] | None]:
    """Read a VM, or all VMs of a fleet by one list: each resource by its id, None if it is gone."""
    if "members" not in ended:
        return {target.vm_id: arm.get(target.vm_id)}
    return machines.of_ids(arm, target.subscription, [each["id"] for each in ended["members"]])
