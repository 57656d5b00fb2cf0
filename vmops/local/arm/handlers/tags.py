"""The tags of a resource or group, as a separate resource.

Source: azure-rest-api-specs, Microsoft.Resources, Tags_UpdateAtScope.
"""

from collections.abc import Iterable

from vmops.local.arm.handlers.resources import patched
from vmops.local.arm.models import kind_of
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.shapes.requests import TAG_CHANGE, fitted
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import ResourceId
from vmops.local.arm.wire.messages import Call, Reply

SUFFIX = "/providers/Microsoft.Resources/tags/default"


def get(cloud: Cloud, call: Call) -> Reply:
    """Show the tags."""
    rid = _scope(call)
    return Reply(200, _shown(kind_of(rid).get(cloud, rid).body, rid))


def put(cloud: Cloud, call: Call) -> Reply:
    """Replace all tags."""
    return _written(cloud, _scope(call), _asked(fitted(call.body, TAG_CHANGE)))


def patch(cloud: Cloud, call: Call) -> Reply:
    """Replace, merge or delete tags, as the ``operation`` says."""
    rid, request = _scope(call), fitted(call.body, TAG_CHANGE)
    asked, tags = _asked(request), kind_of(rid).get(cloud, rid).body.get("tags", {})
    match request.get("operation"):
        case "Replace":
            return _written(cloud, rid, asked)
        case "Merge":
            return _written(cloud, rid, _without(tags, asked) | asked)
        case "Delete":
            given = {name.lower(): value for name, value in asked.items()}
            same = [name for name, value in tags.items() if given.get(name.lower()) == value]
            return _written(cloud, rid, _without(tags, same))
    raise ArmError("InvalidRequestContent", reason="operation is required")


def delete(cloud: Cloud, call: Call) -> Reply:
    """Delete all tags."""
    _written(cloud, _scope(call), {})
    return Reply(200)


def _scope(call: Call) -> ResourceId:
    return ResourceId.parse(call.path.removesuffix(SUFFIX))


def _asked(request: Json) -> dict[str, str]:
    if "properties" not in request:
        raise ArmError("InvalidRequestContent", reason="properties is required")
    tags: dict[str, str] = request["properties"].get("tags", {})
    return tags


def _without(tags: dict[str, str], names: Iterable[str]) -> dict[str, str]:
    """Leave out the tags of these names. Names of tags match without regard to case, values do not."""
    gone = {name.lower() for name in names}
    return {name: value for name, value in tags.items() if name.lower() not in gone}


def _written(cloud: Cloud, rid: ResourceId, tags: dict[str, str]) -> Reply:
    change = patched(cloud, rid, {"tags": tags})
    return Reply(200, _shown(change.resource.body, rid))


def _shown(body: Json, rid: ResourceId) -> Json:
    return {
        "id": f"{rid}{SUFFIX}",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": body.get("tags", {})},
    }
