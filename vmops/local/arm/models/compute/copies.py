"""Disks that are created as a copy of another."""

from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Resource
from vmops.local.arm.state.resource_id import ResourceId

_KEPT = ("osType", "hyperVGeneration")


def copy(cloud: Cloud, disk: Resource, source: str, size: int) -> None:
    """Make a new disk a copy: it has its source's size, unless a larger one is requested, in GB, 0 for none.

    Raises: ArmError NotFound, or InvalidParameter if it would be smaller. Source: azure-cli#11281.
    """
    original = _find(cloud, source)
    least = int(original.properties["diskSizeGB"])
    if size and size < least:
        raise ArmError("InvalidParameter:copySize", target="disk.diskSizeGB", size=size, least=least)
    kept = {key: original.properties[key] for key in _KEPT if key in original.properties}
    disk.properties.update(kept | disk.properties, diskSizeGB=size or least)
    disk.properties["creationData"] = {
        "createOption": "Copy",
        "sourceResourceId": str(original.id),
        "sourceUniqueId": original.properties["uniqueId"],
    }


def _find(cloud: Cloud, text: str) -> Resource:
    try:
        found = cloud.store.get(ResourceId.parse(text))
    except ValueError:
        found = None
    if found is None or found.id.types != ("disks",):
        raise ArmError("NotFound:source", name=text.rpartition("/")[2])
    return found
