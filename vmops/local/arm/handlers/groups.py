"""The calls about resource groups and subscriptions."""

from vmops.local.arm.data.locations import DISPLAY_NAMES, zones
from vmops.local.arm.data.tenant import TENANT
from vmops.local.arm.models import GROUPS
from vmops.local.arm.models.groups import listed
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import GROUP_TYPE
from vmops.local.arm.wire.filters import matching
from vmops.local.arm.wire.messages import Call, Reply
from vmops.local.arm.wire.pages import page


def head_group(cloud: Cloud, call: Call) -> Reply:
    """Tell whether a group exists: 204 or 404."""
    GROUPS.get(cloud, call.group)
    return Reply(204)


def list_groups(cloud: Cloud, call: Call) -> Reply:
    """List the groups of a subscription."""
    groups = [group.body for group in cloud.store.of_type(GROUP_TYPE, call.names["subscription"])]
    return _filtered(call, groups)


def list_group_resources(cloud: Cloud, call: Call) -> Reply:
    """List the resources in a group, without properties."""
    group = GROUPS.get(cloud, call.group)
    return _filtered(call, _listed(cloud, call, cloud.store.within(group.id)))


def list_resources(cloud: Cloud, call: Call) -> Reply:
    """List the resources in a subscription, without properties."""
    return _filtered(call, _listed(cloud, call, cloud.store.everything(call.names["subscription"])))


def _listed(cloud: Cloud, call: Call, found: list[Resource]) -> list[Json]:
    return listed(cloud, found, call.query.get("$expand", ""))


def _filtered(call: Call, items: list[Json]) -> Reply:
    return page(call, matching(call.query.get("$filter", ""), items))


def get_subscription(_cloud: Cloud, call: Call) -> Reply:
    """Show a subscription; every well-formed one exists."""
    return Reply(200, _subscription(call.names["subscription"]))


def list_subscriptions(cloud: Cloud, call: Call) -> Reply:
    """List the default subscription, and those with resources."""
    return page(call, [_subscription(name) for name in sorted({TENANT, *cloud.store.subscriptions()})])


def list_tenants(_cloud: Cloud, call: Call) -> Reply:
    """List the caller's tenants: one."""
    tenant = {"id": f"/tenants/{TENANT}", "tenantId": TENANT, "displayName": "local", "tenantCategory": "Home"}
    return page(call, [tenant])


def list_locations(_cloud: Cloud, call: Call) -> Reply:
    """List the locations that a subscription may use."""
    return page(call, [_location(call.names["subscription"], name) for name in DISPLAY_NAMES])


def _location(subscription: str, name: str) -> Json:
    display_name = DISPLAY_NAMES[name]
    return {
        "id": f"/subscriptions/{subscription}/locations/{name}",
        "name": name,
        "type": "Region",
        "displayName": display_name,
        "regionalDisplayName": display_name,
        "metadata": {"regionType": "Physical", "regionCategory": "Recommended"},
        "availabilityZoneMappings": [{"logicalZone": zone, "physicalZone": f"{name}-az{zone}"} for zone in zones(name)],
    }


def _subscription(name: str) -> Json:
    return {
        "id": f"/subscriptions/{name}",
        "subscriptionId": name,
        "tenantId": TENANT,
        "displayName": "local",
        "state": "Enabled",
    }
