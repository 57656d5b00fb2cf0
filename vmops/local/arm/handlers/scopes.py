"""What locks and role assignments have in common: each is at a scope, which is all that stands before it in a path."""

from vmops.local.arm.models import kind_of
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource_id import ResourceId
from vmops.local.arm.wire.messages import Call


def asked_scope(cloud: Cloud, call: Call, path: str) -> str:
    """Return what stands before the path of a type, in its stored casing; a group or resource must exist."""
    text = call.path[: call.path.lower().rindex(path.lower())]
    if "group" not in call.names:
        return text
    rid = ResourceId.parse(text)
    return str(kind_of(rid).get(cloud, rid).id)
