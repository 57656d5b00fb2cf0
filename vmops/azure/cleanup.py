"""What remains in the cloud after the engine's destroy, and letting it go.

The engine keeps what others may share (the group, and whatever the user named); here it is deleted once nobody else
uses it, handed over to whoever still does, and left alone if it is foreign. Whatever else carries our tag, unknown to
the engine, goes the same way.
"""

from collections.abc import Mapping
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.azure.ownership import Claim, is_anothers, owner_of, stack_of
from vmops.azure.responses import is_absent
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, poll_until
from vmops.spec import names
from vmops.spec.names import OWNER_TAG, STACK_TAG

_ORDER = (
    "virtualmachines",
    "networkinterfaces",
    "publicipaddresses",
    "networksecuritygroups",
    "virtualnetworks",
    "disks",
)
"""Users before what they use: ARM refuses to delete what is in use."""

_USED_IN = {
    "virtualnetworks": lambda properties: [
        use["id"]
        for subnet in properties.get("subnets", ())
        for use in subnet.get("properties", {}).get("ipConfigurations", ())
    ],
    "networksecuritygroups": lambda properties: [use["id"] for use in properties.get("networkInterfaces", ())],
}
"""Where a shared resource names its users. Source: azure-rest-api-specs, Microsoft.Network."""


def delete_owned(
    arm: Arm, group_id: str, claim: Claim, *, interval: float, timeout: float, grace: float = 0.0
) -> list[str]:
    """Delete what carries the claim's tags in a group, then the group if it is ours and empty.

    In-use refusals and reservations pass with time, so each round tries again, ``interval`` seconds apart or as many as
    ARM asks for, for at most ``timeout`` seconds. With a ``grace``, in seconds, there is another look that long after
    nothing was found.

    Returns: the ids of foreign resources for whose sake our group stays; empty if nothing of ours is left.

    Raises: OperationFailed, naming what would not go, if something of ours is still there at the end.
    """
    refusals: dict[str, CloudError] = {}
    again = iter([NotYet(grace)] if grace else [])

    def look() -> list[str] | NotYet:
        try:
            seen = _round(arm, group_id, claim, interval, refusals)
        except CloudError as error:
            if not is_absent(error):
                raise
            return NotYet(0)  # what was just seen is gone
        return seen if isinstance(seen, NotYet) else next(again, seen)

    left = poll_until(look, timeout=timeout)
    if left is None:
        last = next(map(failure_from_cloud_error, refusals.values()), None)
        raise OperationFailed(
            last or Failure(FailureKind.TIMEOUT, "resources are still being deleted", resource=group_id)
        )
    return left


def list_owned(arm: Arm, group_id: str, claim: Claim) -> list[dict[str, Any]]:
    """List what exists in a group and is ours by stack and owner, the group last; users before what they use."""
    return [found for found in list_stack(arm, group_id, claim.stack) if not is_anothers(found, claim)]


def list_stack(arm: Arm, group_id: str, stack: str) -> list[dict[str, Any]]:
    """List what exists in a group and is of a stack, whoever owns it, the group last; users before what they use."""
    group = arm.get(group_id)
    return [] if group is None else list_stack_in(arm, group, stack)


def list_stack_in(arm: Arm, group: dict[str, Any], stack: str) -> list[dict[str, Any]]:
    """List the same of a group that was just looked at."""
    try:
        found = [resource for resource in arm.contents(group["id"]) if _is_ours(resource, group, stack)]
    except CloudError as error:
        if is_absent(error):
            return []
        raise
    found.sort(key=lambda resource: _ORDER.index(_kind(resource)))
    return [*found, group] if stack_of(group) == stack else found


