"""Managed identities, and what guards a VM's start."""

from pydantic import ValidationInfo

from vmops.spec.rules.arm_ids import arm_id
from vmops.spec.rules.values import boolean, items

SYSTEM = "system"
"""The identity that a VM has for itself, and that goes with it."""

_ASSIGNED = "Microsoft.ManagedIdentity/userAssignedIdentities"


def identities(value: object) -> tuple[str, ...]:
    """Return managed identities in a fixed order, each once: ``system``, and ids of what the user assigns."""
    found = [SYSTEM if str(item).strip().lower() == SYSTEM else arm_id(item, _ASSIGNED) for item in items(value)]
    if not found:
        raise ValueError(f"names no identity ({SYSTEM}, or ids of the type {_ASSIGNED})")
    named = {each.lower(): each for each in found}
    return tuple(named[each] for each in sorted(named, key=lambda each: (each != SYSTEM, each)))


def of_trusted_launch(value: object, info: ValidationInfo) -> bool:
    """Keep secure boot and vTPM to a VM of that type. Source: compute REST reference, SecurityProfile.uefiSettings."""
    truth = boolean(value)
    if info.data.get("security_type", "TrustedLaunch") != "TrustedLaunch":
        raise ValueError(f"{value!r} needs securityType TrustedLaunch")
    return truth
