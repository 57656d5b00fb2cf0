"""Lists in pages."""

import base64
from urllib.parse import quote, urlencode

from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.resource import Json
from vmops.local.arm.wire.messages import Call, Reply

_PAGE = 1000


def page(call: Call, items: list[Json]) -> Reply:
    """Answer with one page of an ordered list, and a link to the next page if there is one.

    Source: ARM RPC, resource-api-reference; recorded traffic, azure-mgmt-resource 10.
    """
    start, size = _position(call), _size(call)
    body: Json = {"value": items[start : start + size]}
    if start + size < len(items):
        token = base64.urlsafe_b64encode(str(start + size).encode()).decode()
        query = {**call.query, "$skiptoken": token}
        body["nextLink"] = f"{call.base}{quote(call.path)}?{urlencode(query)}"
    return Reply(200, body)


def _position(call: Call) -> int:
    token = call.query.get("$skiptoken", "")
    try:
        return int(base64.urlsafe_b64decode(token)) if token else 0
    except ValueError:
        raise ArmError("InvalidRequestContent", reason=f"$skiptoken {token!r} is none of ours") from None


def _size(call: Call) -> int:
    top = call.query.get("$top", str(_PAGE))
    if not top.isdecimal() or int(top) < 1:
        raise ArmError("InvalidRequestContent", reason=f"$top {top!r} is not a positive number")
    return min(int(top), _PAGE)
