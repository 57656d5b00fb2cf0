"""The disks of a machine: created, attached, replaced and left behind."""

import re
import uuid

from vmops.local.arm.models.compute.copies import copy
from vmops.local.arm.models.compute.disks import attach, detach, new_disk, require_free, resize
from vmops.local.arm.models.compute.instance_view import image_of
from vmops.local.arm.models.locks import keeps
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId

_DEFAULT_SIZE = 32  # GB
_OS = "os"
_NAME = re.compile(r"[^_\W][\w.-]{0,79}(?<![-.])")
"""Matches the name of a disk. Source: the text of Azure's refusal."""
_SOURCES = ("Empty", "Attach", "Copy")


def provide(cloud: Cloud, machine: Resource) -> Json | None:
    """Create or attach the missing disks of a machine; return the later failure if a name is taken.

    The machine shows the ids when the operation ends: until then they are in ``hidden``.
    Raises: ArmError ConflictingUserInput for a disk that another machine has.
    """
    _complete(machine)
    _drop(cloud, machine)
    for slot, disk in _slots(machine):
        if slot in machine.hidden["disks"]:
            held = _held(cloud, machine, slot)
            _require_same(held, slot, disk)
            resize(cloud, held, disk.get("diskSizeGB", 0))
        elif disk["createOption"] == "Attach":
            _hold(cloud, machine, slot, _find(cloud, machine, disk))
        elif "vhd" not in disk:
            rid = _new_id(machine, slot, disk)
            if cloud.store.get(rid):
                taken = {"target": rid, "disk": rid.name, "group": rid.group.upper()}
                return ArmError("ConflictingUserInput:exists", **taken).body()
            _hold(cloud, machine, slot, _new(cloud, machine, rid, disk))
    return None


def show(cloud: Cloud, machine: Resource) -> None:
    """Write the ids, names and sizes of its disks into a machine."""
    for slot, disk in _slots(machine):
        if slot in machine.hidden["disks"]:
            found = _held(cloud, machine, slot)
            disk["managedDisk"]["id"] = str(found.id)
            disk["managedDisk"]["storageAccountType"] = found.body["sku"]["name"]
            disk["name"], disk["diskSizeGB"] = found.id.name, found.properties["diskSizeGB"]


def leave(cloud: Cloud, machine: Resource) -> None:
    """Keep or delete the disks of a deleted machine, as each one's ``deleteOption`` and locks say."""
    for slot, disk in _slots(machine):
        if slot in machine.hidden["disks"]:
            held = _held(cloud, machine, slot)
            detach(cloud, held, delete=disk.get("deleteOption") == "Delete" and not keeps(cloud, held.id))


def attached(machine: Resource) -> list[ResourceId]:
    """Return the disks of a machine."""
    return [ResourceId.parse(text) for text in machine.hidden["disks"].values()]


def _slots(machine: Resource) -> list[tuple[str, Json]]:
    """Return a machine's disks by slot: ``os``, unless that is ephemeral, or the lun of the data disk."""
    storage = machine.properties["storageProfile"]
    system = [] if storage["osDisk"].get("diffDiskSettings") else [(_OS, storage["osDisk"])]
    return [*system, *((str(disk["lun"]), disk) for disk in storage["dataDisks"])]


def _complete(machine: Resource) -> None:
    """Give every data disk Azure's defaults. Source: recorded traffic, azure-mgmt-compute 29."""
    disks = machine.properties["storageProfile"]["dataDisks"]
    _require_slots(disks)
    for disk in disks:
        for name, value in (("createOption", "Empty"), ("caching", "None"), ("deleteOption", "Detach")):
            disk.setdefault(name, value)
        disk["toBeDetached"] = False
        disk["managedDisk"] = {"storageAccountType": "Standard_LRS"} | disk.get("managedDisk", {})


