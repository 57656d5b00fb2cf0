"""What locks and role assignments have in common: each has a scope, which is the first part of its path."""

from vmops.local.arm.models import kind_of
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource_id import ResourceId
from vmops.local.arm.wire.messages import Call


def asked_scope(cloud: Cloud, call: Call, path: str) -> str:
    """Return the scope before the path of a type, in its stored casing; a group or resource must exist."""
    text = call.path[: call.path.lower().rindex(path.lower())]
    if "group" not in call.names:
        return text
    rid = ResourceId.parse(text)
    return str(kind_of(rid).get(cloud, rid).id)
