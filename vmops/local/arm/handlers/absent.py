"""Types of resources that the local Azure has none of: a list is empty, and what is looked for is not found."""

from vmops.local.arm.models import GROUPS
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.wire.messages import Call, Reply


def list_none(cloud: Cloud, call: Call) -> Reply:
    """List what a subscription or a group has of a type: nothing."""
    if "group" in call.names:
        GROUPS.get(cloud, call.group)
    return Reply(200, {"value": []})


def get_none(cloud: Cloud, call: Call) -> Reply:
    """Look for one: it is not found."""
    GROUPS.get(cloud, call.group)
    raise ArmError("ResourceNotFound", type=call.resource.type, name=call.resource.name, group=call.resource.group)


def delete_none(cloud: Cloud, call: Call) -> Reply:
    """Delete what is not there."""
    GROUPS.get(cloud, call.group)
    return Reply(204)


def put_none(_cloud: Cloud, call: Call) -> Reply:
    """Refuse to make one."""
    rid = call.resource
    raise ArmError("InvalidResourceType", type=rid.types[0], namespace=rid.provider, version=call.api_version)
