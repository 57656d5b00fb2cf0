"""Deletes what is left in the cloud after the engine's destroy.

The engine keeps what others may share (the group, and whatever the user named). Here such a resource is deleted once
nobody else uses it, handed over to a VM that still does, and left alone if it is not ours. Everything else that is ours
and unknown to the engine is deleted too.
"""

from dataclasses import dataclass
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.inventory import AGAIN, Inventory, Resource, agree, take
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


_ROUNDS_HELD = 3
"""Rounds of the same refusals after which they are taken as final."""

_LONGEST = 15.0
"""Longest pause between two rounds in which nothing was deleted, in Azure's seconds."""

_DOUBTS = 20
"""How many checks are repeated while the group lists a resource that is not found by its id: then the list is stale.
Both agree within minutes (`vmops.azure.inventory`).
"""


@dataclass(frozen=True)
class Patience:
    """How a removal waits, in seconds: ``interval`` between two rounds, or as long as ARM asks for, for ``timeout``.

    With ``again``, all checks that found nothing are repeated that much later: a stale replica may have answered, or a
    dead worker's request may still be in flight.
    """

    interval: float
    timeout: float
    again: float | None = None


def delete_owned(arm: Arm, claim: Claim, patience: Patience, *, keep_group: bool = False) -> list[str]:
    """Delete what is ours of a VM, then its group if that is ours and verified to be empty.

    Refusals because of use pass with time, so each round tries again, after longer pauses the longer nothing is
    deleted. A refusal that does not pass, such as a lock, is final for its resource alone: the others are tried, and
    the removal ends once nothing else is left. A group is never deleted because of one list: both of its lists must be
    empty after the last of ours is gone, the second one after ``again`` seconds. With ``keep_group`` it stays.

    Returns: the ids of others' resources with our names, and of what keeps our group; empty if nothing is left.

    Raises: OperationFailed, naming all that could not be deleted, or with the last refusal, if something of ours is
    left at the end; (conflict), naming what cannot be proven to be ours, which is left and still paid for, or the owner
    if the VM is another's.
    """
    removal = _Removal(arm, claim, patience, keep_group)
    left = poll_until(removal.look, timeout=patience.timeout)
    if left is None:
        late = Failure(FailureKind.TIMEOUT, "resources are still being deleted", resource=claim.vm.group_id)
        raise OperationFailed(removal.refusals.last or late)
    return left


def refuse_another_owner(seen: Inventory, claim: Claim) -> None:
    """Check that neither the VM nor anything with our stack's tag is another owner's: then all of it is theirs.

    Raises: OperationFailed (conflict), naming the owner.
    """
    for resource in seen.anothers:
        if is_another_owners(resource, claim) or resource["id"].lower() == claim.vm.vm_id.lower():
            raise OperationFailed(refusal(resource, claim))


