"""Deletes what is left in the cloud after the engine's destroy.

The engine keeps resources that others may share: the group, and whatever the user named. Here such a resource is
deleted if nobody else uses it, and its ownership is transferred to another VM that still uses it. Resources of ours
that the engine does not know are deleted, too. What is not ours stays.
"""

from dataclasses import dataclass
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.inventory import RECHECK_INTERVAL, Inventory, Resource, cross_check, read
from vmops.azure.ownership import Claim, Whose, is_another_owners, kind_of, owner_of, refusal, stack_of, whose
from vmops.azure.refusals import Refusals
from vmops.azure.responses import is_absent
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, poll_until
from vmops.spec.names import GIVEN_TAG, OWNER_TAG, STACK_TAG, TAG_PREFIX

_USED_IN = {
    "virtualnetworks": lambda properties: [
        use["id"]
        for subnet in properties.get("subnets", ())
        for use in subnet.get("properties", {}).get("ipConfigurations", ())
    ],
    "networksecuritygroups": lambda properties: [
        use["id"] for part in ("networkInterfaces", "subnets") for use in properties.get(part) or ()
    ],
}
"""Properties of a shared resource that list its users. Source: azure-rest-api-specs, Microsoft.Network."""


_FINAL_ROUNDS = 3
"""Rounds with the same refusals after which they count as final."""

_MAX_POLL_INTERVAL = 15.0
"""Longest interval between two rounds, in Azure's seconds."""

_RECHECKS = 20
"""How many checks are repeated while the group lists a resource that is not found by its id: one of both is stale.
They agree within minutes (`vmops.azure.inventory`).
"""


@dataclass(frozen=True)
class CleanupPolling:
    """How a removal polls, in seconds: every ``interval``, or as ARM asks for, for at most ``timeout``.

    With ``again``, the checks that found nothing are repeated after so many seconds: a stale replica may have answered,
    or a dead worker's request may still be in flight.
    """

    interval: float
    timeout: float
    again: float | None = None


def delete_owned(arm: Arm, claim: Claim, polling: CleanupPolling, *, keep_group: bool = False) -> list[str]:
    """Delete what is ours of a VM, then its group if that is ours and verified to be empty.

    A resource in use can be deleted later, so each round tries again; the interval grows while nothing is deleted. A
    permanent refusal, such as a lock, is final only for its resource: the others are tried, and the removal ends once
    nothing else is left. A group is deleted only after two of its lists were empty, the second one ``again`` seconds
    later. With ``keep_group`` it stays.

    Returns: the ids of others' resources with our names, and of those because of which our group stays.

    Raises: OperationFailed, naming what could not be deleted, or with the last refusal, if something of ours is left at
    the end; (conflict), naming what cannot be proven to be ours, which stays and is still paid for, or the owner if the
    VM is another's.
    """
    removal = _Removal(arm, claim, polling, keep_group)
    left = poll_until(removal.check, timeout=polling.timeout)
    if left is None:
        late = Failure(FailureKind.TIMEOUT, "resources are still being deleted", resource=claim.vm.group_id)
        raise OperationFailed(removal.refusals.last or late)
    return left


def refuse_another_owner(seen: Inventory, claim: Claim) -> None:
    """Check that neither the VM nor anything with our stack's tag belongs to another owner, who then owns all of it.

    Raises: OperationFailed (conflict), naming the owner.
    """
    for resource in seen.others:
        if is_another_owners(resource, claim) or resource["id"].lower() == claim.vm.vm_id.lower():
            raise OperationFailed(refusal(resource, claim))


