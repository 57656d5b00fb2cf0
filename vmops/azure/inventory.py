"""What exists of a VM, and who owns each part. All answers about existence rest on this.

ARM answers from replicas: a 404, or a list without it, may be said for minutes of what exists. So absence needs
agreement (`agree`): the group's list, the subscription's lists by tag, and each id that is known.
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
"""Users before what they use, because ARM refuses to delete what is in use. vmops makes no other types."""

_FEW = 3
"""The most resources of one type that are read by their ids, one after another."""

_RECENT = 600.0
"""Azure's seconds after a write within which a replica may not know of it. Source: public reports of 404 for what was
just made; they end within minutes."""

AGAIN = 30.0
"""Azure's seconds after which the checks are repeated then."""


@dataclass(frozen=True)
class Inventory:
    """What one look at a VM's group showed.

    ``ours`` are users before what they use, without the group; ``anothers`` and ``unproven`` have our name or our tag.
    ``contents`` is all that the group lists, None if it is there and has not said, and ``disks`` are those of it that
    have our name or tag and that a VM holds. ``unread`` may be ours and was not found by its id: it is gone, or a
    replica does not know of it; what of that the list shows as another's is. ``group`` is None if it is not there,
    whoever owns it.
    """

    group: Resource | None = None
    group_is_ours: bool = False
    contents: tuple[Resource, ...] | None = ()
    judged: Mapping[Whose, tuple[Resource, ...]] = field(default_factory=dict)
    disks: tuple[Resource, ...] = ()
    unread: tuple[Resource, ...] = ()

    @property
    def ours(self) -> tuple[Resource, ...]:
        """Give what is ours, without the group."""
        return self.judged.get(Whose.OURS, ())

    @property
    def machines(self) -> tuple[Resource, ...]:
        """Give the VMs that are ours: of a fleet there are several."""
        return tuple(each for each in self.ours if kind_of(each) == "virtualmachines")

    @property
    def anothers(self) -> tuple[Resource, ...]:
        """Give what is another's, and has our name or our tag."""
        return self.judged.get(Whose.ANOTHERS, ())

    @property
    def unproven(self) -> tuple[Resource, ...]:
        """Give what has our name, and nothing that proves whose it is."""
        return self.judged.get(Whose.UNPROVEN, ())

    def whose(self, arm_id: str) -> Whose | None:
        """Give whose something is that was judged."""
        found = self.find(arm_id)
        return next((each for each, those in self.judged.items() if found in those), None)

    @property
    def all(self) -> list[Resource]:
        """Give all that was judged, without the group."""
        return [each for found in self.judged.values() for each in found]

    @property
    def to_go(self) -> list[Resource]:
        """Give what a removal would delete, the group last."""
        return [*self.ours, *self._disks_of_ours, *([self.group] if self.group and self.group_is_ours else [])]

    @property
    def _disks_of_ours(self) -> list[Resource]:
        """Give the disks with our names that a VM of ours holds: they are deleted with it."""
        holders = {each["id"].lower() for each in self.ours}
        return [each for each in self.disks if str(each.get("managedBy")).lower() in holders]

    def find(self, arm_id: str) -> Resource | None:
        """Give one of what was judged."""
        return next((each for each in self.all if each["id"].lower() == arm_id.lower()), None)


def take(arm: Arm, claim: Claim) -> Inventory:
    """Look at what there is of a VM in its group; each that may be ours is read, which tells its identity.

    Raises: CloudError if ARM refuses a look.
    """
    group, contents = _group(arm, claim.vm.group_id)
    claim = claim.beside(group)
    listed = [each for each in contents if _concerns(each, claim)]
    read = _read(arm, claim.vm.group_id, listed)
    unread = [each for each, found in zip(listed, read, strict=True) if found is None]
    theirs = [{**each, "properties": {}} for each in unread if is_tagged_by_another(each, claim)]
    doubtful = tuple(each for each in unread if not is_tagged_by_another(each, claim))
    return replace(judge(group, contents, [*filter(None, read), *theirs], claim), unread=doubtful)


def _read(arm: Arm, group_id: str, listed: Sequence[Resource]) -> list[Resource | None]:
    """Read resources by their ids; many of one type by one list, and then by id what that does not show."""
    count = Counter(str(each["type"]) for each in listed)
    many = [kind for kind, times in count.items() if times > _FEW]
    shown = {each["id"].lower(): each for kind in many for each in arm.of_type_in(group_id, kind)}
    return [shown.get(each["id"].lower()) or arm.get(each["id"]) for each in listed]


