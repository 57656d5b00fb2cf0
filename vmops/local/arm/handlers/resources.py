"""What every resource type offers: to be written, shown, deleted and listed."""

from vmops.local.arm.data.locations import LOCATIONS, canonical, zones
from vmops.local.arm.models import GROUPS, MACHINES, RULES, Kind, kind_of
from vmops.local.arm.models.kind import Change
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.shapes.requests import spelled
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.wire.messages import Call, Reply, accepted
from vmops.local.arm.wire.pages import page
from vmops.local.arm.wire.versions import as_of


def put(cloud: Cloud, call: Call) -> Reply:
    """Create a resource or replace it."""
    rid = call.resource
    request = spelled(rid, call.body)
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
    return _changed(cloud, call, kind_of(rid).patch(cloud, rid, spelled(rid, call.body, patch=True)))


def get(cloud: Cloud, call: Call) -> Reply:
    """Show a resource."""
    rid = call.resource
    body = shown(cloud, call, kind_of(rid).get(cloud, rid))
    return Reply(200, body, {"ETag": body["etag"]} if "etag" in body else {})


def shown(cloud: Cloud, call: Call, resource: Resource) -> Json:
    """Show a resource as a GET of the call's API version does."""
    kind = kind_of(resource.id)
    return as_of(call.api_version, kind.type, kind.view(cloud, resource))


def delete(cloud: Cloud, call: Call) -> Reply:
    """Begin to delete a resource; an absent one answers 204."""
    rid = call.resource
    operation = kind_of(rid).delete(cloud, rid)
    return accepted(cloud, call, 202 if operation else 204, None, operation)


def _changed(cloud: Cloud, call: Call, change: Change) -> Reply:
    """Answer 201 for what is new, 200 for what is changed; disks say 202 for both."""
    kind = kind_of(change.resource.id)
    status = 202 if kind.type == "Microsoft.Compute/disks" else 201 if change.created else 200
    return accepted(cloud, call, status, shown(cloud, call, change.resource), change.operation)


def list_children(cloud: Cloud, call: Call) -> Reply:
    """List the children of one type that a resource has."""
    parent = kind_of(call.resource).get(cloud, call.resource)
    return listed(cloud, call, cloud.store.children(parent.id))


def list_in_group(cloud: Cloud, call: Call) -> Reply:
    """List the resources of one type in a group."""
    group = GROUPS.get(cloud, call.group)
    kind = _last_kind(call)
    return listed(cloud, call, [found for found in cloud.store.within(group.id) if found.id.type == kind.type])


def list_in_subscription(cloud: Cloud, call: Call) -> Reply:
    """List the resources of one type in a subscription."""
    return listed(cloud, call, cloud.store.of_type(_last_kind(call).type, call.names["subscription"]))


def _last_kind(call: Call) -> Kind:
    provider, name = call.path.split("/")[-2:]
    return RULES[f"{provider}/{name}".lower()]


def listed(cloud: Cloud, call: Call, found: list[Resource]) -> Reply:
    """Answer with a list of resources, each as a GET shows it."""
    return page(call, [_entry(cloud, call, resource) for resource in found])


def _entry(cloud: Cloud, call: Call, resource: Resource) -> Json:
    """Show one of many; a machine with its instance view if only states are asked for."""
    if resource.id.type == MACHINES.type and call.query.get("statusonly", "").lower() == "true":
        return MACHINES.expanded(resource, "instanceView")
    return shown(cloud, call, resource)
