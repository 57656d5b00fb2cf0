"""What the types of Microsoft.Network have in common."""

import re
from dataclasses import dataclass
from typing import ClassVar

from vmops.local.arm.models.kind import Change, Kind, heading, new_guid, require_open
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.lro import Operation, status_path
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId

_NAME = re.compile(r"\w(?:[\w.-]{0,78}\w)?")


@dataclass(frozen=True, slots=True)
class Write:
    """One PUT: ``resource`` is the result, begun from ``request``; ``existing`` is what it replaces, if anything."""

    cloud: Cloud
    resource: Resource
    existing: Resource | None
    request: Json

    @property
    def asked(self) -> Json:
        """The requested properties."""
        asked: Json = self.request.get("properties", {})
        return asked


class NetworkKind(Kind):
    """The steps of a write to a network resource: check, declare, and finish a little later."""

    starts_in: ClassVar[str] = "Updating"
    carried: ClassVar[str] = ""
    """The property whose members are separate resources."""

    def put(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Create a resource or replace it."""
        rid, existing, location = self.admit(cloud, rid, request)
        require_idle(cloud, rid)
        write = self.declare(cloud, rid, request, existing, location)
        self.fill(write)
        cloud.store.save(write.resource)
        self.spread(write)
        operation = cloud.begin("put", write.resource, place(cloud, rid))
        return Change(write.resource, existing is None, operation)

    def declare(self, cloud: Cloud, rid: ResourceId, request: Json, existing: Resource | None, location: str) -> Write:
        """Begin a resource from its request, and keep the identity of an existing one."""
        properties: Json = {"provisioningState": self.starts_in}
        if not rid.parent:
            properties["resourceGuid"] = existing.properties["resourceGuid"] if existing else new_guid()
        asked = request.get("properties", {}).items()
        properties |= {key: value for key, value in asked if key != self.carried}
        body = heading(rid, request, location) | {"properties": properties}
        body |= {key: request[key] for key in ("sku", "zones", "extendedLocation") if request.get(key)}
        resource = Resource(rid, body, existing.hidden if existing else {})
        stamp(resource)
        return Write(cloud, resource, existing, request)

    def fill(self, write: Write) -> None:
        """Check the request and complete the properties, in place."""

    def spread(self, write: Write) -> None:
        """Write the children of a resource."""

    def guard(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse to delete what is in use."""

    def patch(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Replace a resource's tags, at once; not while it is being written."""
        require_idle(cloud, rid)
        return super().patch(cloud, rid, request)

    def delete(self, cloud: Cloud, rid: ResourceId) -> Operation | None:
        """Begin to delete an unused resource; a second request joins the first deletion."""
        require_open(cloud, rid)
        resource = self.find(cloud, rid)
        if resource is None:
            return None
        running = cloud.store.running(rid)
        if running and running.verb == "delete" and running.target.key == rid.key:
            return running
        require_idle(cloud, rid)
        self.guard(cloud, resource)
        resource.state = "Deleting"
        cloud.store.save(resource)
        return cloud.begin("delete", resource, place(cloud, rid))

    def succeed(self, cloud: Cloud, resource: Resource) -> None:
        """Mark a resource and its children as Succeeded, with a new etag."""
        for member in (resource, *cloud.store.children(resource.id)):
            if member.state != "Succeeded":
                member.state = "Succeeded"
                stamp(member)
                cloud.store.save(member)

    def remove(self, cloud: Cloud, resource: Resource) -> None:
        """Remove a resource and its children."""
        for member in (*cloud.store.children(resource.id), resource):
            cloud.store.remove(member.id)


def stamp(resource: Resource) -> None:
    """Give a resource a new etag."""
    resource.body["etag"] = f'W/"{new_guid()}"'


def place(cloud: Cloud, rid: ResourceId) -> str:
    """Return the location of a resource; that of a child is its parent's."""
    holder = cloud.store.get(rid.parent or rid)
    return holder.location if holder else ""


def require_idle(cloud: Cloud, rid: ResourceId) -> None:
    """Refuse a write while another one is in progress on the resource, its parent or a sibling."""
    running = cloud.store.running(rid.parent or rid)
    if running:
        raise ArmError("AnotherOperationInProgress", uri=status_path(running))


def named(name: str) -> str:
    """Return the name of a part that a request lists; raises ``ArmError`` InvalidResourceName.

    Source: the refusals users of azurerm and azure-cli report.
    """
    if not _NAME.fullmatch(name):
        raise ArmError("InvalidResourceName", name=name)
    return name


def require_reference(cloud: Cloud, holder: Resource, slot: Json | None, kind: str) -> ResourceId | None:
    """Return the resource in a ``{"id": …}`` slot: of that type, in the same region, and ready; None for no slot.

    Raises: ArmError InvalidRequestFormat, InvalidResourceReference, or RetryableError if it is not ready.
    """
    if slot is None:
        return None
    if not slot.get("id"):
        missing = ArmError("MissingJsonReferenceId", path=f"properties.{kind.rpartition('/')[2]}")
        raise ArmError("InvalidRequestFormat:json", missing)
    target = _parse(slot["id"], holder)
    resource = cloud.store.get(target)
    near = place(cloud, target) == (holder.location or place(cloud, holder.id))
    if resource is None or target.type.lower() != kind.lower() or not near:
        raise ArmError("InvalidResourceReference", id=target, holder=holder.id)
    if resource.state != "Succeeded":
        raise _not_ready(resource, holder)
    slot["id"] = str(resource.id)
    return resource.id


def _parse(text: str, holder: Resource) -> ResourceId:
    try:
        return ResourceId.parse(text)
    except ValueError:
        raise ArmError("InvalidResourceReference", id=text, holder=holder.id) from None


def _not_ready(resource: Resource, holder: Resource) -> ArmError:
    noun = resource.id.types[-1].replace("Addresses", "Address").removesuffix("s")
    operation = f"{'Delete' if resource.state == 'Deleting' else 'Put'}{noun[0].upper()}{noun[1:]}Operation"
    blanks = {"id": resource.id, "holder": holder.id, "state": resource.state, "operation": operation}
    return ArmError("RetryableError", ArmError("ReferencedResourceNotProvisioned", **blanks))
