"""Who owns a resource: decided by its tags, its name and the identity that Azure gave it; never by one of them alone.

*Ours* has our stack's tag and our owner's, and an id that we made or that is ours by default; or it has nobody's tag
and the identity of the resource that we made. *Another's* has another's tag, or another identity than the one that we
made. *Unproven* has our name and no other sign of its owner. Only what is ours is changed or deleted.
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
from vmops.spec.rules.fleets import MOST

UNSETTLED = "?"
"""Prefix of an identity that was recorded before a change that has not ended: the change may have replaced the
resource.
"""

_IDENTITIES = ("vmId", "uniqueId", "resourceGuid")
"""Properties by which Azure tells a resource from another of the same id. Source: azure-rest-api-specs: VMs of
Microsoft.Compute, its disks, and the resources of Microsoft.Network."""

_NAMED_BY_THE_USER = frozenset({"virtualnetworks", "networksecuritygroups"})


class Whose(StrEnum):
    """The owner of a resource with our name or our tag."""

    OURS = "ours"
    ANOTHERS = "another's"
    UNPROVEN = "unproven"


@dataclass(frozen=True)
class Claim:
    """In whose name something is done: which VM, and its owner.

    ``made`` is what was made for it and not seen gone: Azure's identity of each by its ARM id in lower case, empty
    where nobody knows. ``members`` are the numbers of a fleet's members whose names are given by rule.
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
        """Tell whether an id is one that we made, or that we give by rule."""
        named = arm_id.lower() in self.made or self.vm.names(arm_id)
        return named or (bool(self.members) and self.vm.member(arm_id) in self.members)

    def beside(self, group: Mapping[str, Any] | None) -> "Claim":
        """Give the same; the name of any member is given by rule if only its group tells that it is a fleet's."""
        told = group is not None and carries_our_tags(group, self) and fleet_of(group)
        known = self.members or any(self.vm.member(arm_id) is not None for arm_id in self.made)
        return replace(self, members=range(MOST)) if told and not known else self


def extend(arm: Arm, existing: Mapping[str, Any], expires: float) -> None:
    """Move the instant at which a VM of ours expires, in seconds since the epoch; 0 for never."""
    if expires:
        arm.merge_tags(existing["id"], {EXPIRES_TAG: format_utc(expires)})
    elif told := (existing.get("tags") or {}).get(EXPIRES_TAG):
        arm.drop_tags(existing["id"], {EXPIRES_TAG: told})


def stack_of(resource: Mapping[str, Any]) -> str:
    """Give the name of the stack that a resource belongs to; empty if it is none of vmops'."""
    return str((resource.get("tags") or {}).get(STACK_TAG, ""))


def fleet_of(resource: Mapping[str, Any]) -> str:
    """Give the name of the fleet that a resource belongs to; empty if it belongs to none."""
    return str((resource.get("tags") or {}).get(FLEET_TAG, ""))


def owner_of(resource: Mapping[str, Any]) -> str | None:
    """Give the owner that a resource names; None if it names none."""
    owner: str | None = (resource.get("tags") or {}).get(OWNER_TAG)
    return owner


def identity_of(resource: Mapping[str, Any]) -> str:
    """Give Azure's identity of a resource; empty where an answer does not tell it, as a list does not."""
    properties = resource.get("properties") or {}
    return next((str(properties[name]) for name in _IDENTITIES if properties.get(name)), "")


def kind_of(resource: Mapping[str, Any]) -> str:
    """Give the last word of a resource's type, in lower case."""
    return str(resource["type"]).rpartition("/")[2].lower()


def carries_our_tags(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource carries our stack's tag and our owner's: of a group, that it is ours."""
    return (stack_of(resource), owner_of(resource)) == (claim.stack, claim.owner)


def whose(resource: Mapping[str, Any], claim: Claim, *, in_our_group: bool = False) -> Whose | None:
    """Judge whose a resource (no group, no subnet) is; None if neither its name nor its tag has to do with us.

    ``in_our_group``: its group carries our tags, so that a policy may have copied these to it; to what lies in a group
    of the name that we give by rule it may have done so before the group was another's.
    """
    if resource.get("managedBy"):
        return None  # a disk that a VM holds goes, or stays, with that VM
    named = claim.names(resource["id"]) or _is_member(resource, claim)
    if is_tagged_by_another(resource, claim):
        return Whose.ANOTHERS if named or stack_of(resource) == claim.stack else None
    known, told = claim.made.get(resource["id"].lower(), ""), identity_of(resource)
    if known and told and not known.startswith(UNSETTLED) and known != told:
        return Whose.ANOTHERS
    if carries_our_tags(resource, claim):
        copied = in_our_group or claim.vm.has_group_by_rule
        return Whose.OURS if named or _may_have_been_named(resource, copied=copied) else Whose.ANOTHERS
    if told and known.removeprefix(UNSETTLED) == told:
        return Whose.OURS
    if not named:
        return Whose.ANOTHERS if stack_of(resource) else None
    return Whose.OURS if in_our_group and _is_loose_disk(resource) else Whose.UNPROVEN


def is_proven(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource is the very one that we made, whatever its tags say."""
    known, told = claim.made.get(resource["id"].lower(), ""), identity_of(resource)
    return bool(told) and known.removeprefix(UNSETTLED) == told


def is_ours(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource under a name of ours is ours."""
    return whose(resource, claim) is Whose.OURS


def is_another_owners(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource carries our stack's tag, and another owner's: then the whole VM is theirs."""
    return stack_of(resource) == claim.stack and owner_of(resource) not in {None, claim.owner}


def require_owned(resource: Mapping[str, Any], claim: Claim) -> None:
    """Check that what exists is ours to change.

    Raises: OperationFailed (conflict), naming the owner and the next step.
    """
    if not is_ours(resource, claim):
        raise OperationFailed(refusal(resource, claim))


def refusal(resource: Mapping[str, Any], claim: Claim) -> Failure:
    """Say whose something is that is not ours, and what can be done about it."""
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
    """Tell whether a resource carries another stack's tag, or another owner's."""
    return stack_of(resource) not in {"", claim.stack} or owner_of(resource) not in {None, claim.owner}


def _may_have_been_named(resource: Mapping[str, Any], *, copied: bool) -> bool:
    """Tell whether the user may have chosen the name of what we made, or were given: its tags cannot be copies."""
    given = GIVEN_TAG in (resource.get("tags") or {})
    return kind_of(resource) in _NAMED_BY_THE_USER and (given or not copied)


def _is_member(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource says that it is our fleet's, under the name that a member, or what it has, gets."""
    named = fleet_of(resource).lower() == claim.vm.vm_name.lower()
    return named and stack_of(resource) == claim.stack and claim.vm.member(resource["id"]) is not None


def _is_loose_disk(resource: Mapping[str, Any]) -> bool:
    """Tell whether it is a disk as a VM that failed leaves it: ARM made it with the VM, and gave it no tag."""
    return kind_of(resource) == "disks" and not resource.get("tags")
