"""Resource groups: created at once, and deleted with everything in them."""

from vmops.local.arm.data.locations import LOCATIONS
from vmops.local.arm.deployments import record as deployments
from vmops.local.arm.models.kind import Change, Kind, asked_location, heading, new_guid, require_open
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.clock import timestamp
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.lro import Operation
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import GROUP_TYPE, ResourceId

_MACHINES = "Microsoft.Compute/virtualMachines"
# The order of deletion: a resource is deleted before those that it refers to.
_ORDER = (
    _MACHINES,
    "Microsoft.Compute/disks",
    "Microsoft.Network/networkInterfaces",
    "Microsoft.Network/publicIPAddresses",
    "Microsoft.Network/virtualNetworks/subnets",
    "Microsoft.Network/virtualNetworks",
    "Microsoft.Network/networkSecurityGroups/securityRules",
    "Microsoft.Network/networkSecurityGroups",
    "Microsoft.Compute/images",
    "Microsoft.Compute/proximityPlacementGroups",
    "Microsoft.Compute/galleries/images/versions",
    "Microsoft.Compute/galleries/images",
    "Microsoft.Compute/galleries",
    "Microsoft.ManagedIdentity/userAssignedIdentities",
)
_LISTED = ("id", "name", "type", "location", "tags", "sku", "kind", "zones", "managedBy")


class ResourceGroups(Kind):
    """The rules of resource groups."""

    type = GROUP_TYPE

    def find(self, cloud: Cloud, rid: ResourceId) -> Resource | None:
        """Return a group, if it exists."""
        return cloud.store.get(rid)

    def get(self, cloud: Cloud, rid: ResourceId) -> Resource:
        """Return a group; raises ``ArmError`` ResourceGroupNotFound."""
        group = cloud.store.get(rid)
        if group is None:
            raise ArmError("ResourceGroupNotFound", group=rid.group)
        return group

    def put(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Create a group or replace its tags; done at once."""
        existing = require_open(cloud, rid) if cloud.store.get(rid) else None
        location = asked_location(request)
        if location not in LOCATIONS:
            raise ArmError("LocationNotAvailableForResourceGroup", location=location, known=",".join(LOCATIONS))
        if existing and existing.location != location:
            raise ArmError("InvalidResourceGroupLocation", new=location, old=existing.location)
        body = heading(existing.id if existing else rid, request, location)
        body |= {"managedBy": request["managedBy"]} if request.get("managedBy") else {}
        group = Resource(existing.id if existing else rid, body | {"properties": {"provisioningState": "Succeeded"}})
        cloud.store.save(group)
        return Change(group, created=existing is None)

    def delete(self, cloud: Cloud, rid: ResourceId) -> Operation:
        """Begin to delete a group and everything in it, even while operations run there.

        Raises: ArmError ResourceGroupNotFound; unlike other types, a group must exist to be deleted.
        """
        group = self.get(cloud, rid)
        running = cloud.store.running(group.id)
        if running and group.state == "Deleting":
            return running
        while running:
            cloud.preempt(running)
            running = cloud.store.running(group.id)
        inside = cloud.store.within(group.id)
        for resource in (self.get(cloud, rid), *inside):
            resource.state = "Deleting"
            cloud.store.save(resource)
        machines = any(resource.id.type == _MACHINES for resource in inside)
        return cloud.begin("deleteMachines" if machines else "delete", group)

    def finish(self, cloud: Cloud, operation: Operation) -> None:
        """Delete the contents of a group, users before what they use, then the group.

        Raises: ArmError ResourceGroupDeletionBlocked if something outside still uses a part of it: that stays.
        """
        inside = cloud.store.within(operation.target)
        for resource in sorted(inside, key=lambda resource: _ORDER.index(resource.id.type)):
            if not cloud.store.referrers(resource.id) and not cloud.store.children(resource.id):
                cloud.rules(resource.id).remove(cloud, resource)
        left = cloud.store.within(operation.target)
        if left:
            self._roll_back(cloud, operation.target, left)
        deployments.forget(cloud, operation.target)
        cloud.store.remove(operation.target)

    def _roll_back(self, cloud: Cloud, group: ResourceId, left: list[Resource]) -> None:
        for resource in (self.get(cloud, group), *left):
            resource.state = "Succeeded"
            cloud.store.save(resource)
        names = ",".join("/".join((resource.id.type, *resource.id.names)) for resource in left)
        raise ArmError("ResourceGroupDeletionBlocked", group=group.group, names=names, tracking=new_guid())


def listed(cloud: Cloud, resources: list[Resource], expand: str) -> list[Json]:
    """Return the entries of resources in a list of resources: without properties and children.

    ``expand`` names additional members: createdTime, changedTime, provisioningState.
    Source: azure-rest-api-specs, Microsoft.Resources, Resources_List.
    """
    wanted = {word.strip().lower() for word in expand.split(",")}
    return [_entry(cloud, found, wanted) for found in resources if not found.id.parent and found.id.type != GROUP_TYPE]


def _entry(cloud: Cloud, found: Resource, wanted: set[str]) -> Json:
    entry = {key: found.body[key] for key in _LISTED if key in found.body}
    if "provisioningstate" in wanted:
        entry["provisioningState"] = found.state
    if wanted & {"createdtime", "changedtime"}:
        times = zip(("createdTime", "changedTime"), cloud.store.history(found.id), strict=True)
        entry |= {name: timestamp(seconds) for name, seconds in times if name.lower() in wanted}
    return entry
