"""Deletes what the engine leaves behind of members that are removed from a fleet."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.azure.ownership import Claim, is_ours
from vmops.azure.responses import is_absent
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, poll_until
from vmops.deploy.context import DeployContext
from vmops.engine.reconcile import apply
from vmops.spec.vm_spec import VmSpec


def release(context: DeployContext, spec: VmSpec, left: Sequence[VmSpec]) -> None:
    """Delete what remains of leaving members, and forget them.

    The engine does not delete data disks that were made separately, nor resources that it does not know. What is not
    ours stays.

    Raises: OperationFailed (timeout) if it does not go; CloudError if ARM refuses.
    """
    claim, numbers = context.claim(spec), {each.member for each in left}
    if left:
        _until_gone(context, spec, lambda: _of(context.arm, claim, numbers))
    context.made.disown([each for each in context.made.known() if claim.vm.member(each) in numbers])


def clear(context: DeployContext, spec: VmSpec, members: Sequence[VmSpec]) -> None:
    """Delete everything of members that move elsewhere, including data disks, which the engine does not delete.

    Raises: as `release`.
    """
    release(context, spec, members)
    own = [arm_id for each in members for arm_id in each.own_ids() if spec.identity.member(arm_id) == each.member]
    apply.forget(context.stack, own)


def remove(context: DeployContext, spec: VmSpec, machines: Sequence[Mapping[str, Any]]) -> None:
    """Delete VMs of ours with their disks; their other resources stay. Raises: as `release`."""
    ids = [each["id"] for each in machines]
    get_logger().warning("members_replaced", vms=ids)
    _until_gone(context, spec, lambda: list(filter(None, map(context.arm.get, ids))))


def _until_gone(context: DeployContext, spec: VmSpec, find: Callable[[], Sequence[Mapping[str, Any]]]) -> None:
    def check() -> bool | NotYet:
        asked = [_delete(context.arm, each["id"]) for each in find()]
        return NotYet(max([spec.poll_interval, *asked])) if asked else True

    if not poll_until(check, timeout=spec.deploy_timeout):
        message = "resources of its members were not deleted in time"
        raise OperationFailed(Failure(FailureKind.TIMEOUT, message, resource=spec.group_id))


def _of(arm: Arm, claim: Claim, numbers: set[int | None]) -> list[dict[str, Any]]:
    """List existing resources of ours with these numbers, without attached disks, which are deleted with their VM."""
    listed = [each["id"] for each in arm.contents(claim.vm.group_id) if not each.get("managedBy")]
    found = [arm.get(arm_id) for arm_id in listed if claim.vm.member(arm_id) in numbers]
    return [each for each in found if each and is_ours(each, claim)]


def _delete(arm: Arm, arm_id: str) -> float:
    """Request the deletion of a resource; give ARM's interval until the next poll, in seconds."""
    try:
        return arm.delete(arm_id).retry_after or 0.0
    except CloudError as error:
        if not (is_absent(error) or failure_from_cloud_error(error).retryable):
            raise
        return error.retry_after or 0.0
