"""The instance view: the present state of a machine as seen from outside.

Source: recorded traffic of azure-mgmt-compute 12, and Microsoft's page on states and billing of virtual machines.
"""

from vmops.local.arm.data.images import Image, find_image
from vmops.local.arm.state.clock import timestamp
from vmops.local.arm.state.resource import Json, Resource

_PROVISIONING = {
    "Creating": "Creating",
    "Updating": "Updating",
    "Deleting": "Deleting",
    "Succeeded": "Provisioning succeeded",
    "Failed": "Provisioning failed",
}
# Source: Microsoft's page on capturing an image of a virtual machine.
_GENERALIZED = {"code": "OSState/generalized", "level": "Info", "displayStatus": "VM generalized"}

_READY = {
    "code": "ProvisioningState/succeeded",
    "level": "Info",
    "displayStatus": "Ready",
    "message": "Guest Agent is running",
}
# Source: Azure/WALinuxAgent issues, of agents that have gone silent.
_SILENT = {
    "code": "ProvisioningState/Unavailable",
    "level": "Warning",
    "displayStatus": "Not Ready",
    "message": "VM status blob is found but not yet populated.",
}


def instance_view(machine: Resource) -> Json:
    """Describe a machine: its disks, its guest while the agent reports, and the two states."""
    image = image_of(machine)
    view: Json = {}
    if machine.hidden["power"] == "running":
        view |= _guest(machine, image)
    view["disks"] = [_disk(name, machine) for name in _disk_names(machine)]
    diagnostics = machine.properties.get("diagnosticsProfile", {})
    if diagnostics.get("bootDiagnostics", {}).get("enabled"):
        view["bootDiagnostics"] = {}
    view["hyperVGeneration"] = image.generation if image else "V2"
    view["statuses"] = statuses(machine)
    return view


def statuses(machine: Resource) -> list[Json]:
    """Return the provisioning state, whether it is generalized and, once there is one, the power state."""
    state, failure = machine.state, machine.hidden.get("failure")
    provisioning: Json = {
        "code": f"ProvisioningState/{state.lower()}",
        "level": "Info",
        "displayStatus": _PROVISIONING[state],
    }
    if state == "Failed" and failure:
        provisioning |= {
            "code": f"ProvisioningState/failed/{failure['code']}",
            "level": "Error",
            "message": failure["message"],
        }
    if "since" in machine.hidden:
        provisioning["time"] = timestamp(machine.hidden["since"])
    power = machine.hidden["power"]
    generalized = [_GENERALIZED] if machine.hidden.get("generalized") else []
    return [provisioning, *generalized, *([_power(power)] if power else [])]


def image_of(machine: Resource) -> Image | None:
    """Return the image of a machine, if it was made from one."""
    if "image" in machine.hidden:
        return Image(**machine.hidden["image"])
    reference = machine.properties["storageProfile"].get("imageReference")  # of a machine of an earlier version
    if not reference:
        return None
    return find_image(*(str(reference.get(key, "")) for key in ("publisher", "offer", "sku", "version")))


def _power(power: str) -> Json:
    return {"code": f"PowerState/{power}", "level": "Info", "displayStatus": f"VM {power}"}


def _guest(machine: Resource, image: Image | None) -> Json:
    agent = {
        **(_SILENT if machine.hidden.get("guest", {}).get("silent") else _READY),
        "time": timestamp(machine.hidden["since"]),
    }
    computer = machine.properties.get("osProfile", {}).get("computerName", machine.id.name)
    return {
        "computerName": computer,
        "osName": image.name if image else "",
        "osVersion": image.release if image else "",
        "vmAgent": {"vmAgentVersion": "2.11.1.12", "statuses": [agent], "extensionHandlers": []},
    }


def _disk_names(machine: Resource) -> list[str]:
    storage = machine.properties["storageProfile"]
    return [disk["name"] for disk in (storage["osDisk"], *storage["dataDisks"]) if disk.get("name")]


def _disk(name: str, machine: Resource) -> Json:
    status = {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"}
    return {"name": name, "statuses": [status | {"time": machine.properties["timeCreated"]}]}
