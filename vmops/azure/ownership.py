"""What is ours: told by tag, never by who wrote the name."""

from collections.abc import Mapping
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
    arm.tag(existing["id"], {**(existing.get("tags") or {}), EXPIRES_TAG: format_utc(expires)})


def stack_of(resource: Mapping[str, Any]) -> str:
    """Give the name of the stack that a resource belongs to; empty if it is none of vmops'."""
    return str((resource.get("tags") or {}).get(STACK_TAG, ""))


def is_ours(machine: Mapping[str, Any], stack: str, owner: str) -> bool:
    """Tell whether a VM carries our stack's tag and our owner's."""
    return stack_of(machine) == stack and (machine.get("tags") or {}).get(OWNER_TAG) == owner


def require_owned(machine: Mapping[str, Any], stack: str, owner: str) -> None:
    """Check that an existing VM is ours to change.

    Raises: OperationFailed (conflict), naming the owner.
    """
    if is_ours(machine, stack, owner):
        return
    whose = (machine.get("tags") or {}).get(OWNER_TAG)
    holder = f"belongs to {whose}" if whose and whose != owner else "was not made by vmops under this name"
    message, step = f"it exists and {holder}; it is not touched", "ask its owner, or choose another name"
    raise OperationFailed(Failure(FailureKind.CONFLICT, message, resource=machine["id"], step=step))
