"""What a size supports: disks, priority and controller of a machine, and the sizes that a machine can be resized to."""

from vmops.local.arm.data.sizes import NVME, SIZES, Size
from vmops.local.arm.models.compute.instance_view import image_of
from vmops.local.arm.models.compute.quota import size_of
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.resource import Json, Resource

_OFF = (None, "deallocated")
"""The power states of a deallocated machine."""


def require_fit(machine: Resource) -> None:
    """Refuse a machine whose size does not support its properties.

    Raises: ArmError InvalidParameter, BadRequest, OperationNotAllowed.
    Source: terraform-provider-azurerm (the data disks), cloud-forensics-utils#488 (Premium), kubermatic#13184 (the
    generation). The status 409 for a size without Spot is from azure-powershell#12007; the words are ours.
    """
    size, properties = size_of(machine), machine.properties
    _require_bootable(machine, size)
    if not size.premium:
        _require_no_premium(properties["storageProfile"], size)
    _require_ephemeral(machine, size)
    if len(properties["storageProfile"]["dataDisks"]) > size.disks:
        raise ArmError("OperationNotAllowed:dataDisks", target="dataDisks", limit=size.disks)
    if properties.get("priority") == "Spot" and not size.spot:
        raise ArmError("OperationNotAllowed:spotSize", size=size.name)


def choose_controller(machine: Resource) -> None:
    """Set the disk controller of a new machine: the requested one, else the first of its size.

    A machine of the first generation has no choice. Source: packer and azure-templates users
    (fortinet/azure-templates#76); karpenter-provider-azure#616.
    """
    storage, image = machine.properties["storageProfile"], image_of(machine)
    asked = storage.get("diskControllerType")
    if image and image.generation == "V1":
        if asked:
            raise ArmError("InvalidParameter:controllerGeneration", target="storageProfile.diskControllerType")
        return
    storage["diskControllerType"] = asked or size_of(machine).controllers[0]


def require_resizable(machine: Resource, changed: Resource) -> None:
    """Refuse a size, or a disk controller, that this machine cannot change to, at all or while it is allocated.

    Between sizes with and without a temporary disk only Linux can change. Source: Microsoft's page on resizing, of
    2026; terraform-provider-azurerm and Cloudbreak, which quote the refusals.
    """
    old, new = size_of(machine), size_of(changed)
    running = machine.hidden["power"] not in _OFF
    if running and _controller(machine) != _controller(changed):
        raise ArmError("PropertyChangeNotAllowed", target="storageProfile.diskControllerType")
    windows = machine.properties["storageProfile"]["osDisk"].get("osType") == "Windows"
    if windows and bool(old.local_disk) != bool(new.local_disk):
        raise ArmError("OperationNotAllowed:resourceDisk", vm=machine.id.name)
    if running and old.cluster != new.cluster:
        known = ",".join(size.name for size in sizes_for(machine))
        raise ArmError("OperationNotAllowed:resize", vm=machine.id.name, size=new.name, known=known)


def sizes_for(machine: Resource) -> list[Size]:
    """List the sizes that a machine can be resized to as it is; while it is allocated, those of its hardware."""
    size = size_of(machine)
    if machine.hidden["power"] in _OFF:
        return list(SIZES.values())
    return [other for other in SIZES.values() if other.cluster == size.cluster]


def _require_bootable(machine: Resource, size: Size) -> None:
    """Refuse an image, or a controller, that a size does not boot from."""
    image, controller = image_of(machine), _controller(machine)
    if image and image.generation not in size.generations:
        raise ArmError("BadRequest:generation", size=size.name, generation=image.generation[1:])
    if controller and controller not in size.controllers:
        raise ArmError("InvalidParameter:controller", target="vmSize", size=size.name, controller=controller)
    if controller == NVME and image and not image.nvme:
        raise ArmError("InvalidParameter:controllerOfImage", target="vmSize", size=size.name)


def _require_ephemeral(machine: Resource, size: Size) -> None:
    """Refuse an ephemeral system disk that is too large for the host, or has an unsupported caching.

    Source: azurerm#29670, bosh#767, CAPZ#487, for the first; the words of the second are ours.
    """
    disk = machine.properties["storageProfile"]["osDisk"]
    if not (settings := disk.get("diffDiskSettings")):
        return
    if disk.get("caching") != "ReadOnly":
        raise ArmError("InvalidParameter:value", target="osDisk.caching")
    placement = settings.get("placement", "CacheDisk")
    if disk["diskSizeGB"] > (most := size.ephemeral(placement)):
        blanks = {"most": most, "size": size.name, "placement": placement}
        raise ArmError("NotSupported:ephemeral", target="osDisk.diffDiskSettings", **blanks)


def _require_no_premium(storage: Json, size: Size) -> None:
    for part, disk in (("osDisk", storage["osDisk"]), *(("dataDisk", disk) for disk in storage["dataDisks"])):
        kind = disk.get("managedDisk", {}).get("storageAccountType", "")
        if kind.startswith("Premium"):
            blanks = {"size": size.name, "kind": kind, "disk": disk.get("name", "")}
            raise ArmError("InvalidParameter:premium", target=f"{part}.managedDisk.storageAccountType", **blanks)


def _controller(machine: Resource) -> str | None:
    controller: str | None = machine.properties["storageProfile"].get("diskControllerType")
    return controller
