"""The protection of a machine: how it boots, and what is encrypted on its host.

Source: Microsoft's pages on trusted launch and on encryption at host; azure-cli#27975 and kubermatic's
machine-controller#2020, which quote refusals.
"""

from typing import Any

from vmops.local.arm.data.sizes import Size
from vmops.local.arm.models.compute.instance_view import image_of
from vmops.local.arm.models.compute.quota import size_of
from vmops.local.arm.models.network.base import require_reference
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Resource

_OFF = (None, "deallocated")
_WHILE_OFF = (
    "securityProfile.securityType",
    "securityProfile.uefiSettings.secureBootEnabled",
    "securityProfile.uefiSettings.vTpmEnabled",
    "securityProfile.encryptionAtHost",
    "proximityPlacementGroup.id",
    "additionalCapabilities.ultraSSDEnabled",
)
"""Properties that can be changed on a deallocated machine only."""


def require_guardable(machine: Resource) -> None:
    """Refuse what image, size or subscription do not support; this subscription has the feature for encryption only.

    Raises: ArmError BadRequest, InvalidParameter.
    """
    says, size = machine.properties.get("securityProfile", {}), size_of(machine)
    kind = says.get("securityType")
    if kind == "Standard":
        raise ArmError("BadRequest:standard", target="securityProfile.securityType")
    if says.get("uefiSettings") and kind is None:
        raise ArmError("BadRequest:uefi", target="securityProfile.uefiSettings")
    if kind == "TrustedLaunch":
        _require_trusted(machine, size)
    if says.get("encryptionAtHost") and not size.premium:
        raise ArmError("InvalidParameter:encryptionAtHost", target="securityProfile.encryptionAtHost", size=size.name)


def require_near(cloud: Cloud, machine: Resource) -> None:
    """Refuse a proximity placement group in another location than the machine's.

    Raises: ArmError InvalidResourceReference.
    """
    slot = machine.properties.get("proximityPlacementGroup")
    if slot:
        require_reference(cloud, machine, slot, "Microsoft.Compute/proximityPlacementGroups")


def require_off(machine: Resource, changed: Resource) -> None:
    """Refuse to change the protection or the placement of an allocated machine."""
    if machine.hidden["power"] in _OFF:
        return
    for path in _WHILE_OFF:
        before, after = _at(machine, path), _at(changed, path)
        if str(before or False).lower() != str(after or False).lower():
            raise ArmError("PropertyChangeNotAllowed", target=path)


def _require_trusted(machine: Resource, size: Size) -> None:
    image = image_of(machine)
    if image and image.generation == "V1":
        raise ArmError("BadRequest:trustedImage", target="securityProfile.securityType")
    if size.architecture == "Arm64":
        raise ArmError("BadRequest:trustedSize", target="securityProfile.securityType", size=size.name)


def _at(machine: Resource, path: str) -> Any:
    found: Any = machine.properties
    for step in path.split("."):
        found = (found or {}).get(step)
    return found
