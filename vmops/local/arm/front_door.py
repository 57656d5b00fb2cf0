"""ARM's front door: translates HTTP requests into calls of handlers, and their replies into HTTP."""

import json
import re
import uuid
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vmops.core import relaxed_json
from vmops.local.arm import paths
from vmops.local.arm.handlers.providers import NAMESPACES
from vmops.local.arm.limits import compute, subscription
from vmops.local.arm.limits.bucket import Buckets
from vmops.local.arm.limits.policies import Counted, policy_of
from vmops.local.arm.limits.rate_limits import Counters
from vmops.local.arm.models.locks import require_unlocked
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.routes import Handler
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.wire.messages import Call, Reply

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}(?:-[a-z]+)?", re.IGNORECASE)
# What every answer carries. Source: recorded traffic, azure-mgmt-compute 12.
_HEADERS = {
    "Cache-Control": "no-cache",
    "Pragma": "no-cache",
    "Expires": "-1",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
}


class FrontDoor:
    """Answers ARM requests one at a time, each in one transaction."""

    def __init__(self, cloud: Cloud, buckets: Buckets) -> None:
        self._cloud, self._buckets = cloud, buckets
        self._counters = Counters(cloud.clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        request = Request(scope, receive)
        body = await request.body()
        counters = self._counters.headers(request.method, scope["path"])
        late = subscription.throttled(self._buckets, request.method, scope["path"]) or throttled(
            self._cloud, self._buckets, request.method, scope["path"]
        )
        reply = late or self._answer(request, body)
        await response(reply, counters, head=request.method == "HEAD")(scope, receive, send)

    def _answer(self, request: Request, body: bytes) -> Reply:
        path, query = request.scope["path"], dict(request.query_params)
        base = f"{request.url.scheme}://{request.url.netloc}"
        try:
            handler, call = read(request.method, path, query, body, base)
            self._cloud.apply_due()
            return carried_out(self._cloud, handler, call, path)
        except ArmError as refusal:
            return refused(refusal, path)


def throttled(cloud: Cloud, buckets: Buckets, method: str, path: str) -> Reply | None:
    """Count a request in its provider's buckets; a poll counts for the machine of its operation."""
    counted = policy_of(method, path)
    if counted is None:
        return subscription.throttled_by_network(buckets, method, path)
    if counted.policy == "GetOperation" and (operation := cloud.store.operation(counted.about)):
        counted = Counted(counted.policy, operation.target.key)
    return compute.throttled(buckets, path.lower().split("/")[2], counted)


def carried_out(cloud: Cloud, handler: Handler, call: Call, path: str) -> Reply:
    """Carry out a request in one transaction, unless a lock forbids it; raises `ArmError`."""
    require_unlocked(cloud, call.method, path)
    with nullcontext() if call.method in ("GET", "HEAD") else cloud.store.transaction():
        return handler(cloud, call)


def refused(refusal: ArmError, path: str = "") -> Reply:
    """Put a refusal into the envelope of its origin: the front door, Network or Compute.

    Source: recorded traffic; Network always adds ``details``, the front door names itself in a header.
    """
    body = refusal.body()
    if refusal.gateway:
        return Reply(refusal.status, {"error": body}, {"x-ms-failure-cause": "gateway"})
    if "/microsoft.network/" in path.lower():
        body.setdefault("details", [])
    return Reply(refusal.status, {"error": body})


def response(reply: Reply, more: dict[str, str] | None = None, *, head: bool = False) -> Response:
    """Write an answer, with the headers that every answer has."""
    request_id = str(uuid.uuid4())
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    headers = {
        **_HEADERS,
        **(more or {}),
        **reply.headers,
        "x-ms-request-id": request_id,
        "x-ms-correlation-request-id": request_id,
        "x-ms-routing-request-id": f"LOCAL:{now}:{request_id}",
    }
    if reply.body is None or head:
        return Response(status_code=reply.status, headers=headers)
    return Response(to_json(reply.body), reply.status, headers, media_type="application/json; charset=utf-8")


def read(method: str, path: str, sent: Mapping[str, str], body: bytes, base: str) -> tuple[Handler, Call]:
    """Find the handler of a request and put the request into a call; raises `ArmError`."""
    query = {name.lower(): value for name, value in sent.items()}
    if not query.get("api-version"):
        raise ArmError("MissingApiVersionParameter")
    if not _VERSION.fullmatch(query["api-version"]):
        known = ",".join(sorted(set(NAMESPACES.values()), reverse=True))
        raise ArmError("InvalidApiVersionParameter", version=query["api-version"], known=known)
    found = paths.find(method, path, query["api-version"])
    if "subscription" in found.names and not _UUID.fullmatch(found.names["subscription"]):
        raise ArmError("InvalidSubscriptionId", subscription=found.names["subscription"])
    return found.handler, Call(method, base, found.path, query, _parse(body), found.names)


def _value(body: bytes) -> Any:
    """Read a value as Azure does, which accepts more than strict JSON; raises ValueError and RecursionError."""
    try:
        return json.loads(body, parse_constant=relaxed_json.no_number)
    except ValueError:
        return relaxed_json.read(body.decode(), relaxed_json.no_number)


def _parse(body: bytes) -> Json:
    """Read a body, which must be an object; no body counts as an empty object."""
    try:
        parsed = _value(body or b"{}")
        if b"\\u" in body:
            json.dumps(parsed, ensure_ascii=False).encode()  # a lone surrogate cannot be stored
    except (ValueError, RecursionError) as reason:
        raise ArmError("InvalidRequestContent", reason=reason) from None
    if not isinstance(parsed, dict):
        raise ArmError("InvalidRequestContent", reason="an object is expected")
    return parsed
