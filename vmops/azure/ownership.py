"""Decides who owns a resource, by its tags, its name and Azure's identity of it; never by one of them alone.

*Ours* has the tags of our stack and our owner, and an id that we made or that is a default of ours; or it has no tags
of vmops, and the identity of the resource that we made. *Another's* has other tags of vmops, or another identity than
the one that we made. *Unproven* has our name and no other sign of its owner. Only what is ours is changed or deleted.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from vmops.azure.client import Arm
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.times import format_utc
from vmops.spec.names import EXPIRES_TAG, FLEET_TAG, GIVEN_TAG, OWNER_TAG, STACK_TAG, Identity
from vmops.spec.rules.fleets import MAX_MEMBERS

CHANGING = "?"
"""Prefix of a recorded identity while a change is in progress that may replace the resource."""

_IDENTITIES = ("vmId", "uniqueId", "resourceGuid")
"""Properties with Azure's identity of a resource, which another resource of the same id does not have. Source:
azure-rest-api-specs: VMs and disks of Microsoft.Compute, and the resources of Microsoft.Network."""

_NAMED_BY_THE_USER = frozenset({"virtualnetworks", "networksecuritygroups"})


class Whose(StrEnum):
    """The owner of a resource with our name or our tag."""

    OURS = "ours"
    ANOTHERS = "another's"
    UNPROVEN = "unproven"


@dataclass(frozen=True)
class Claim:
    """The VM for which something is done, and its owner: both decide which resources are ours.

    ``made`` are the resources that were made for it and not seen to be gone: Azure's identity of each by ARM id in
    lower case; '' if unknown. ``members`` are the numbers of a fleet's members, whose default names are ours.
    """

    vm: Identity
    owner: str
    made: Mapping[str, str] = field(default_factory=dict)
    members: Container[int | None] = ()

    @property
    def stack(self) -> str:
        """Give the name of the VM's stack."""
        return self.vm.stack

    def names(self, arm_id: str) -> bool:
        """Tell whether an id is one that we made, or has a default name of ours."""
        named = arm_id.lower() in self.made or self.vm.names(arm_id)
        return named or (bool(self.members) and self.vm.member(arm_id) in self.members)

    def in_group(self, group: Mapping[str, Any] | None) -> "Claim":
        """Give the claim in a resource group: if only its tags tell that it is a fleet's, any member is ours."""
        identity = group is not None and carries_our_tags(group, self) and fleet_of(group)
        known = self.members or any(self.vm.member(arm_id) is not None for arm_id in self.made)
        return replace(self, members=range(MAX_MEMBERS)) if identity and not known else self


def extend(arm: Arm, existing: Mapping[str, Any], expires: float) -> None:
    """Change the time at which a VM of ours expires, in seconds since the epoch; 0 for never."""
    if expires:
        arm.merge_tags(existing["id"], {EXPIRES_TAG: format_utc(expires)})
    elif identity := (existing.get("tags") or {}).get(EXPIRES_TAG):
        arm.drop_tags(existing["id"], {EXPIRES_TAG: identity})


def stack_of(resource: Mapping[str, Any]) -> str:
    """Give the name of a resource's stack; empty if vmops did not make it."""
    return str((resource.get("tags") or {}).get(STACK_TAG, ""))


def fleet_of(resource: Mapping[str, Any]) -> str:
    """Give the name of a resource's fleet; empty if it belongs to none."""
    return str((resource.get("tags") or {}).get(FLEET_TAG, ""))


def owner_of(resource: Mapping[str, Any]) -> str | None:
    """Give the owner in a resource's tags; None if it has none."""
    owner: str | None = (resource.get("tags") or {}).get(OWNER_TAG)
    return owner


def identity_of(resource: Mapping[str, Any]) -> str:
    """Give Azure's identity of a resource; empty if the answer does not contain it, as lists do not."""
    properties = resource.get("properties") or {}
    return next((str(properties[name]) for name in _IDENTITIES if properties.get(name)), "")


def kind_of(resource: Mapping[str, Any]) -> str:
    """Give the last part of a resource's type, in lower case."""
    return str(resource["type"]).rpartition("/")[2].lower()


