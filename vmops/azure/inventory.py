"""What exists of a VM, and who owns each resource. Every answer about existence comes from here.

ARM answers from replicas: for minutes an existing resource may be missing from a list, or be answered with 404. So
absence is cross-checked (`agree`): by the group's list, by the subscription's lists by tag, and by each known id.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.ownership import Claim, Whose, carries_our_tags, is_tagged_by_another, kind_of, stack_of, whose
from vmops.azure.responses import is_absent
from vmops.core.errors import CloudError
from vmops.core.log import get_logger
from vmops.spec.names import STACK_TAG

Resource = Mapping[str, Any]

_ORDER = (
    "virtualmachines",
    "networkinterfaces",
    "publicipaddresses",
    "networksecuritygroups",
    "virtualnetworks",
    "disks",
)
"""The types that vmops makes, in the order of deletion: ARM refuses to delete a resource in use."""

_READ_SINGLY = 3
"""How many resources of one type are read one by one by their ids; more are read by one list."""

_REPLICA_LAG = 600.0
"""Azure's seconds after a write within which a replica may not show it. Source: public reports of 404 for what was just
made; they end within minutes."""

RECHECK_INTERVAL = 30.0
"""Azure's seconds between two checks of what a replica may not show yet."""


@dataclass(frozen=True)
class Inventory:
    """What was found of a VM in its resource group.

    - ``group``: the resource group, whoever owns it; None if it does not exist.
    - ``contents``: all resources that the group lists; None if the list could not be read.
    - ``judged``: the resources with our name or our tag, by owner, in the order of deletion, without the group.
    - ``disks``: the attached disks with our name or our tag.
    - ``unread``: listed resources that may be ours and were not found by their ids: they are gone, or a replica is
      stale.
    """

    group: Resource | None = None
    group_is_ours: bool = False
    contents: tuple[Resource, ...] | None = ()
    by_owner: Mapping[Whose, tuple[Resource, ...]] = field(default_factory=dict)
    disks: tuple[Resource, ...] = ()
    unread: tuple[Resource, ...] = ()

    @property
    def ours(self) -> tuple[Resource, ...]:
        """Give the resources that are ours, without the group."""
        return self.by_owner.get(Whose.OURS, ())

    @property
    def machines(self) -> tuple[Resource, ...]:
        """Give the VMs that are ours; a fleet has several."""
        return tuple(each for each in self.ours if kind_of(each) == "virtualmachines")

    @property
    def others(self) -> tuple[Resource, ...]:
        """Give the resources of others with our name or our tag."""
        return self.by_owner.get(Whose.ANOTHERS, ())

    @property
    def unproven(self) -> tuple[Resource, ...]:
        """Give the resources with our name and no proof of their owner."""
        return self.by_owner.get(Whose.UNPROVEN, ())

    def whose(self, arm_id: str) -> Whose | None:
        """Give the owner of a resource; None if it was not judged."""
        found = self.find(arm_id)
        return next((each for each, those in self.by_owner.items() if found in those), None)

    @property
    def all(self) -> list[Resource]:
        """Give all judged resources, without the group."""
        return [each for found in self.by_owner.values() for each in found]

    @property
    def to_go(self) -> list[Resource]:
        """Give the resources that a removal would delete, the group last."""
        return [*self.ours, *self._disks_of_ours, *([self.group] if self.group and self.group_is_ours else [])]

    @property
    def _disks_of_ours(self) -> list[Resource]:
        """Give the disks attached to VMs of ours, which are deleted with them."""
        holders = {each["id"].lower() for each in self.ours}
        return [each for each in self.disks if str(each.get("managedBy")).lower() in holders]

    def find(self, arm_id: str) -> Resource | None:
        """Give a judged resource by its id; None if there is none."""
        return next((each for each in self.all if each["id"].lower() == arm_id.lower()), None)


def read(arm: Arm, claim: Claim) -> Inventory:
    """Read what exists of a VM in its group. Each resource that may be ours is read by its id, for its identity.

    Raises: CloudError if ARM refuses a read.
    """
    group, contents = _group(arm, claim.vm.group_id)
    claim = claim.in_group(group)
    listed = [each for each in contents if _must_be_read(each, claim)]
    read = _read_by_id(arm, claim.vm.group_id, listed)
    unread = [each for each, found in zip(listed, read, strict=True) if found is None]
    theirs = [{**each, "properties": {}} for each in unread if is_tagged_by_another(each, claim)]
    missing = tuple(each for each in unread if not is_tagged_by_another(each, claim))
    return replace(sort_by_owner(group, contents, [*filter(None, read), *theirs], claim), unread=missing)


def _read_by_id(arm: Arm, group_id: str, listed: Sequence[Resource]) -> list[Resource | None]:
    """Read resources by their ids; many of one type by one list, and by id only those that it does not contain."""
    count = Counter(str(each["type"]) for each in listed)
    many = [kind for kind, times in count.items() if times > _READ_SINGLY]
    shown = {each["id"].lower(): each for kind in many for each in arm.of_type_in(group_id, kind)}
    return [shown.get(each["id"].lower()) or arm.get(each["id"]) for each in listed]


