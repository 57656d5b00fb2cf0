"""The visible result of a fault: a refusal, or an operation with another outcome."""

import math
from collections.abc import Mapping
from typing import Any

from vmops.local.arm.faults.effects import Fail, Refuse, Stick
from vmops.local.arm.faults.observed import ObservedCall, blanks
from vmops.local.arm.faults.refusal_texts import filled, find, message_of
from vmops.local.arm.state import lro
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.lro import Operation
from vmops.local.arm.wire.messages import Reply

_RETRIED = frozenset({408, 409, 429, 500, 502, 503, 504})
_OWN_PAUSE = 20.0
"""Seconds that clients wait if the service names none, in the cloud's time. Source: azcore, azure-native."""


def refusal(cloud: Cloud, effect: Refuse, call: ObservedCall, body: Mapping[str, Any]) -> Reply:
    """Give the refusal in the form of its origin: the front door, Network, or Compute."""
    known = find(effect.code)
    status = effect.status or (known.status if known else 500)
    about = blanks(call, body, cloud.now())
    message = message_of(effect.message, effect.code, about)
    error: dict[str, Any] = {"code": effect.code.partition(":")[0], "message": message}
    if effect.details or "/microsoft.network/" in call.path.lower():
        error["details"] = [{name: filled(text, about) for name, text in each.items()} for each in effect.details]
    front_door = {"x-ms-failure-cause": "gateway"} if known and known.gateway else {}
    headers = {**front_door, **_pause(effect, status, cloud.pace), **effect.headers}
    return Reply(status, error if effect.bare else {"error": error}, headers)


def change_outcome(cloud: Cloud, effect: Fail | Stick, call: ObservedCall, operation: Operation) -> None:
    """Let an operation that has begun end as Failed, or never; the effect names the machine's state afterwards."""
    if isinstance(effect, Stick):
        operation.due = math.inf
    else:
        target = cloud.store.get(operation.target)
        error = {"code": effect.code.partition(":")[0]}
        about = blanks(call, target.body if target else {}, cloud.now())
        operation.error = {**error, "message": message_of(effect.message, effect.code, about)}
        if target and "power" in target.hidden:
            was = call.before.hidden["power"] if call.before else None
            target.hidden["bound"] = "running" if effect.running else was
            cloud.store.save(target)
    cloud.store.save_operation(operation)


def _pause(effect: Refuse, status: int, pace: float) -> dict[str, str]:
    """Give the headers of a pause in the cloud's own time; without them the client would wait in real time."""
    if effect.retry_after is not None:
        return lro.retry_after(effect.retry_after * pace)
    return lro.retry_after(_OWN_PAUSE * pace) if status in _RETRIED and pace < 1 else {}
