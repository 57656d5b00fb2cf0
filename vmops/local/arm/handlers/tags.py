"""The tags of a resource or group, as a resource of their own.

Source: azure-rest-api-specs, Microsoft.Resources, Tags_UpdateAtScope.
"""

from vmops.local.arm.models import kind_of
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import ResourceId
from vmops.local.arm.wire.messages import Call, Reply

SUFFIX = "/providers/Microsoft.Resources/tags/default"
_OPERATIONS = ("replace", "merge", "delete")


def get(cloud: Cloud, call: Call) -> Reply:
    """Show the tags."""
    rid = _scope(call)
    return Reply(200, _shown(kind_of(rid).get(cloud, rid).body, rid))


def put(cloud: Cloud, call: Call) -> Reply:
    """Replace the tags as a whole."""
    return _written(cloud, _scope(call), _asked(call))


def patch(cloud: Cloud, call: Call) -> Reply:
    """Replace the tags, add to them, or take from them, as the ``operation`` says."""
    rid, asked, word = _scope(call), _asked(call), str(call.body.get("operation", "")).lower()
    if word not in _OPERATIONS:
        raise ArmError("InvalidRequestContent", reason=f"operation is none of {', '.join(_OPERATIONS)}")
    tags = dict(kind_of(rid).get(cloud, rid).body.get("tags", {}))
    if word == "delete":
        left = {name: value for name, value in tags.items() if asked.get(name) != value}
        return _written(cloud, rid, left)
    return _written(cloud, rid, asked if word == "replace" else tags | asked)


def delete(cloud: Cloud, call: Call) -> Reply:
    """Take all tags away."""
    _written(cloud, _scope(call), {})
    return Reply(200)


def _scope(call: Call) -> ResourceId:
    return ResourceId.parse(call.path.removesuffix(SUFFIX))


def _asked(call: Call) -> dict[str, str]:
    properties = call.body.get("properties")
    tags = properties.get("tags", {}) if isinstance(properties, dict) else None
    if not isinstance(tags, dict) or not all(isinstance(value, str) for value in tags.values()):
        raise ArmError("InvalidRequestContent", reason="properties.tags is no proper dict")
    return tags


def _written(cloud: Cloud, rid: ResourceId, tags: dict[str, str]) -> Reply:
    change = kind_of(rid).patch(cloud, rid, {"tags": tags})
    return Reply(200, _shown(change.resource.body, rid))


def _shown(body: Json, rid: ResourceId) -> Json:
    return {
        "id": f"{rid}{SUFFIX}",
        "name": "default",
        "type": "Microsoft.Resources/tags",
        "properties": {"tags": body.get("tags", {})},
    }