def carries_our_tags(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource has the tags of our stack and our owner; for a group, this means that it is ours."""
    return (stack_of(resource), owner_of(resource)) == (claim.stack, claim.owner)


def whose(resource: Mapping[str, Any], claim: Claim, *, in_our_group: bool = False) -> Whose | None:
    """Decide who owns a resource (no group, no subnet); None if neither its name nor its tag is ours.

    ``in_our_group``: its group has our tags, which a policy may have copied to the resource. In a group with a default
    name of ours, a policy may have copied them before the group became another's.
    """
    if resource.get("managedBy"):
        return None  # an attached disk belongs to its VM
    named = claim.names(resource["id"]) or _is_member(resource, claim)
    if is_tagged_by_another(resource, claim):
        return Whose.ANOTHERS if named or stack_of(resource) == claim.stack else None
    known, identity = claim.made.get(resource["id"].lower(), ""), identity_of(resource)
    if known and identity and not known.startswith(CHANGING) and known != identity:
        return Whose.ANOTHERS
    if carries_our_tags(resource, claim):
        copied = in_our_group or claim.vm.has_group_by_rule
        return Whose.OURS if named or _may_have_been_named(resource, copied=copied) else Whose.ANOTHERS
    if identity and known.removeprefix(CHANGING) == identity:
        return Whose.OURS
    if not named:
        return Whose.ANOTHERS if stack_of(resource) else None
    return Whose.OURS if in_our_group and _is_loose_disk(resource) else Whose.UNPROVEN


def is_proven(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource is the one that we made, by Azure's identity of it, whatever its tags."""
    known, identity = claim.made.get(resource["id"].lower(), ""), identity_of(resource)
    return bool(identity) and known.removeprefix(CHANGING) == identity


def is_ours(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource is ours."""
    return whose(resource, claim) is Whose.OURS


def is_another_owners(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource has our stack's tag and another owner's, who then owns the whole VM."""
    return stack_of(resource) == claim.stack and owner_of(resource) not in {None, claim.owner}


def require_owned(resource: Mapping[str, Any], claim: Claim) -> None:
    """Check that an existing resource is ours.

    Raises: OperationFailed (conflict), naming the owner and the next step.
    """
    if not is_ours(resource, claim):
        raise OperationFailed(refusal(resource, claim))


def refusal(resource: Mapping[str, Any], claim: Claim) -> Failure:
    """Give the failure for a resource that is not ours: who owns it, and what can be done about it."""
    owner, stack = owner_of(resource), stack_of(resource)
    step = "ask its owner, or choose another name"
    if is_proven(resource, claim):
        step = f"`vmops adopt {claim.vm.vm_name}` takes it back: vmops made it"
    elif whose(resource, claim) is Whose.UNPROVEN:
        step = f"`vmops adopt {claim.vm.vm_name}` shows it and asks, or choose another name"
    holder = "was not made by vmops under this name"
    if owner and owner != claim.owner:
        holder = f"belongs to {owner}"
    elif stack and stack != claim.stack:
        holder = f"belongs to the stack {stack}"
    message = f"it exists and {holder}; it is not touched"
    return Failure(FailureKind.CONFLICT, message, resource=resource["id"], step=step)


def is_tagged_by_another(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource has the tag of another stack or another owner."""
    return stack_of(resource) not in {"", claim.stack} or owner_of(resource) not in {None, claim.owner}


def _may_have_been_named(resource: Mapping[str, Any], *, copied: bool) -> bool:
    """Tell whether a resource with our tags may have a name that the user chose, because its tags cannot be copies."""
    given = GIVEN_TAG in (resource.get("tags") or {})
    return kind_of(resource) in _NAMED_BY_THE_USER and (given or not copied)


def _is_member(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource has the tags of our fleet, and the default name of a member's resource."""
    named = fleet_of(resource).lower() == claim.vm.vm_name.lower()
    return named and stack_of(resource) == claim.stack and claim.vm.member(resource["id"]) is not None


def _is_loose_disk(resource: Mapping[str, Any]) -> bool:
    """Tell whether it is a disk without tags, as a failed create of a VM leaves it."""
    return kind_of(resource) == "disks" and not resource.get("tags")
