"""What ARM answers, read: operations accepted, their progress, refusals, and the time to wait."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vmops.core.errors import CloudError

_RUNNING = frozenset({"inprogress", "running", "accepted", "creating", "updating", "deleting"})
"""Words of an operation that is not over. Every other word but Succeeded is a failure.

Source: ARM resource provider contract, async-api-reference (terminal: Succeeded, Failed, Canceled)."""


@dataclass(frozen=True)
class Accepted:
    """ARM has taken a request on; ``url`` is where to follow it, None if it is over at once.

    ``retry_after`` is in seconds, None when the service did not say.
    """

    url: str | None
    retry_after: float | None = None


@dataclass(frozen=True)
class Progress:
    """What one look at an operation showed; ``retry_after`` is in seconds, None when the service did not say."""

    over: bool
    succeeded: bool = False
    retry_after: float | None = None
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> CloudError:
        """Give the reason in the body of an operation that failed."""
        reason = self.body.get("error") or {}
        status = str(self.body.get("status", "Failed"))
        message = str(reason.get("message") or f"the operation ended {status}")
        return CloudError(message, code=str(reason.get("code", status)))


def accepted(headers: Mapping[str, str]) -> Accepted:
    """Read where an accepted request can be followed. Source: ARM RPC, async-api-reference."""
    return Accepted(headers.get("Azure-AsyncOperation") or headers.get("Location"), retry_after(headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds that the service asks its callers to wait.

    Source: ``Retry-After`` in whole seconds (ARM RPC); ``x-ms-retry-after-ms`` in milliseconds (azure-core's retry
    policy reads both).
    """
    for name, scale in (("x-ms-retry-after-ms", 0.001), ("Retry-After", 1.0)):
        value = headers.get(name, "")
        if value.isdigit():
            return int(value) * scale
    return None


def refusal(response: Any, path: str) -> CloudError:
    """Read the error envelope; compute's throttling answer comes without the outer ``error`` object."""
    body = body_of(response)
    reason = body.get("error") or body
    return CloudError(
        str(reason.get("message") or response.reason or "no reason given"),
        status=response.status_code,
        code=str(reason.get("code", "")),
        resource=path.split("?")[0],
        retry_after=retry_after(response.headers),
    )


def progress(response: Any) -> Progress:
    """Read one look at an operation.

    An ``Azure-AsyncOperation`` URL answers 200 with a status word; a ``Location`` URL answers 202 until it is over.
    Source: ARM resource provider contract, async-api-reference.
    """
    after, body = retry_after(response.headers), body_of(response)
    if response.status_code == 202:
        return Progress(over=False, retry_after=after, body=body)
    status = str(body.get("status", "Succeeded")).lower()
    return Progress(status not in _RUNNING, status == "succeeded", after, body)


def body_of(response: Any) -> dict[str, Any]:
    """Give the JSON object of an answer; empty if it has none."""
    try:
        body = json.loads(response.text() or "{}")
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
