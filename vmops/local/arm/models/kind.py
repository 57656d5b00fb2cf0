"""What all resource types have in common: the front door's rules, and the steps of a write."""

import uuid
from dataclasses import dataclass, replace
from typing import ClassVar

from vmops.local.arm.data.locations import LOCATIONS, canonical
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.lro import Operation
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId


@dataclass(frozen=True, slots=True)
class Change:
    """A write so far; ``operation`` is still to end, None if everything is done."""

    resource: Resource
    created: bool = False
    operation: Operation | None = None


class Kind:
    """The rules of one resource type."""

    type: ClassVar[str]

    def view(self, cloud: Cloud, resource: Resource) -> Json:  # noqa: ARG002 - some types look around
        """Show a resource as a GET does."""
        return resource.body

    def find(self, cloud: Cloud, rid: ResourceId) -> Resource | None:
        """Return a resource; None if only the resource itself is absent.

        Raises: ArmError ResourceGroupNotFound, and ResourceNotFound for an absent parent.
        """
        if cloud.store.get(rid.container) is None:
            raise ArmError("ResourceGroupNotFound", group=rid.group)
        if rid.parent and cloud.store.get(rid.parent) is None:
            raise _not_found(rid.parent)
        return cloud.store.get(rid)

    def get(self, cloud: Cloud, rid: ResourceId) -> Resource:
        """Return a resource.

        Raises: ArmError ResourceGroupNotFound, ResourceNotFound, or NotFound for a child.
        """
        resource = self.find(cloud, rid)
        if resource is None:
            raise _not_found(rid)
        return resource

    def put(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Create a resource or bring it to the requested state."""
        raise NotImplementedError

    def patch(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Replace a resource's tags, at once."""
        resource = self.get(cloud, rid)
        require_open(cloud, rid)
        if request.get("tags") is not None:
            resource.body["tags"] = request["tags"]
            cloud.store.save(resource)
        return Change(resource)

    def delete(self, cloud: Cloud, rid: ResourceId) -> Operation | None:
        """Begin to delete a resource; None if it is absent already."""
        raise NotImplementedError

    def finish(self, cloud: Cloud, operation: Operation) -> None:
        """Apply the effect of an operation."""
        resource = cloud.store.get(operation.target)
        if resource is None:
            return
        if operation.verb == "delete":
            self.remove(cloud, resource)
        else:
            self.succeed(cloud, resource)

    def succeed(self, cloud: Cloud, resource: Resource) -> None:
        """Mark a write as succeeded."""
        resource.state = "Succeeded"
        cloud.store.save(resource)

    def fail(self, cloud: Cloud, operation: Operation) -> None:
        """Leave the resource in the state after a failed operation."""
        resource = cloud.store.get(operation.target)
        if resource is not None:
            resource.state = "Failed"
            cloud.store.save(resource)

    def remove(self, cloud: Cloud, resource: Resource) -> None:
        """Remove a resource."""
        cloud.store.remove(resource.id)

    def admit(self, cloud: Cloud, rid: ResourceId, request: Json) -> tuple[ResourceId, Resource | None, str]:
        """Apply the front door's rules to a PUT: return the id in its stored casing, what exists, and the location.

        A child has no location of its own.
        """
        group = require_open(cloud, rid)
        rid = replace(rid, subscription=group.id.subscription, group=group.id.group)
        if rid.parent:
            parent = cloud.store.get(rid.parent)
            if parent is None:
                raise ArmError("ParentResourceNotFound", parent=rid.parent.name)
            rid = parent.id.child(rid.types[-1], rid.name)
        existing = cloud.store.get(rid)
        location = "" if rid.parent else self._location(rid, request, existing)
        return existing.id if existing else rid, existing, location

    def _location(self, rid: ResourceId, request: Json, existing: Resource | None) -> str:
        """Return the requested location, which must exist and must not change."""
        location = asked_location(request)
        if location not in LOCATIONS:
            known = ",".join(LOCATIONS)
            raise ArmError("LocationNotAvailableForResourceType", location=location, type=self.type, known=known)
        if existing and existing.location != location:
            blanks = {"name": rid.name, "group": rid.group, "old": existing.location, "new": location}
            raise ArmError("InvalidResourceLocation", **blanks)
        return location


def require_open(cloud: Cloud, rid: ResourceId) -> Resource:
    """Return the resource group of a write, which must exist and not be under deletion."""
    group = cloud.store.get(rid.container)
    if group is None:
        raise ArmError("ResourceGroupNotFound", group=rid.group)
    if group.state == "Deleting":
        raise ArmError("ResourceGroupBeingDeleted", group=group.id.group)
    return group


def asked_location(request: Json) -> str:
    """Return the location in a request, in ARM's spelling; raises ``ArmError`` if there is none."""
    if not request.get("location"):
        raise ArmError("LocationRequired")
    return canonical(request["location"])


def heading(rid: ResourceId, request: Json, location: str) -> Json:
    """Begin the body of a resource: the members that every type has beside its properties."""
    body: Json = {"name": rid.name, "id": str(rid), "type": rid.type}
    if location:
        body["location"] = location
    replace_tags(body, request)
    return body


def replace_tags(body: Json, request: Json) -> None:
    """Replace a resource's tags by those of a whole request; by none if it has none."""
    body.pop("tags", None)
    if request.get("tags") is not None:
        body["tags"] = request["tags"]


def new_guid() -> str:
    """Return a fresh identifier."""
    return str(uuid.uuid4())


def _not_found(rid: ResourceId) -> ArmError:
    """Give the error for an absent resource: that of the front door, or for a child that of its resource provider."""
    if rid.parent:
        return ArmError("NotFound:network", id=rid)
    return ArmError("ResourceNotFound", type=rid.type, name=rid.name, group=rid.group)
