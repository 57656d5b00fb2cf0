"""User-assigned managed identities, for machines and role assignments to refer to. Nothing can log in as one.

Source: azure-rest-api-specs, Microsoft.ManagedIdentity, UserAssignedIdentities.
"""

from vmops.local.arm.data.tenant import TENANT
from vmops.local.arm.models.kind import Change, Kind, heading, new_guid, require_open
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId


class Identities(Kind):
    """The rules of user-assigned identities: every change takes effect at once."""

    type = "Microsoft.ManagedIdentity/userAssignedIdentities"

    def view(self, cloud: Cloud, resource: Resource) -> Json:  # noqa: ARG002 - as every type
        """Show an identity; it has no provisioning state."""
        shown = {key: value for key, value in resource.properties.items() if key != "provisioningState"}
        return resource.body | {"properties": shown}

    def put(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Create an identity, whose ids stay for its lifetime, or replace its tags."""
        rid, existing, location = self.admit(cloud, rid, request)
        properties = (existing.properties if existing else _new()) | request.get("properties", {})
        identity = Resource(rid, heading(rid, request, location) | {"properties": properties})
        cloud.store.save(identity)
        return Change(identity, created=existing is None)

    def patch(self, cloud: Cloud, rid: ResourceId, request: Json) -> Change:
        """Change the named members."""
        change = super().patch(cloud, rid, request)
        change.resource.properties.update(request.get("properties", {}))
        cloud.store.save(change.resource)
        return change

    def delete(self, cloud: Cloud, rid: ResourceId) -> None:
        """Delete an identity, if it exists; machines that have it still show it."""
        require_open(cloud, rid)
        if identity := self.find(cloud, rid):
            self.remove(cloud, identity)


def _new() -> Json:
    ids = {"principalId": new_guid(), "clientId": new_guid()}
    return {"provisioningState": "Succeeded", "tenantId": TENANT} | ids
