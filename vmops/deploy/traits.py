"""Traits: properties of a VM or its interface that one parameter declares, compared with ARM's answer.

A parameter that is not given declares nothing: Azure chooses the value.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vmops.spec.rules.storage import PLACEMENTS
from vmops.spec.vm_spec import VmSpec

Body = Mapping[str, Any]

_CONSOLE = "diagnosticsProfile.bootDiagnostics"


@dataclass(frozen=True)
class Trait:
    """One property: its ``path`` in ARM's ``properties``, and the value that a spec declares (``says``), None for none.

    ``absent`` is the value of a property that ARM does not return. A ``fixed`` one cannot be changed, or only on a
    deallocated VM.
    """

    parameter: str
    path: str
    says: Callable[[VmSpec], Any]
    absent: Any = None
    fixed: bool = True


def _placement(spec: VmSpec) -> str:
    return PLACEMENTS[spec.ephemeral_os_disk] if spec.ephemeral_os_disk else "none"


def _acceleration(spec: VmSpec) -> str | None:
    return None if spec.accelerated_networking == "auto" else spec.accelerated_networking


def _keeps_console(spec: VmSpec) -> bool | None:
    return None if spec.boot_diagnostics is None else spec.boot_diagnostics != "false"


def _account(spec: VmSpec) -> str | None:
    return spec.boot_diagnostics if (spec.boot_diagnostics or "").startswith("https:") else None


# Source: compute REST reference, virtual machines: what can be changed, and when; terraform-provider-azurerm, which
# replaces a VM to change securityType, secure boot or vTPM.
_OF_VM = (
    Trait("securityType", "securityProfile.securityType", lambda spec: spec.security_type, "Standard"),
    Trait("secureBoot", "securityProfile.uefiSettings.secureBootEnabled", lambda spec: spec.secure_boot, False),
    Trait("vTpm", "securityProfile.uefiSettings.vTpmEnabled", lambda spec: spec.v_tpm, False),
    Trait("diskControllerType", "storageProfile.diskControllerType", lambda spec: spec.disk_controller_type, "SCSI"),
    Trait("ephemeralOsDisk", "storageProfile.osDisk.diffDiskSettings.placement", _placement, "none"),
    Trait("osDiskCaching", "storageProfile.osDisk.caching", lambda spec: spec.os_disk_caching, fixed=False),
    Trait("proximityPlacementGroup", "proximityPlacementGroup.id", lambda spec: spec.proximity_placement_group),
    Trait("bootDiagnostics", f"{_CONSOLE}.enabled", _keeps_console, False, fixed=False),
    Trait("bootDiagnostics", f"{_CONSOLE}.storageUri", _account, "none", fixed=False),
    Trait("encryptionAtHost", "securityProfile.encryptionAtHost", lambda spec: spec.encryption_at_host, False),
)
_ADDRESS = "ipConfigurations.properties.privateIPAddress"
_OF_NIC = (
    Trait("acceleratedNetworking", "enableAcceleratedNetworking", _acceleration, False),
    Trait("privateIpAddress", _ADDRESS, lambda spec: spec.private_ip_address, fixed=False),
)
_OF: Mapping[str, tuple[Trait, ...]] = {"vm": _OF_VM, "nic": _OF_NIC}


def differing(spec: VmSpec, role: str, body: Body) -> Iterator[tuple[Trait, Any, Any]]:
    """List the traits of a VM (``vm``) or its interface (``nic``) that differ, with declared and found value."""
    for trait in _OF.get(role, ()):
        if (declared := trait.says(spec)) is None:
            continue
        found = _at(body["properties"], trait)
        if str(found).lower() != str(declared).lower():
            yield trait, declared, found


def _at(properties: Body, trait: Trait) -> Any:
    found: Any = properties
    for step in trait.path.split("."):
        found = (found[0] if isinstance(found, list) and found else found or {}).get(step)
    return trait.absent if found is None else found
