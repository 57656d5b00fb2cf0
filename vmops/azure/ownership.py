"""What is ours: told by tag, never by who wrote the name."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from vmops.azure.client import Arm
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.times import format_utc
from vmops.spec.names import EXPIRES_TAG, OWNER_TAG, STACK_TAG


@dataclass(frozen=True)
class Claim:
    """In whose name something is done: a VM's stack, and its owner."""

    stack: str
    owner: str


def extend(arm: Arm, existing: Mapping[str, Any], expires: float) -> None:
    """Move the instant at which a VM of ours expires."""
    arm.merge_tags(existing["id"], {EXPIRES_TAG: format_utc(expires)})


def stack_of(resource: Mapping[str, Any]) -> str:
    """Give the name of the stack that a resource belongs to; empty if it is none of vmops'."""
    return str((resource.get("tags") or {}).get(STACK_TAG, ""))


def owner_of(resource: Mapping[str, Any]) -> str | None:
    """Give the owner that a resource names; None if it names none."""
    owner: str | None = (resource.get("tags") or {}).get(OWNER_TAG)
    return owner


def is_ours(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource carries our stack's tag and our owner's."""
    return (stack_of(resource), owner_of(resource)) == (claim.stack, claim.owner)


def is_anothers(resource: Mapping[str, Any], claim: Claim) -> bool:
    """Tell whether a resource carries another owner's tag; a disk without any is its group's."""
    return owner_of(resource) not in {None, claim.owner}


def require_owned_stack(found: Iterable[Mapping[str, Any]], claim: Claim) -> None:
    """Check that nothing that was found of a stack is another owner's: then the whole stack is theirs.

    Raises: OperationFailed (conflict), naming the owner.
    """
    for resource in found:
        if is_anothers(resource, claim):
            require_owned(resource, claim)


def require_owned(resource: Mapping[str, Any], claim: Claim) -> None:
    """Check that what exists is ours to change.

    Raises: OperationFailed (conflict), naming the owner.
    """
    if is_ours(resource, claim):
        return
    whose = owner_of(resource)
    holder = f"belongs to {whose}" if whose and whose != claim.owner else "was not made by vmops under this name"
    message, step = f"it exists and {holder}; it is not touched", "ask its owner, or choose another name"
    raise OperationFailed(Failure(FailureKind.CONFLICT, message, resource=resource["id"], step=step))
