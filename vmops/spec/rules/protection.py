"""Rules for managed identities and for a VM's secure boot."""

from pydantic import ValidationInfo

from vmops.spec.rules.arm_ids import arm_id
from vmops.spec.rules.values import boolean, items

SYSTEM = "system"
"""The word for the system-assigned identity, which is deleted with the VM."""

_ASSIGNED = "Microsoft.ManagedIdentity/userAssignedIdentities"


def identities(value: object) -> tuple[str, ...]:
    """Return managed identities in a fixed order without duplicates: ``system``, and ids of user-assigned ones."""
    found = [SYSTEM if str(item).strip().lower() == SYSTEM else arm_id(item, _ASSIGNED) for item in items(value)]
    if not found:
        raise ValueError(f"names no identity ({SYSTEM}, or ids of the type {_ASSIGNED})")
    named = {each.lower(): each for each in found}
    return tuple(named[each] for each in sorted(named, key=lambda each: (each != SYSTEM, each)))


def of_trusted_launch(value: object, info: ValidationInfo) -> bool:
    """Allow secure boot and vTPM only with a security type that has them.

    Source: compute REST reference, SecurityProfile.uefiSettings.
    """
    truth = boolean(value)
    if info.data.get("security_type", "TrustedLaunch") != "TrustedLaunch":
        raise ValueError(f"{value!r} needs securityType TrustedLaunch")
    return truth
