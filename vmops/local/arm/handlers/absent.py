"""Types that the local Azure has no resources of: lists are empty, and gets find nothing."""

from vmops.local.arm.models import GROUPS
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.wire.messages import Call, Reply


def list_none(cloud: Cloud, call: Call) -> Reply:
    """List the resources of such a type in a subscription or a group: none."""
    if "group" in call.names:
        GROUPS.get(cloud, call.group)
    return Reply(200, {"value": []})


def get_none(cloud: Cloud, call: Call) -> Reply:
    """Answer that the resource is not found."""
    GROUPS.get(cloud, call.group)
    raise ArmError("ResourceNotFound", type=call.resource.type, name=call.resource.name, group=call.resource.group)


def delete_none(cloud: Cloud, call: Call) -> Reply:
    """Answer the deletion of an absent resource."""
    GROUPS.get(cloud, call.group)
    return Reply(204)


def put_none(_cloud: Cloud, call: Call) -> Reply:
    """Refuse to create a resource."""
    rid = call.resource
    raise ArmError("InvalidResourceType", type=rid.types[0], namespace=rid.provider, version=call.api_version)
