"""Requests that the cloud makes to itself for a client: the same rules apply to them as to a client's requests."""

import json

from vmops.local.arm.faults.effects import Fail, Refuse, Stick
from vmops.local.arm.faults.observed import observe
from vmops.local.arm.faults.outcome import change_outcome, refusal
from vmops.local.arm.faults.rules import Rules
from vmops.local.arm.front_door import carried_out, read, refused, throttled
from vmops.local.arm.limits.bucket import Buckets
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state import lro
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.wire.messages import Reply


class InternalRequests:
    """Makes requests without HTTP.

    They are read, checked and throttled like a client's. Faults apply to writes if they refuse them or change the
    outcome of their operations; faults that only change an answer do not apply.
    """

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets

    def __call__(self, cloud: Cloud, method: str, path: str, api_version: str, body: Json | None = None) -> Reply:
        """Return the answer, which may be a refusal."""
        if method == "GET":
            return _answer(cloud, method, path, api_version, body)
        observed = observe(cloud, method, path)
        effect = Rules(cloud).strike(observed)
        if isinstance(effect, Refuse):
            return refusal(cloud, effect, observed, body or {})
        late = throttled(cloud, self._buckets, method, path)
        reply = late or _answer(cloud, method, path, api_version, body)
        operation = cloud.store.operation(lro.id_in(reply.headers))
        if operation and operation.ended is None and isinstance(effect, Fail | Stick):
            change_outcome(cloud, effect, observed, operation)
        return reply


def _answer(cloud: Cloud, method: str, path: str, api_version: str, body: Json | None) -> Reply:
    query = {"api-version": api_version} if api_version else {}
    try:
        handler, call = read(method, path, query, json.dumps(body or {}).encode(), "")
        return carried_out(cloud, handler, call, path)
    except ArmError as refusal:
        return refused(refusal, path)
    except Exception as reason:  # an exception of the simulator must not stop other due operations
        return refused(ArmError("InternalServerError", reason=repr(reason)), path)