def _round(
    arm: Arm, group_id: str, claim: Claim, interval: float, refusals: dict[str, CloudError]
) -> list[str] | NotYet:
    found = list_owned(arm, group_id, claim)
    refusals.clear()
    if [resource["id"].lower() for resource in found] == [group_id.lower()]:
        return _release_group(arm, found[0], interval)
    let_go = [resource for resource in found if resource["id"].lower() != group_id.lower()]
    pauses = [_release_one(arm, resource, claim.stack, refusals) for resource in let_go]
    return NotYet(max([interval, *pauses])) if found else []


def _release_one(arm: Arm, resource: Mapping[str, Any], stack: str, refusals: dict[str, CloudError]) -> float:
    """Delete one resource, or hand it over; give the seconds after which ARM wants to be asked again."""
    try:
        heir = _other_user(arm, resource, stack)
        if heir:
            _transfer_ownership(arm, resource, heir)
            return 0.0
        return arm.delete(resource["id"]).retry_after or 0.0
    except CloudError as error:
        failure = failure_from_cloud_error(error)
        if is_absent(error):
            return 0.0
        if not failure.retryable:
            raise OperationFailed(failure) from None
        refusals[resource["id"]] = error
        return error.retry_after or 0.0


def _release_group(arm: Arm, group: Mapping[str, Any], interval: float) -> list[str] | NotYet:
    rest = arm.contents(group["id"])
    if not rest:
        accepted = arm.delete(group["id"])
        return NotYet(interval if accepted.retry_after is None else accepted.retry_after)
    heir = next((resource for resource in rest if stack_of(resource)), None)
    if heir:
        _transfer_ownership(arm, group, heir)
        return NotYet(0)
    get_logger().warning("group_stays", group=group["id"], holds=[resource["id"] for resource in rest])
    return [resource["id"] for resource in rest]


def _is_ours(resource: Mapping[str, Any], group: Mapping[str, Any], stack: str) -> bool:
    """Only what vmops makes can be ours: a policy may copy a group's tags to anything else in it.

    A disk that ARM made with the VM may carry no tag; in our own group it is ours by its name.
    """
    if _kind(resource) not in _ORDER:
        return False
    if stack_of(resource):
        return stack_of(resource) == stack
    loose_disk = _kind(resource) == "disks" and not resource.get("managedBy")
    return loose_disk and stack_of(group) == stack and _is_disk_of(stack.rpartition("-")[0], resource["name"].lower())


def _is_disk_of(vm_name: str, disk: str) -> bool:
    """Compare a disk's name with those that a VM's disks get, all in lower case."""
    lun = disk.rpartition("-")[2]
    data_disk = lun.isdecimal() and disk == names.data_disk(vm_name, int(lun))
    return data_disk or disk == names.default_name("os_disk", vm_name)


def _other_user(arm: Arm, resource: Mapping[str, Any], stack: str) -> dict[str, Any] | None:
    """Find another's NIC that uses a shared resource of ours."""
    users = _USED_IN.get(_kind(resource))
    body = arm.get(resource["id"]) if users else None
    for use in users(body["properties"]) if users and body else ():
        nic = arm.get(use.split("/ipConfigurations/")[0])
        if nic is not None and stack_of(nic) != stack:
            return nic
    return None


def _transfer_ownership(arm: Arm, resource: Mapping[str, Any], heir: Mapping[str, Any]) -> None:
    """Give what we made to a stack that still uses it; take it back if that stack has gone meanwhile.

    An heir first deletes what uses the resource and then looks for its tag: either it sees the tag, or it is gone here.
    """
    tags = dict(resource.get("tags") or {})
    get_logger().info("handed_over", resource=resource["id"], to=stack_of(heir) or heir["id"])
    theirs = {STACK_TAG: stack_of(heir), OWNER_TAG: owner_of(heir) or ""}
    arm.tag(resource["id"], {**tags, **theirs} if stack_of(heir) else _untagged(tags))
    if arm.get(heir["id"]) is None:
        arm.tag(resource["id"], tags)


def _untagged(tags: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if not name.startswith("vmops-")}


def _kind(resource: Mapping[str, Any]) -> str:
    return str(resource["type"]).rpartition("/")[2].lower()
