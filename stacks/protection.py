"""The identities and the security profile of a VM; a parameter that is not given is not sent."""

from collections.abc import Iterable

import pulumi_azure_native as azure

from vmops.spec.rules.protection import SYSTEM
from vmops.spec.vm_spec import VmSpec


def identity(spec: VmSpec, foreign: Iterable[str] = ()) -> azure.compute.VirtualMachineIdentityArgs | None:
    """Give the identities of the VM, including those that others have assigned: a write removes all others."""
    if spec.managed_identity is None:
        return None
    named = [*spec.managed_identity, *foreign]
    given = sorted(name for name in named if name != SYSTEM)
    kinds = [kind for kind, has in {"SystemAssigned": SYSTEM in named, "UserAssigned": bool(given)}.items() if has]
    return azure.compute.VirtualMachineIdentityArgs(
        type=azure.compute.ResourceIdentityType(", ".join(kinds)), user_assigned_identities=given or None
    )


def security_profile(spec: VmSpec) -> azure.compute.SecurityProfileArgs | None:
    """Declare how the VM boots and what is encrypted; None if no such parameter is given."""
    start = (spec.secure_boot, spec.v_tpm)
    if (spec.security_type, spec.encryption_at_host, *start) == (None,) * 4:
        return None
    uefi = azure.compute.UefiSettingsArgs(secure_boot_enabled=spec.secure_boot, v_tpm_enabled=spec.v_tpm)
    return azure.compute.SecurityProfileArgs(
        security_type=spec.security_type,
        uefi_settings=uefi if start != (None, None) else None,
        encryption_at_host=spec.encryption_at_host,
    )
