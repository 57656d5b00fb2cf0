"""The calls that every resource type has: put, patch, get, delete and list."""

from copy import deepcopy

from vmops.local.arm.data.locations import LOCATIONS, canonical, zones
from vmops.local.arm.models import GROUPS, MACHINES, RULES, Kind, kind_of
from vmops.local.arm.models.compute.machine_update import lay_over
from vmops.local.arm.models.kind import Change
from vmops.local.arm.policies.enforcement import policed
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.shapes.requests import spelled
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId
from vmops.local.arm.wire.messages import Call, Reply, accepted
from vmops.local.arm.wire.pages import page
from vmops.local.arm.wire.versions import as_of


def put(cloud: Cloud, call: Call) -> Reply:
    """Create a resource or replace it."""
    rid = call.resource
    asked = spelled(rid, call.body)
    request = policed(cloud, rid, asked, lambda: asked)
    _require_zones(call, request)
    return _changed(cloud, call, kind_of(rid).put(cloud, rid, request))


def _require_zones(call: Call, request: Json) -> None:
    """Refuse zones that a location does not have. Source: cluster-api-provider-azure#294, and users of azure-cli."""
    asked, location, rid = request.get("zones"), canonical(request.get("location", "")), call.resource
    if not asked or not rid.provider or location not in LOCATIONS:
        return
    known = zones(location)
    if not known:
        blanks = {"type": rid.types[-1], "location": location, "version": call.api_version}
        raise ArmError("ResourceTypeNotSupportAvailabilityZones", **blanks)
    if not set(asked) <= set(known):
        blanks = {"zones": ",".join(asked), "type": rid.type, "name": rid.name, "location": location}
        raise ArmError("InvalidAvailabilityZone", **blanks, known=",".join(known))


def patch(cloud: Cloud, call: Call) -> Reply:
    """Change a resource."""
    rid = call.resource
    return _changed(cloud, call, patched(cloud, rid, spelled(rid, call.body, patch=True)))


def patched(cloud: Cloud, rid: ResourceId, request: Json) -> Change:
    """Change a resource as far as the policies in force allow."""
    kind = kind_of(rid)

    def whole() -> Json:
        tags = {"tags": request["tags"]} if request.get("tags") is not None else {}
        return lay_over(deepcopy(kind.get(cloud, rid).body), request) | tags

    return kind.patch(cloud, rid, policed(cloud, rid, request, whole))


def get(cloud: Cloud, call: Call) -> Reply:
    """Show a resource."""
    rid = call.resource
    body = shown(cloud, call, kind_of(rid).get(cloud, rid))
    return Reply(200, body, {"ETag": body["etag"]} if "etag" in body else {})


def shown(cloud: Cloud, call: Call, resource: Resource) -> Json:
    """Show a resource in the form of the call's API version."""
    kind = kind_of(resource.id)
    return as_of(call.api_version, kind.type, kind.view(cloud, resource))


def delete(cloud: Cloud, call: Call) -> Reply:
    """Begin to delete a resource; an absent one answers 204."""
    rid = call.resource
    operation = kind_of(rid).delete(cloud, rid)
    return accepted(cloud, call, 202 if operation else 204, None, operation)


def delete_at_once(cloud: Cloud, call: Call) -> Reply:
    """Delete a resource whose deletion takes no time; an absent one answers 204."""
    kind, rid = kind_of(call.resource), call.resource
    there = kind.find(cloud, rid) is not None
    kind.delete(cloud, rid)
    return Reply(200 if there else 204)


def _changed(cloud: Cloud, call: Call, change: Change) -> Reply:
    """Answer 201 for a new resource, 200 for a changed one; disks answer 202 for both."""
    kind = kind_of(change.resource.id)
    status = 202 if kind.type == "Microsoft.Compute/disks" else 201 if change.created else 200
    return accepted(cloud, call, status, shown(cloud, call, change.resource), change.operation)


def list_children(cloud: Cloud, call: Call) -> Reply:
    """List a resource's children of one type."""
    parent = kind_of(call.resource).get(cloud, call.resource)
    return listed(cloud, call, cloud.store.children(parent.id))


def list_in_group(cloud: Cloud, call: Call) -> Reply:
    """List the resources of one type in a group."""
    group = GROUPS.get(cloud, call.group)
    kind = _last_kind(call)
    return listed(cloud, call, [found for found in cloud.store.within(group.id) if found.id.type == kind.type])


def list_in_subscription(cloud: Cloud, call: Call) -> Reply:
    """List the resources of one type in a subscription."""
    kind = _last_kind(call)
    found = cloud.store.of_type(kind.type, call.names["subscription"])
    if kind is MACHINES and call.query.get("statusonly", "").lower() == "true":
        return page(call, [MACHINES.status(machine) for machine in found])
    return listed(cloud, call, found)


def _last_kind(call: Call) -> Kind:
    provider, name = call.path.split("/")[-2:]
    return RULES[f"{provider}/{name}".lower()]


def listed(cloud: Cloud, call: Call, found: list[Resource]) -> Reply:
    """Answer with a list of resources, each in the form of a GET."""
    return page(call, [shown(cloud, call, resource) for resource in found])