def read_cross_checked(arm: Arm, claim: Claim) -> Inventory:
    """Read what exists of a VM, and cross-check it.

    Raises: CloudError if ARM refuses a read, except lists of the subscription that the principal may not read.
    """
    return cross_check(arm, claim, read(arm, claim))


def cross_check(arm: Arm, claim: Claim, seen: Inventory, *, resources: bool = True) -> Inventory:
    """Search in every other way for what a read has not found: the group, and with ``resources`` its resources.

    Listed resources that were not found by their ids are read once more.

    Raises: as `take_agreed`.
    """
    unread = {each["id"].lower(): each for each in seen.unread}
    shown = {each["id"].lower() for each in seen.contents or ()} - unread.keys()
    asked = {arm_id.lower() for arm_id in _known(arm, claim)} | unread.keys() if resources else set()
    read = {arm_id: found for arm_id in sorted(asked - shown) if (found := arm.get(arm_id))}
    found = {each["id"].lower(): each for each in seen.all} | read
    group = seen.group or _tagged_group(arm, claim) or (arm.get(claim.vm.group_id) if read else None)
    left = tuple(each for arm_id, each in unread.items() if arm_id not in read)
    contents = _contents(arm, group) if group and not seen.group else seen.contents
    return replace(sort_by_owner(group, contents, found.values(), claim), unread=left)


def repeat_after(pace: float, last_write: float, seen: Inventory) -> float | None:
    """Give the seconds after which checks that find nothing are repeated; None if one round of them is enough.

    One is enough if the last write was long ago. ``pace`` is the length of Azure's second. ``last_write`` is the time
    of the last write that this host has recorded; 0 if unknown: then ARM's creation times in ``seen`` are used.
    """
    written = last_write or max(map(made_at, seen.ours), default=0.0)
    if written and time.time() - written >= _REPLICA_LAG * pace:
        return None
    return RECHECK_INTERVAL * pace


def sort_by_owner(
    group: Resource | None, contents: Sequence[Resource] | None, found: Iterable[Resource], claim: Claim
) -> Inventory:
    """Sort resources that were ``found`` by their owners."""
    ours, claim = group is not None and carries_our_tags(group, claim), claim.in_group(group)
    by_owner: dict[Whose, list[Resource]] = {each: [] for each in Whose}
    for resource in sorted(found, key=lambda each: _ORDER.index(kind_of(each))):
        owner = whose(resource, claim, in_our_group=ours)
        if owner:
            by_owner[owner].append(resource)
    listed = None if contents is None else tuple(contents)
    disks = tuple(each for each in listed or () if each.get("managedBy") and _is_named(each, claim))
    return Inventory(group, ours, listed, {each: tuple(those) for each, those in by_owner.items()}, disks)


def _must_be_read(listed: Resource, claim: Claim) -> bool:
    """Tell whether a listed resource must be read; an attached disk need not be, because it is deleted with its VM."""
    if kind_of(listed) not in _ORDER or listed.get("managedBy"):
        return False
    return _is_named(listed, claim)


def _is_named(listed: Resource, claim: Claim) -> bool:
    return claim.names(listed["id"]) or stack_of(listed) == claim.stack


def _group(arm: Arm, group_id: str) -> tuple[Resource | None, list[dict[str, Any]]]:
    """Read the group and its list; a group that is deleted between the two reads counts as gone."""
    group = arm.get(group_id)
    contents = _contents(arm, group) if group else []
    return (None, []) if contents is None else (group, contents)


def _contents(arm: Arm, group: Resource) -> list[dict[str, Any]] | None:
    """List the resources in a group; None if ARM does not find the group."""
    try:
        return arm.contents(group["id"])
    except CloudError as error:
        if is_absent(error):
            return None
        raise


def _known(arm: Arm, claim: Claim) -> list[str]:
    """Give every id that may be ours: by default names, by the records, and by the subscription's list."""
    tagged = _unless_forbidden(lambda: arm.tagged(claim.vm.subscription, STACK_TAG, claim.stack))
    own = f"{claim.vm.group_id}/".lower()
    listed = [each["id"] for each in tagged if each["id"].lower().startswith(own) and kind_of(each) in _ORDER]
    return [*claim.vm.own_ids(), *claim.made, *listed]


def _tagged_group(arm: Arm, claim: Claim) -> Resource | None:
    """Search for the group in the subscription's list."""
    tagged = _unless_forbidden(lambda: arm.tagged_groups(claim.vm.subscription, STACK_TAG, claim.stack))
    return next((each for each in tagged if each["id"].lower() == claim.vm.group_id.lower()), None)


def _unless_forbidden(read_list: Any) -> list[dict[str, Any]]:
    """Read a list; if this principal may not, log a warning and give none: the other checks must suffice."""
    try:
        found: list[dict[str, Any]] = read_list()
    except CloudError as error:
        if error.status != 403:
            raise
        get_logger().warning("subscription_unreadable", reason=str(error))
        return []
    return found


def made_at(resource: Resource) -> float:
    """Give ARM's creation time of a resource; 0 if it has none. Source: Microsoft.Compute, ``timeCreated``."""
    created = str(resource["properties"].get("timeCreated", ""))
    try:
        read = datetime.fromisoformat(created)
    except ValueError:
        return 0.0
    return read.replace(tzinfo=read.tzinfo or UTC).timestamp()
