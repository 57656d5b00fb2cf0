"""The requested profile of a machine: checked, completed with Azure's defaults, and stripped of secrets.

Source of the defaults: recorded traffic of azure-mgmt-compute 12 and 29.
"""

import base64
import re
from copy import deepcopy

from vmops.local.arm.data.images import Image
from vmops.local.arm.data.sizes import SIZES, Size
from vmops.local.arm.models.compute import machine_image
from vmops.local.arm.models.compute.identity import identified
from vmops.local.arm.models.guests import keep_custom_data
from vmops.local.arm.models.kind import heading, new_guid
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId
from vmops.local.arm.state.secrets import seal

NEVER_SHOWN = ("userData",)
"""Members that are stored separately, and shown only on request."""
# Source: Microsoft's page "What are the username requirements when creating a VM?"
_NAMES_REFUSED = (  # noqa: SIM905 - a column of thirty words hides them
    "administrator admin user user1 test user2 test1 user3 admin1 1 123 a actuser adm admin2 aspnet backup console "
    "david guest john owner root server sql support support_388945a0 sys test2 test3 user4 user5"
).split()
_BESIDE = ("zones", "plan", "extendedLocation", "placement")
SECRETS = ("adminPassword", "customData")
_CUSTOM_DATA_LIMIT = 87380  # characters: 64 KiB in base64. Source: the text of Azure's refusal.
_HOST_NAME_LIMIT = 64
_HOST_NAME_REFUSED = "`~!@#$%^&*()=+_[]{}\\|;:'\",<>/?"
"""Characters that a Linux host name may not contain. Source: the text of Azure's refusal."""

_CLASSES = ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]")


def declare(cloud: Cloud, rid: ResourceId, request: Json, location: str) -> Resource:
    """Describe a machine to be created; raises ``ArmError`` for what Azure would refuse at once."""
    asked = deepcopy(request.get("properties", {}))
    size = find_size(asked, location)
    image = machine_image.chosen(cloud, asked, location)
    if image and image.architecture != size.architecture:
        blanks = {"size": size.name, "architecture": size.architecture, "image": image.architecture}
        raise ArmError("InvalidParameter:architecture", target="vmSize", **blanks)
    machine = Resource(rid, heading(rid, request, location), {"power": None, "disks": {}})
    machine_image.require_plan(machine, image, request.get("plan"))
    machine_image.note(machine, image)
    properties = {"vmId": new_guid()} | {key: value for key, value in asked.items() if key not in NEVER_SHOWN}
    machine.body["properties"] = properties
    machine.body |= {key: request[key] for key in _BESIDE if request.get(key)}
    if identity := identified(cloud, rid, request["identity"]) if request.get("identity") else None:
        machine.body["identity"] = identity
    properties["hardwareProfile"] = asked.get("hardwareProfile", {}) | {"vmSize": size.name}
    _complete_os_disk(properties, image)
    if properties["storageProfile"]["osDisk"]["createOption"] != "Attach":
        _complete_profile(machine, asked.get("osProfile"), image)
        keep_custom_data(cloud, machine, (asked.get("osProfile") or {}).get("customData", ""))
    if properties.get("priority") == "Spot":
        properties.setdefault("evictionPolicy", "Deallocate")
    if asked.get("userData"):
        machine.hidden["userData"] = asked["userData"]
    return machine


def find_size(asked: Json, location: str) -> Size:
    """Return the requested size, which must exist and be available."""
    name = asked.get("hardwareProfile", {}).get("vmSize")
    if not name:
        raise ArmError("InvalidParameter:missing", target="hardwareProfile.vmSize")
    size = SIZES.get(name.lower())
    if size is None:
        known = ",".join(size.name for size in SIZES.values())
        raise ArmError("InvalidParameter:vmSize", target="vmSize", size=name, known=known)
    if size.restricted:
        raise ArmError("SkuNotAvailable", size=size.name, location=location)
    return size


def _complete_os_disk(properties: Json, image: Image | None) -> None:
    storage = properties.get("storageProfile", {})
    disk = storage.get("osDisk") or {"createOption": "FromImage"}
    if disk.get("createOption") not in ("FromImage", "Attach"):
        raise ArmError("InvalidParameter:value", target="osDisk.createOption")
    if disk["createOption"] == "FromImage" and image is None:
        raise ArmError("InvalidParameter:missing", target="storageProfile.imageReference")
    if image:
        disk.setdefault("osType", image.system)
        least = disk.get("diskSizeGB") or image.size
        if least < image.size:
            blanks = {"size": least, "least": image.size}
            raise ArmError("InvalidParameter:diskSize", target="osDisk.diskSizeGB", **blanks)
        disk["diskSizeGB"] = least
    disk.setdefault("caching", "ReadWrite")
    if "vhd" not in disk:
        disk.setdefault("deleteOption", "Detach")
        disk["managedDisk"] = {"storageAccountType": "Standard_LRS"} | disk.get("managedDisk", {})
    properties["storageProfile"] = storage | {"osDisk": disk, "dataDisks": storage.get("dataDisks", [])}


