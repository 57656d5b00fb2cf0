"""Attaches and detaches data disks without a request for the whole machine.

Source: azure-rest-api-specs, Microsoft.Compute, VirtualMachines_AttachDetachDataDisks.
"""

from itertools import count

from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.resource import Json, Resource

ATTACH_DETACH = "attachDetachDataDisks"


def rearranged(machine: Resource, request: Json) -> list[Json]:
    """Return the data disks of a machine after a request; a disk without a lun gets the first free one."""
    kept = _left(machine, request.get("dataDisksToDetach", []))
    asked = request.get("dataDisksToAttach", [])
    taken = {disk.get("lun") for disk in (*machine.properties["storageProfile"]["dataDisks"], *asked)}
    free = (lun for lun in count() if lun not in taken)
    return [*kept, *(_attached(disk) | {"lun": disk["lun"] if "lun" in disk else next(free)} for disk in asked)]


def _left(machine: Resource, asked: list[Json]) -> list[Json]:
    disks: list[Json] = machine.properties["storageProfile"]["dataDisks"]
    held = {disk.get("managedDisk", {}).get("id", "").lower() for disk in disks}
    gone = [disk.get("diskId", "") for disk in asked]
    for text in gone:
        if text.lower() not in held:
            raise ArmError("InvalidParameter:detached", target="dataDisksToDetach", disk=text, vm=machine.id.name)
    lost = {text.lower() for text in gone}
    return [disk for disk in disks if disk.get("managedDisk", {}).get("id", "").lower() not in lost]


def _attached(asked: Json) -> Json:
    managed: Json = {"id": asked.get("diskId", "")}
    if "diskEncryptionSet" in asked:
        managed["diskEncryptionSet"] = asked["diskEncryptionSet"]
    own = {key: asked[key] for key in ("caching", "deleteOption", "writeAcceleratorEnabled") if key in asked}
    return {"createOption": "Attach", "managedDisk": managed} | own
