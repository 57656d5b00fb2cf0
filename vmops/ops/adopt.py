"""Adopts resources of ours whose tags were changed or removed: they get our tags again."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vmops.azure import inventory
from vmops.azure.client import Arm
from vmops.azure.inventory import Inventory, Resource
from vmops.azure.ownership import Claim, carries_our_tags, fleet_of, is_proven
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.engine.reconcile import apply
from vmops.ops.deployments import Deployments
from vmops.ops.members import asked_for
from vmops.ops.reading import reading
from vmops.spec.names import FLEET_TAG, OWNER_TAG, STACK_TAG
from vmops.spec.target import Target


def adopt(deployments: Deployments, target: Target, *, dry_run: bool = False) -> dict[str, Any]:
    """Put our tags on the resources of a VM: those whose identity proves them ours, and those that nobody else claims.

    A resource with another identity than the one that was made is never adopted. One with another owner's tag is
    adopted only if its identity proves it ours. With ``dry_run``, only report.

    Returns: ``proven`` and ``unproven``, which are adopted, and ``refused``: each the former tags by ARM id.

    Raises: OperationFailed (not_found) if nothing of the VM is seen; CloudError if ARM refuses; EngineMissing.
    """
    arm, (claim, seen) = deployments.arm(target), _survey(deployments, target)
    if not seen.all:
        raise OperationFailed(Failure(FailureKind.NOT_FOUND, "nothing of it exists", resource=target.vm_id))
    proven = [
        each for each in (*seen.ours, *seen.others) if is_proven(each, claim) and not carries_our_tags(each, claim)
    ]
    refused = [each for each in seen.others if each not in proven]
    fleet = {FLEET_TAG: target.vm_name} if _is_fleet(deployments, target, seen) else {}
    if not dry_run:
        for resource in (*proven, *seen.unproven):
            _add_tags(arm, resource, claim, fleet)
    return {"proven": _tags(proven), "unproven": _tags(seen.unproven), "refused": _tags(refused)}


def _survey(deployments: Deployments, target: Target) -> tuple[Claim, Inventory]:
    """List what exists, with a claim that also rests on the engine's state: this host may lack records."""
    arm, claim = deployments.arm(target), deployments.claim(target)
    with reading(deployments.settings, deployments.store, target) as site:
        claim = replace(claim, made={**apply.identities(site.stack, claim.owner), **claim.made})
    return claim, inventory.read_cross_checked(arm, claim)


def _is_fleet(deployments: Deployments, target: Target, seen: Inventory) -> bool:
    last = asked_for(deployments.store, target)
    return bool(last and last.given.get("vmCount")) or any(map(fleet_of, seen.ours))


def _add_tags(arm: Arm, resource: Resource, claim: Claim, fleet: Mapping[str, str]) -> None:
    arm.merge_tags(resource["id"], {STACK_TAG: claim.stack, OWNER_TAG: claim.owner, **fleet})


def _tags(resources: Any) -> dict[str, dict[str, str]]:
    return {resource["id"]: dict(resource.get("tags") or {}) for resource in resources}