def _complete_profile(machine: Resource, asked: Json | None, image: Image | None) -> None:
    if not asked:
        raise ArmError("InvalidParameter:missing", target="osProfile")
    profile: Json = {"computerName": machine.id.name} | asked
    secrets = {name: value for name in SECRETS if (value := profile.pop(name, None))}
    _require_name(profile.get("adminUsername"))
    if "customData" in secrets:
        _require_base64(secrets["customData"])
    _require_own_profile(profile, image)
    if image and image.system == "Windows":
        _complete_windows(profile, secrets)
    else:
        _complete_linux(profile, secrets)
    profile |= {"secrets": [], "allowExtensionOperations": True, "requireGuestProvisionSignal": True}
    machine.properties["osProfile"] = profile
    machine.hidden["secrets"] = {name: seal(value) for name, value in secrets.items()}


def _require_own_profile(profile: Json, image: Image | None) -> None:
    """Refuse a profile for another system than the image's. Source: azvmimagebuilder#51, azure-sdk-for-java#2009."""
    other = "linuxConfiguration" if image and image.system == "Windows" else "windowsConfiguration"
    if image and profile.get(other) is not None:
        raise ArmError("InvalidParameter:value", target=other)


def _complete_windows(profile: Json, secrets: dict[str, str]) -> None:
    if "adminPassword" not in secrets:
        raise ArmError("InvalidParameter:missing", target="adminPassword")
    _require_strong(secrets["adminPassword"])
    windows = profile.get("windowsConfiguration", {})
    windows.pop("additionalUnattendContent", None)
    profile["windowsConfiguration"] = {"provisionVMAgent": True, "enableAutomaticUpdates": True} | windows


def _complete_linux(profile: Json, secrets: dict[str, str]) -> None:
    _require_host_name(profile["computerName"])
    linux: Json = {"disablePasswordAuthentication": False, "provisionVMAgent": True}
    linux |= profile.get("linuxConfiguration", {})
    linux["patchSettings"] = {"patchMode": "ImageDefault", "assessmentMode": "ImageDefault"} | (
        linux.get("patchSettings", {})
    )
    keys = linux.get("ssh", {}).get("publicKeys", [])
    home = f"/home/{profile['adminUsername']}/.ssh/authorized_keys"
    for key in keys:
        key["path"] = key.get("path") or home
    if any(key["path"] != home for key in keys):
        raise ArmError("InvalidParameter:sshPath", target="linuxConfiguration.ssh.publicKeys.path", home=home)
    if not keys and (linux["disablePasswordAuthentication"] or "adminPassword" not in secrets):
        raise ArmError("InvalidParameter:login", target="linuxConfiguration")
    if "adminPassword" in secrets and not linux["disablePasswordAuthentication"]:
        _require_strong(secrets["adminPassword"])
    profile["linuxConfiguration"] = linux


def _require_name(name: str | None) -> None:
    if not name:
        raise ArmError("InvalidParameter:missing", target="adminUsername")
    if name.lower() in _NAMES_REFUSED:
        raise ArmError("InvalidParameter:adminUsername", target="adminUsername")


def _require_host_name(name: str) -> None:
    if len(name) > _HOST_NAME_LIMIT or set(name) & set(_HOST_NAME_REFUSED):
        blanks = {"limit": _HOST_NAME_LIMIT, "characters": " ".join(_HOST_NAME_REFUSED)}
        raise ArmError("InvalidParameter:computerName", target="computerName", **blanks)


def _require_base64(text: str) -> None:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        text = ""
    if not 0 < len(text) <= _CUSTOM_DATA_LIMIT:
        raise ArmError("InvalidParameter:customData", target="customData", limit=_CUSTOM_DATA_LIMIT)


def _require_strong(password: str) -> None:
    classes = sum(1 for pattern in _CLASSES if re.search(pattern, password))
    if not 6 <= len(password) <= 72 or classes < 3:
        raise ArmError("InvalidParameter:adminPassword", target="adminPassword")