class _Removal:
    """One removal: ARM's refusals, and what was handed over, by ids in lower case."""

    def __init__(self, arm: Arm, claim: Claim, patience: Patience, keep_group: bool) -> None:
        self.refusals = Refusals()
        self._arm, self._claim, self._interval, self._keep_group = arm, claim, patience.interval, keep_group
        self._repeats = iter([] if patience.again is None else [NotYet(patience.again)])
        self._doubts = iter([NotYet(AGAIN * arm.pace)] * _DOUBTS)
        self._given: set[str] = set()
        self._emptied = False
        self._rounds_held = 0
        self._stays: set[str] = set()
        self._rounds_alike = 0

    def look(self) -> list[str] | NotYet:
        """Do one round; give what is left once no check finds anything of ours."""
        seen = take(self._arm, self._claim)
        if not self._mine(seen):
            seen = agree(self._arm, self._claim, seen, resources=not self._emptied)
        self.refusals.forget()
        refuse_another_owner(seen, self._claim)
        if ours := self._mine(seen):
            asked = max(map(self._release, ours))
            if self.refusals.are_final(ours):
                raise OperationFailed(self.refusals.failure(ours, _paid_for(seen)))
            self._refuse_if_held(ours, seen)
            return NotYet(max(asked, self._pause(ours)))
        doubt = next(self._doubts, None) if seen.unread else None
        return doubt or next(self._repeats, None) or self._settle_rest(seen)

    def _refuse_if_held(self, ours: list[Resource], seen: Inventory) -> None:
        """Give up if what is left is refused again and again, or unproven resources use it."""
        held = bool(seen.unproven) and len(self.refusals) == len(ours)
        self._rounds_held = self._rounds_held + 1 if held else 0
        if self._rounds_held == _ROUNDS_HELD:
            raise OperationFailed(_unproven([*seen.unproven, *ours], self._claim))

    def _pause(self, ours: list[Resource]) -> float:
        """Give the seconds to the next round if ARM names none: more, the longer the same is left."""
        stays = {each["id"].lower() for each in ours}
        self._rounds_alike = self._rounds_alike + 1 if stays == self._stays else 1
        self._stays = stays
        return NotYet(self._interval, most=_LONGEST * self._arm.pace).after(self._rounds_alike)

    def _mine(self, seen: Inventory) -> list[Resource]:
        return [resource for resource in seen.ours if resource["id"].lower() not in self._given]

    def _release(self, resource: Resource) -> float:
        """Delete one resource, or hand it over; give the seconds after which ARM wants to be asked again."""
        try:
            heir = _other_user(self._arm, resource, self._claim)
            if heir:
                if _transfer_ownership(self._arm, resource, heir):
                    self._given.add(resource["id"].lower())
                return 0.0
            return self._arm.delete(resource["id"]).retry_after or 0.0
        except CloudError as error:
            if is_absent(error):
                return 0.0
            self.refusals.meet(resource, error)
            return error.retry_after or 0.0

    def _settle_rest(self, seen: Inventory) -> list[str] | NotYet:
        """Judge what is left when nothing of ours is, except perhaps the group."""
        unproven = [each for each in seen.unproven if not _other_user(self._arm, each, self._claim)]
        if unproven:
            raise OperationFailed(_unproven(unproven, self._claim))
        theirs = [each["id"] for each in seen.anothers if each["id"].lower() not in self._given]
        if seen.group is None or not seen.group_is_ours or self._keep_group:
            return theirs
        if seen.contents is None:
            return NotYet(self._interval)  # it goes, or a replica does not know of it: what it holds is not known
        released = self._release_group(seen.group, seen.contents)
        return released if isinstance(released, NotYet) else [*dict.fromkeys([*theirs, *released])]

    def _release_group(self, group: Resource, rest: tuple[Resource, ...]) -> list[str] | NotYet:
        """Delete our group if it is empty; else hand it over, or leave it."""
        if not rest:
            self._emptied = True  # of what is in it every look has said that it is gone: what follows is the group's
            asked = self._release(group)
            if self.refusals.are_final([group]):
                raise OperationFailed(self.refusals.failure([group], []))
            return NotYet(asked or self._interval)
        heir = next((resource for resource in rest if stack_of(resource) not in {"", self._claim.stack}), None)
        if heir:
            _transfer_ownership(self._arm, group, heir)
            return NotYet(0)
        get_logger().warning("group_stays", group=group["id"], holds=[resource["id"] for resource in rest])
        return [resource["id"] for resource in rest]


def _paid_for(seen: Inventory) -> list[str]:
    """Name what a removal leaves of ours; the group is left out, because it costs nothing."""
    return [str(each["name"]) for each in seen.to_go if kind_of(each) != "resourcegroups"]


def _unproven(left: list[Resource], claim: Claim) -> Failure:
    """Name what has our name, is not proven to be ours, and is still paid for."""
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


def _transfer_ownership(arm: Arm, resource: Resource, heir: Resource) -> bool:
    """Hand a resource of ours over to a stack that still uses it; take it back if that stack is gone meanwhile.

    The other stack first deletes what uses the resource, and then looks for its tag. So either it sees the tag, or it
    is already gone here.

    Returns: whether the resource is the other stack's now.
    """
    had = {name: value for name, value in (resource.get("tags") or {}).items() if name.startswith(TAG_PREFIX)}
    get_logger().info("handed_over", resource=resource["id"], to=stack_of(heir) or heir["id"])
    gets = _given_tags(resource, heir)
    _retag(arm, resource, had, gets)
    if arm.get(heir["id"]) is None:
        _retag(arm, resource, gets, had)
        return False
    return True


def _given_tags(resource: Resource, heir: Resource) -> dict[str, str]:
    """Give the tags that hand a resource over. A group's tags do not say so, because policies copy a group's tags."""
    if not stack_of(heir):
        return {}
    given = {} if kind_of(resource) == "resourcegroups" else {GIVEN_TAG: stack_of(resource)}
    return {STACK_TAG: stack_of(heir), OWNER_TAG: owner_of(heir) or "", **given}


def _retag(arm: Arm, resource: Resource, had: dict[str, str], gets: dict[str, str]) -> None:
    """Change our tags on a resource; others' tags stay."""
    if gets:
        arm.merge_tags(resource["id"], gets)
    if lost := {name: value for name, value in had.items() if name not in gets}:
        arm.drop_tags(resource["id"], lost)
