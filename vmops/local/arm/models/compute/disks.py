"""Managed disks: created with a machine or separately, and kept or deleted with the machine."""

from vmops.local.arm.models.compute import disk_speed
from vmops.local.arm.models.compute.copies import copy
from vmops.local.arm.models.kind import Change, Kind, heading, new_guid, replace_tags, require_open
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.clock import timestamp
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.lro import Operation
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId

_GIB = 1024**3
_SETTLED = ("diskSizeGB", "creationData")


class Disks(Kind):
    """The rules of managed disks."""

    type = "Microsoft.Compute/disks"

    def put(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Create a disk, or change its changeable parts."""
        rid, existing, location = self.admit(cloud, rid, request)
        if existing:
            return self._change(cloud, existing, request, whole=True)
        disk = new_disk(cloud, rid, request, location)
        disk.properties.update(request.get("properties", {}))
        _fill(cloud, disk)
        disk_speed.set_default_speed(disk)
        return self._accept(cloud, disk, created=True)

    def patch(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Change the changeable parts of a disk."""
        disk = self.get(cloud, rid)
        require_open(cloud, rid)
        return self._change(cloud, disk, request, whole=False)

    def _change(self, cloud: Cloud, disk: Resource, request: Json, *, whole: bool) -> Change:
        asked = request.get("properties", {})
        _require_unchanged(disk, request)
        resize(cloud, disk, asked.get("diskSizeGB") or 0)
        disk.properties.update({key: value for key, value in asked.items() if key not in _SETTLED})
        if whole or request.get("tags") is not None:
            replace_tags(disk.body, request)
        if request.get("sku", {}).get("name"):
            disk.body["sku"] = _sku(request["sku"]["name"])
        disk_speed.set_default_speed(disk)
        return self._accept(cloud, disk, created=False)

    def _accept(self, cloud: Cloud, disk: Resource, *, created: bool) -> Change:
        require_free(cloud, disk)
        disk.state = "Updating"
        cloud.store.save(disk)
        return Change(disk, created, cloud.begin("put", disk))

    def delete(self, cloud: Cloud, rid: ResourceId) -> Operation | None:
        """Begin to delete a disk that is not attached."""
        require_open(cloud, rid)
        disk = self.find(cloud, rid)
        if disk is None:
            return None
        users = cloud.store.referrers(disk.id)
        if users:
            raise ArmError("OperationNotAllowed:attached", disk=disk.id.name, user=users[0])
        running = cloud.store.running(disk.id)
        if running and running.verb == "delete":
            return running
        require_free(cloud, disk)
        return cloud.begin("delete", disk)


def _fill(cloud: Cloud, disk: Resource) -> None:
    """Set the size of a new disk from its source: nothing, or another disk."""
    creation = disk.properties.get("creationData")
    if not creation:
        raise ArmError("InvalidParameter:missing", target="disk.creationData")
    match creation.get("createOption"):
        case None:
            raise ArmError("InvalidParameter:missing", target="disk.creationData.createOption")
        case "Copy":
            copy(cloud, disk, creation.get("sourceResourceId", ""), disk.properties.get("diskSizeGB", 0))
        case "Empty":
            disk.properties.setdefault("diskSizeGB", 32)
        case _:
            raise ArmError("InvalidParameter:unsupported", target="disk.creationData.createOption")


def _require_unchanged(disk: Resource, request: Json) -> None:
    """Refuse to change the source or the location of a disk."""
    made = {key: str(value).lower() for key, value in disk.properties["creationData"].items()}
    asked = request.get("properties", {}).get("creationData", {})
    if any(made.get(key) != str(value).lower() for key, value in asked.items()):
        raise ArmError("PropertyChangeNotAllowed", target="disk.creationData")
    if request.get("zones", disk.body.get("zones")) != disk.body.get("zones"):
        raise ArmError("PropertyChangeNotAllowed", target="zones")


def require_free(cloud: Cloud, disk: Resource) -> None:
    """Refuse to change a disk while it is being written or deleted."""
    if cloud.store.running(disk.id):
        raise ArmError("Conflict:concurrent")


def new_disk(cloud: Cloud, rid: ResourceId, request: Json, location: str) -> Resource:
    """Describe a new, unattached disk."""
    properties: Json = {
        "provisioningState": "Succeeded",
        "diskState": "Unattached",
        "timeCreated": timestamp(cloud.now()),
        "uniqueId": new_guid(),
    }
    body = heading(rid, request, location) | {"properties": properties}
    body["sku"] = _sku(request.get("sku", {}).get("name") or "Standard_LRS")
    body |= {key: request[key] for key in ("zones", "extendedLocation") if request.get(key)}
    return Resource(rid, body)


def attach(cloud: Cloud, disk: Resource, machine: ResourceId) -> None:
    """Attach a disk to a machine."""
    disk.body["managedBy"] = str(machine)
    disk.properties["diskState"] = "Attached"
    cloud.store.save(disk)


def detach(cloud: Cloud, disk: Resource, *, delete: bool) -> None:
    """Detach a disk from its machine: it stays and is billed, unless it is to be deleted."""
    if delete:
        cloud.store.remove(disk.id)
        return
    disk.body.pop("managedBy", None)
    disk.properties["diskState"] = "Unattached"
    cloud.store.save(disk)


def resize(cloud: Cloud, disk: Resource, size: int) -> None:
    """Grow a disk, in GB, 0 for no change; refused for a running machine's disk, and for a smaller size."""
    old = int(disk.properties["diskSizeGB"])
    if size in (0, old):
        return
    if size < old:
        raise ArmError("BadRequest:shrink", old=old * _GIB, new=size * _GIB)
    users = cloud.store.referrers(disk.id)
    machine = cloud.store.get(ResourceId.parse(users[0])) if users else None
    if machine and machine.hidden["power"] not in (None, "deallocated"):
        raise ArmError("Conflict:diskSize")
    disk.properties["diskSizeGB"] = size
    cloud.store.save(disk)


def _sku(name: str) -> Json:
    """Give the sku of a storage account type, such as ``Premium_LRS``."""
    return {"name": name, "tier": name.partition("_")[0].removesuffix("SSD")}