def _require_slots(disks: list[Json]) -> None:
    """Refuse data disks without a lun, two with the same lun, and sources that are not supported here."""
    slots = [disk.get("lun") for disk in disks]
    if None in slots:
        raise ArmError("InvalidParameter:missing", target="dataDisk.lun")
    if len(set(slots)) < len(slots):
        raise ArmError("InvalidParameter:value", target="dataDisk.lun")
    if any(disk.get("createOption", "Empty") not in _SOURCES for disk in disks):
        raise ArmError("InvalidParameter:value", target="dataDisk.createOption")


def _drop(cloud: Cloud, machine: Resource) -> None:
    """Detach the data disks that a machine no longer lists."""
    listed = {slot for slot, _ in _slots(machine)}
    for slot in [slot for slot in machine.hidden["disks"] if slot not in listed]:
        detach(cloud, _held(cloud, machine, slot), delete=False)
        del machine.hidden["disks"][slot]


def _held(cloud: Cloud, machine: Resource, slot: str) -> Resource:
    disk = cloud.store.get(ResourceId.parse(machine.hidden["disks"][slot]))
    if disk is None:
        raise ArmError("NotFound:compute")
    return disk


def _require_same(held: Resource, slot: str, asked: Json) -> None:
    """Refuse another disk at the lun of an attached one: that must be detached first."""
    if asked["managedDisk"].get("id", str(held.id)).lower() != held.id.key:
        raise ArmError("PropertyChangeNotAllowed", target=f"{_kind(slot)}.managedDisk.id")
    if asked.get("name", held.id.name).lower() != held.id.name.lower():
        raise ArmError("PropertyChangeNotAllowed", target=f"{_kind(slot)}.name")


def _kind(slot: str) -> str:
    return "osDisk" if slot == _OS else "dataDisk"


def _hold(cloud: Cloud, machine: Resource, slot: str, disk: Resource) -> None:
    attach(cloud, disk, machine.id)
    machine.hidden["disks"][slot] = str(disk.id)


def _new_id(machine: Resource, slot: str, asked: Json) -> ResourceId:
    part = "OsDisk_1" if slot == _OS else f"disk{int(slot) + 2}"
    name = asked.get("name") or f"{machine.id.name}_{part}_{uuid.uuid4().hex}"
    if not _NAME.fullmatch(name):
        raise ArmError("InvalidParameter:name", target=f"{_kind(slot)}.name", rule=_NAME.pattern)
    return machine.id.sibling("Microsoft.Compute", "disks", name)


def _new(cloud: Cloud, machine: Resource, rid: ResourceId, asked: Json) -> Resource:
    """Describe a new disk; it gets its machine's tags at that moment.

    Source: terraform-provider-azurerm 8162.
    """
    account = {"name": asked["managedDisk"]["storageAccountType"]}
    disk = new_disk(cloud, rid, machine.body | {"sku": account}, machine.location)
    disk.properties["diskSizeGB"] = asked.get("diskSizeGB", _DEFAULT_SIZE)
    disk.properties["creationData"] = {"createOption": asked["createOption"]}
    if asked["createOption"] == "Copy":
        copy(cloud, disk, asked.get("sourceResource", {}).get("id", ""), asked.get("diskSizeGB", 0))
    image = image_of(machine)
    if image and asked is machine.properties["storageProfile"]["osDisk"]:
        disk.properties.update(osType=image.system, hyperVGeneration=image.generation)
    return disk


def _find(cloud: Cloud, machine: Resource, asked: Json) -> Resource:
    text = asked["managedDisk"].get("id") or ""
    try:
        found = cloud.store.get(ResourceId.parse(text))
    except ValueError:
        found = None
    if found is None or found.id.types != ("disks",) or found.location != machine.location:
        raise ArmError("InvalidResourceReference", id=text, holder=machine.id)
    users = cloud.store.referrers(found.id)
    if users and users[0].lower() != machine.id.key:
        raise ArmError("ConflictingUserInput:owned", disk=found.id.name, user=users[0])
    require_free(cloud, found)
    return found