def take_agreed(arm: Arm, claim: Claim) -> Inventory:
    """Look at what there is of a VM by every way that there is.

    Raises: CloudError if ARM refuses a look, but one at the subscription's lists that the principal may not read.
    """
    return agree(arm, claim, take(arm, claim))


def agree(arm: Arm, claim: Claim, seen: Inventory, *, resources: bool = True) -> Inventory:
    """Ask in each other way for what a look has not shown: for the group, and for its ``resources``.

    What it has not found by its id though the group lists it is asked for once more.

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
    return replace(judge(group, contents, found.values(), claim), unread=left)


def repeat_after(pace: float, last_write: float, seen: Inventory) -> float | None:
    """Give the seconds after which looks that find nothing are repeated; None if one round of them is enough.

    ``pace`` is how long a second of Azure's lasts, ``last_write`` what this host knows, 0 for nothing: then ARM tells
    when what was ``seen`` was made. It is enough if all was written long ago.
    """
    written = last_write or max(map(made_at, seen.ours), default=0.0)
    if written and time.time() - written >= _RECENT * pace:
        return None
    return AGAIN * pace


def judge(
    group: Resource | None, contents: Sequence[Resource] | None, found: Iterable[Resource], claim: Claim
) -> Inventory:
    """Sort by whose it is what was ``found`` by its id."""
    ours, claim = group is not None and carries_our_tags(group, claim), claim.beside(group)
    judged: dict[Whose, list[Resource]] = {each: [] for each in Whose}
    for resource in sorted(found, key=lambda each: _ORDER.index(kind_of(each))):
        verdict = whose(resource, claim, in_our_group=ours)
        if verdict:
            judged[verdict].append(resource)
    listed = None if contents is None else tuple(contents)
    disks = tuple(each for each in listed or () if each.get("managedBy") and _is_named(each, claim))
    return Inventory(group, ours, listed, {each: tuple(those) for each, those in judged.items()}, disks)


def _concerns(listed: Resource, claim: Claim) -> bool:
    """Tell whether something in the group is to be looked at; a disk that a VM holds goes with that VM."""
    if kind_of(listed) not in _ORDER or listed.get("managedBy"):
        return False
    return _is_named(listed, claim)


def _is_named(listed: Resource, claim: Claim) -> bool:
    return claim.names(listed["id"]) or stack_of(listed) == claim.stack


def _group(arm: Arm, group_id: str) -> tuple[Resource | None, list[dict[str, Any]]]:
    """Give the group and what it lists; one that goes between the two looks is gone."""
    group = arm.get(group_id)
    contents = _contents(arm, group) if group else []
    return (None, []) if contents is None else (group, contents)


def _contents(arm: Arm, group: Resource) -> list[dict[str, Any]] | None:
    """List what a group holds; None if it is not there to be asked."""
    try:
        return arm.contents(group["id"])
    except CloudError as error:
        if is_absent(error):
            return None
        raise


def _known(arm: Arm, claim: Claim) -> list[str]:
    """Give every id that may be ours: by rule, by the records, and by the subscription's list."""
    tagged = _unless_forbidden(lambda: arm.tagged(claim.vm.subscription, STACK_TAG, claim.stack))
    own = f"{claim.vm.group_id}/".lower()
    listed = [each["id"] for each in tagged if each["id"].lower().startswith(own) and kind_of(each) in _ORDER]
    return [*claim.vm.own_ids(), *claim.made, *listed]


def _tagged_group(arm: Arm, claim: Claim) -> Resource | None:
    """Look for the group in the subscription's list."""
    tagged = _unless_forbidden(lambda: arm.tagged_groups(claim.vm.subscription, STACK_TAG, claim.stack))
    return next((each for each in tagged if each["id"].lower() == claim.vm.group_id.lower()), None)


def _unless_forbidden(look: Any) -> list[dict[str, Any]]:
    """List, or warn that this principal may not: then the other looks must do."""
    try:
        found: list[dict[str, Any]] = look()
    except CloudError as error:
        if error.status != 403:
            raise
        get_logger().warning("subscription_not_readable", reason=str(error))
        return []
    return found


def made_at(resource: Resource) -> float:
    """Give when ARM says that a resource was made; 0 if it does not. Source: Microsoft.Compute, ``timeCreated``."""
    told = str(resource["properties"].get("timeCreated", ""))
    try:
        read = datetime.fromisoformat(told)
    except ValueError:
        return 0.0
    return read.replace(tzinfo=read.tzinfo or UTC).timestamp()