class _Removal:
    """The state of one removal: ARM's refusals, and the transferred resources, by ids in lower case."""

    def __init__(self, arm: Arm, claim: Claim, polling: CleanupPolling, keep_group: bool) -> None:
        self.refusals = Refusals()
        self._arm, self._claim, self._interval, self._keep_group = arm, claim, polling.interval, keep_group
        self._repeats = iter([] if polling.again is None else [NotYet(polling.again)])
        self._rechecks = iter([NotYet(RECHECK_INTERVAL * arm.pace)] * _RECHECKS)
        self._transferred: set[str] = set()
        self._emptied = False
        self._rounds_held = 0
        self._left: set[str] = set()
        self._rounds_unchanged = 0

    def check(self) -> list[str] | NotYet:
        """Do one round; return what stays once no check finds anything of ours."""
        seen = read(self._arm, self._claim)
        if not self._owned(seen):
            seen = cross_check(self._arm, self._claim, seen, resources=not self._emptied)
        self.refusals.reset()
        refuse_another_owner(seen, self._claim)
        if ours := self._owned(seen):
            asked = max(map(self._release, ours))
            if self.refusals.are_final(ours):
                raise OperationFailed(self.refusals.failure(ours, _paid_for(seen)))
            self._refuse_if_held(ours, seen)
            return NotYet(max(asked, self._pause(ours)))
        recheck = next(self._rechecks, None) if seen.unread else None
        return recheck or next(self._repeats, None) or self._finish(seen)

    def _refuse_if_held(self, ours: list[Resource], seen: Inventory) -> None:
        """Raise if all of ours was refused for several rounds while unproven resources, which may use it, exist."""
        held = bool(seen.unproven) and len(self.refusals) == len(ours)
        self._rounds_held = self._rounds_held + 1 if held else 0
        if self._rounds_held == _FINAL_ROUNDS:
            raise OperationFailed(_unproven([*seen.unproven, *ours], self._claim))

    def _pause(self, ours: list[Resource]) -> float:
        """Give the seconds to the next round; they grow while the same resources are left."""
        stays = {each["id"].lower() for each in ours}
        self._rounds_unchanged = self._rounds_unchanged + 1 if stays == self._left else 1
        self._left = stays
        return NotYet(self._interval, max_interval=_MAX_POLL_INTERVAL * self._arm.pace).interval(self._rounds_unchanged)

    def _owned(self, seen: Inventory) -> list[Resource]:
        return [resource for resource in seen.ours if resource["id"].lower() not in self._transferred]

    def _release(self, resource: Resource) -> float:
        """Delete one resource, or transfer it to another user; give ARM's interval until the next poll, in seconds."""
        try:
            user = _other_user(self._arm, resource, self._claim)
            if user:
                if _transfer_ownership(self._arm, resource, user):
                    self._transferred.add(resource["id"].lower())
                return 0.0
            return self._arm.delete(resource["id"]).retry_after or 0.0
        except CloudError as error:
            if is_absent(error):
                return 0.0
            self.refusals.record(resource, error)
            return error.retry_after or 0.0

    def _finish(self, seen: Inventory) -> list[str] | NotYet:
        """Handle the rest once nothing of ours is left except the group. Raises: OperationFailed (conflict)."""
        unproven = [each for each in seen.unproven if not _other_user(self._arm, each, self._claim)]
        if unproven:
            raise OperationFailed(_unproven(unproven, self._claim))
        theirs = [each["id"] for each in seen.others if each["id"].lower() not in self._transferred]
        if seen.group is None or not seen.group_is_ours or self._keep_group:
            return theirs
        if seen.contents is None:
            return NotYet(self._interval)  # its contents are unknown: it is being deleted, or a replica is stale
        released = self._release_group(seen.group, seen.contents)
        return released if isinstance(released, NotYet) else [*dict.fromkeys([*theirs, *released])]

    def _release_group(self, group: Resource, rest: tuple[Resource, ...]) -> list[str] | NotYet:
        """Delete our group if it is empty; else transfer it to another stack in it, or leave it."""
        if not rest:
            self._emptied = True  # every check has found it empty: from here on only the group is polled
            asked = self._release(group)
            if self.refusals.are_final([group]):
                raise OperationFailed(self.refusals.failure([group], []))
            return NotYet(asked or self._interval)
        user = next((resource for resource in rest if stack_of(resource) not in {"", self._claim.stack}), None)
        if user:
            _transfer_ownership(self._arm, group, user)
            return NotYet(0)
        get_logger().warning("group_kept", group=group["id"], holds=[resource["id"] for resource in rest])
        return [resource["id"] for resource in rest]


def _paid_for(seen: Inventory) -> list[str]:
    """Name the resources that a removal leaves and that cost money; a group does not."""
    return [str(each["name"]) for each in seen.to_go if kind_of(each) != "resourcegroups"]


def _unproven(left: list[Resource], claim: Claim) -> Failure:
    """Give the failure for resources with our names that are not proven to be ours."""
    names = ", ".join(resource["name"] for resource in left)
    message = f"left, and still paid for: {names}; only the name suggests that vmops made it"
    return Failure(FailureKind.CONFLICT, message, resource=left[0]["id"], step=refusal(left[0], claim).step)


def _other_user(arm: Arm, resource: Resource, claim: Claim) -> dict[str, Any] | None:
    """Find another VM's NIC that uses a shared resource of ours."""
    users = _USED_IN.get(kind_of(resource))
    for use in users(resource["properties"]) if users else ():
        nic = arm.get(use.split("/ipConfigurations/")[0])
        if nic is not None and whose(nic, claim) not in {Whose.OURS, Whose.UNPROVEN}:
            return nic
    return None


def _transfer_ownership(arm: Arm, resource: Resource, user: Resource) -> bool:
    """Transfer a resource of ours to a stack that still uses it; take it back if that stack is gone meanwhile.

    A stack first deletes the users of a resource, and then searches for its tag. So it either finds the tag of this
    transfer, or its user of the resource is already gone here.

    Returns: whether the other stack now owns the resource.
    """
    had = {name: value for name, value in (resource.get("tags") or {}).items() if name.startswith(TAG_PREFIX)}
    get_logger().info("ownership_transferred", resource=resource["id"], to=stack_of(user) or user["id"])
    gets = _transfer_tags(resource, user)
    _retag(arm, resource, had, gets)
    if arm.get(user["id"]) is None:
        _retag(arm, resource, gets, had)
        return False
    return True


def _transfer_tags(resource: Resource, user: Resource) -> dict[str, str]:
    """Give the tags that transfer a resource. A group does not get the transfer mark, which policies would copy."""
    if not stack_of(user):
        return {}
    given = {} if kind_of(resource) == "resourcegroups" else {GIVEN_TAG: stack_of(resource)}
    return {STACK_TAG: stack_of(user), OWNER_TAG: owner_of(user) or "", **given}


def _retag(arm: Arm, resource: Resource, had: dict[str, str], gets: dict[str, str]) -> None:
    """Change our tags on a resource; others' tags stay."""
    if gets:
        arm.merge_tags(resource["id"], gets)
    if lost := {name: value for name, value in had.items() if name not in gets}:
        arm.drop_tags(resource["id"], lost)
