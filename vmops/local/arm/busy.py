"""Tells clients that are refused because of another operation when to retry.

Without that they wait for 20 to 30 seconds of real time, which at a small pace are hours of the cloud's time.
"""

import json
from collections.abc import Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vmops.local.arm.faults.observed import target_of
from vmops.local.arm.state import lro
from vmops.local.arm.state.cloud import Cloud

_STATUSES = frozenset({409, 429})
# Refusals until another operation has ended. Source: Microsoft.Network, Microsoft.Compute, Deployments.
_TRANSIENT_CODES = frozenset({"AnotherOperationInProgress", "Conflict", "RetryableError", "DeploymentActive"})
_MAX_PAUSE = 30.0
"""The longest pause before a retry, in Azure's seconds."""
_PAUSES = frozenset({b"retry-after", b"x-ms-retry-after-ms"})


class Busy:
    """Adds a pause to a refusal because of another operation: until that operation is due."""

    def __init__(self, app: ASGIApp, cloud: Cloud) -> None:
        self._app, self._cloud = app, cloud

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; the start of a refusal is held until its code is known."""
        held: list[Message] = []

        async def hinting(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] in _STATUSES:
                held.append(message)
                return
            if held:
                start = held.pop()
                hints = () if _has_pause(start) else self._hints(scope["path"], message.get("body", b""))
                await send({**start, "headers": [*start["headers"], *hints]})
            await send(message)

        await self._app(scope, receive, hinting)

    def _hints(self, path: str, body: bytes) -> Iterable[tuple[bytes, bytes]]:
        if _code(body) not in _TRANSIENT_CODES:
            return
        if operation := _blocking(self._cloud, path):
            hint = lro.retry_after_hint(operation, self._cloud.now(), _MAX_PAUSE * self._cloud.pace)
            yield from ((name.lower().encode(), value.encode()) for name, value in hint.items())


def _has_pause(start: Message) -> bool:
    return any(name.lower() in _PAUSES for name, _ in start["headers"])


def _code(body: bytes) -> str:
    try:
        return str(json.loads(body)["error"]["code"])
    except (ValueError, KeyError, TypeError):
        return ""


def _blocking(cloud: Cloud, path: str) -> lro.Operation | None:
    """Find the blocking operation: on the resource or its family, else the next to end in the group."""
    target = target_of(path)
    if target is None:
        return None
    return cloud.store.running(target.parent or target) or cloud.store.running(target.container)
