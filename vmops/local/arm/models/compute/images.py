"""A subscription's own images, separate or in a gallery: machines are made from them, and nothing is copied.

Source: azure-rest-api-specs, Microsoft.Compute, Images and Galleries; the source of an image need not exist here.
"""

from vmops.local.arm.data.images import Image
from vmops.local.arm.models.kind import Change, Kind, heading, require_open
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.lro import Operation
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId

_GIB = 30
"""The size of an image if its own disk has none."""


class Kept(Kind):
    """The rules of a resource that is stored as requested."""

    required: tuple[str, ...] = ()
    """The required members of a request, as paths below its properties."""

    def put(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Create a resource or replace it."""
        rid, existing, location = self.admit(cloud, rid, request)
        asked = request.get("properties", {})
        for path in self.required:
            if _at(asked, path) is None:
                raise ArmError("InvalidParameter:missing", target=path)
        place = location or self._location(rid, request, None)
        body = heading(rid, request, place) | {"properties": {**asked, "provisioningState": "Updating"}}
        resource = Resource(rid, body)
        cloud.store.save(resource)
        return Change(resource, existing is None, cloud.begin("put", resource))

    def delete(self, cloud: Cloud, rid: ResourceId) -> Operation | None:
        """Begin to delete an empty resource."""
        require_open(cloud, rid)
        found = self.find(cloud, rid)
        if found is None:
            return None
        if inside := cloud.store.children(rid):
            raise ArmError("CannotDeleteResource", id=found.id, type=inside[0].id.type)
        return cloud.begin("delete", found)


class Images(Kept):
    """The rules of images outside galleries."""

    type = "Microsoft.Compute/images"
    required = ("storageProfile.osDisk.osType",)


class Proximities(Kept):
    """The rules of proximity placement groups."""

    type = "Microsoft.Compute/proximityPlacementGroups"


class Galleries(Kept):
    """The rules of galleries."""

    type = "Microsoft.Compute/galleries"


class Definitions(Kept):
    """The rules of images in a gallery."""

    type = "Microsoft.Compute/galleries/images"
    required = ("osType", "osState", "identifier")


class Versions(Kept):
    """The rules of versions of an image in a gallery."""

    type = "Microsoft.Compute/galleries/images/versions"
    required = ("storageProfile",)


def find(cloud: Cloud, resource_id: str, location: str) -> Image:
    """Return the image of an id; for an image in a gallery, its newest version.

    Raises: ArmError NotFound, GalleryImageNotFound.
    """
    try:
        rid = ResourceId.parse(resource_id)
    except ValueError:
        raise ArmError("InvalidParameter:value", target="imageReference.id") from None
    found = cloud.store.get(rid)
    if rid.type.lower() == Images.type.lower():
        if found is None or found.location != location:
            raise ArmError("NotFound:ownImage", target="imageReference", id=resource_id, location=location)
        return _own(found)
    versions = cloud.store.children(rid) if rid.type.lower() == Definitions.type.lower() else [found]
    if not versions or versions[-1] is None:
        raise ArmError("GalleryImageNotFound", target="imageReference", id=resource_id, location=location)
    return _in_gallery(cloud, versions[-1])


def _own(found: Resource) -> Image:
    disk = found.properties["storageProfile"]["osDisk"]
    generation = found.properties.get("hyperVGeneration", "V1")
    return Image("", disk["osType"], disk.get("diskSizeGB", _GIB), generation, release="", nvme=generation == "V2")


def _in_gallery(cloud: Cloud, version: Resource) -> Image:
    definition = cloud.store.get(version.id.parent) if version.id.parent else None
    says: Json = definition.properties if definition else {}
    generation = says.get("hyperVGeneration", "V1")
    features = {each["name"]: each.get("value", "") for each in says.get("features", [])}
    return Image(
        version.id.name,
        says["osType"],
        _GIB,
        generation,
        says.get("architecture", "x64"),
        nvme="NVMe" in features.get("DiskControllerTypes", "SCSI"),
    )


def _at(asked: Json, path: str) -> Json | None:
    found: Json | None = asked
    for step in path.split("."):
        found = (found or {}).get(step)
    return found
