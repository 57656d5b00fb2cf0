"""The answers of Azure Resource Manager, and how to follow an operation that one began."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import urllib3

from vmops.core.errors import CloudError

_RETRY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_RETRY_CODE = "AnotherOperationInProgress"
_UNREGISTERED = "MissingSubscriptionRegistration"

_OVER = frozenset({"succeeded", "failed", "canceled"})
"""The terminal states of an operation; every other one is in progress. Source: ARM RPC, async-api-reference."""


@dataclass(frozen=True)
class Answer:
    """ARM's answer to one request."""

    status: int
    headers: urllib3.HTTPHeaderDict
    body: dict[str, Any] = field(repr=False)

    @property
    def retry_after(self) -> float | None:
        """Give the pause that the service asks for, in seconds.

        Source: ARM RPC, async-api-reference (``Retry-After``), and azcore (the two in milliseconds).
        """
        for header, scale in (("retry-after-ms", 1000), ("x-ms-retry-after-ms", 1000), ("Retry-After", 1)):
            if (value := self.headers.get(header, "")).replace(".", "", 1).isdigit():
                return float(value) / scale
        return None

    def refusal(self) -> CloudError:
        """Give ARM's error. Source: ARM RPC, common-api-details; some services answer it without the outer object."""
        error = self.body.get("error") or self.body
        code, message = str(error.get("code", "")), str(error.get("message", ""))
        return CloudError(message, status=self.status, code=code, retry_after=self.retry_after)

    @property
    def unregistered(self) -> bool:
        """Tell whether the subscription is not registered for the provider that was asked."""
        return self.status == 409 and self.refusal().code == _UNREGISTERED

    @property
    def retryable(self) -> bool:
        """Tell whether azcore would send the request again."""
        return self.status in _RETRY_STATUSES or (self.status == 409 and self.refusal().code == _RETRY_CODE)


def way(begun: Answer, path: str) -> tuple[str, Callable[[Answer], bool]] | None:
    """Choose how to follow an operation; None when it is over. Source: ARM RPC, async-api-reference."""
    if url := begun.headers.get("Azure-AsyncOperation"):
        return url, _operation_over
    if url := begun.headers.get("Location"):
        return url, result_over
    return None if _resource_over(begun) else (path, _resource_over)


def _operation_over(seen: Answer) -> bool:
    return _over(str(seen.body.get("status", "")), seen)


def result_over(seen: Answer) -> bool:
    """Tell whether a result is ready: until then the answer is 202."""
    return seen.status != 202


def _resource_over(seen: Answer) -> bool:
    properties = seen.body.get("properties")
    state = properties.get("provisioningState") if isinstance(properties, dict) else None
    return _over(str(state), seen) if state else seen.status != 202


def _over(word: str, seen: Answer) -> bool:
    if word.lower() not in _OVER:
        return False
    if word.lower() != "succeeded":
        error = seen.refusal()
        raise CloudError(str(error) or f"the operation ended as {word}", status=seen.status, code=error.code or word)
    return True


def object_of(payload: bytes) -> dict[str, Any]:
    """Read a body; anything that is no JSON object counts as an empty one."""
    try:
        parsed = json.loads(payload)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
