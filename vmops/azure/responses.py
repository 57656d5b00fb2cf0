"""What ARM answers, read: resources, lists, operations accepted, their progress, refusals, and the time to wait.

Nothing else reads an answer. What is not as ARM promises it is a `CloudError`, never nothing: a proxy or a captive
portal answers 200 with a page of its own.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from vmops.azure import shapes
from vmops.core.errors import CloudError

T = TypeVar("T")

UNREADABLE = "UnreadableAnswer"
"""Our own code for an answer that is not ARM's."""

SLOW_LOGIN = "SlowLogin"
"""Our own code for a login that did not come in time."""

_ABSENT = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "ParentResourceNotFound", "NotFound"})
"""Codes of a 404 that says that a resource is not there. Source: ARM resource provider contract, common API details;
recorded refusals of Microsoft.Compute, Microsoft.Network and Microsoft.Resources."""

_SUCCEEDED, _FAILED = "succeeded", frozenset({"failed", "canceled", "cancelled"})
_RUNNING = frozenset(
    {
        *("notstarted", "pending", "queued", "scheduled", "accepted", "starting", "started", "running", "inprogress"),
        *("creating", "updating", "deleting", "provisioning", "waiting", "validating", "resuming"),
    }
)
"""Words of an operation, in lower case. Source: ARM resource provider contract, async-api-reference (terminal:
Succeeded, Failed, Canceled; the others are the provider's own)."""

_LOCATION = "#location"
"""What marks a handle that was a ``Location``: such a URL answers an empty 200 or 204 once the operation is over."""

_LONGEST = 9
"""Digits of a time to wait that is believed."""


@dataclass(frozen=True)
class Accepted:
    """ARM has taken a request on; ``url`` is the handle to follow it by, None if it is over at once.

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
        status = str(self.body["status"])
        code, message = _reason(self.body)
        return CloudError(message or f"the operation ended {status}", code=code or status)


def accepted(headers: Mapping[str, str]) -> Accepted:
    """Read where an accepted request can be followed. Source: ARM RPC, async-api-reference."""
    location = headers.get("Location")
    followed = headers.get("Azure-AsyncOperation") or (location and location + _LOCATION)
    return Accepted(followed or None, retry_after(headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Give the seconds that the service asks its callers to wait.

    Source: ``Retry-After`` in whole seconds (ARM RPC); ``x-ms-retry-after-ms`` in milliseconds (azure-core's retry
    policy reads both).
    """
    for name, scale in (("x-ms-retry-after-ms", 0.001), ("Retry-After", 1.0)):
        value = headers.get(name, "")
        if value.isascii() and value.isdigit() and len(value) <= _LONGEST:
            return int(value) * scale
    return None


def is_absent(error: CloudError) -> bool:
    """Tell whether a refusal says that a resource is not there: ARM said it, and of the resource."""
    return error.status == 404 and error.code in _ABSENT


def unreadable(message: str, path: str) -> CloudError:
    """Give the error for an answer that is not ARM's, to what was asked at a path or an URL."""
    return CloudError(message, code=UNREADABLE, resource=path.split("?")[0].removesuffix(_LOCATION))


def refusal(response: Any, path: str) -> CloudError:
    """Read the error envelope; compute's throttling answer comes without the outer ``error`` object."""
    try:
        body = _json(response)
    except ValueError:
        body = None
    code, message = _reason(body if isinstance(body, dict) else {})
    return CloudError(
        message or response.reason or "no reason given",
        status=response.status_code,
        code=code,
        resource=path.split("?")[0],
        retry_after=retry_after(response.headers),
    )


def resource(response: Any, resource_id: str) -> dict[str, Any]:
    """Read a resource that was asked for by its id.

    Raises: CloudError if the answer is not that resource.
    """
    try:
        found = shapes.resource(_json(response))
        if found["id"].lower() != resource_id.lower():
            raise shapes.Misshapen("it is another resource")
    except ValueError as error:
        raise _unreadable(response, resource_id, error) from None
    return found


def properties(response: Any, path: str) -> dict[str, Any]:
    """Read the properties of what was asked for by its path.

    Raises: CloudError if the answer has none.
    """
    return _read(shapes.properties, response, path)


def page(response: Any, path: str) -> tuple[list[dict[str, Any]], str]:
    """Read one page of a list of resources, and the URL of the next one, which is empty for the last.

    Raises: CloudError if the answer is no such page: it is never an empty one.
    """
    return _read(shapes.page, response, path)


def usages(response: Any, path: str) -> tuple[list[shapes.Usage], str]:
    """Read one page of quotas, and the URL of the next one, which is empty for the last. Raises: CloudError."""
    return _read(shapes.usages, response, path)


def sizes(response: Any, path: str) -> dict[str, int]:
    """Read how many data disks each size bears, by its name in lower case. Raises: CloudError."""
    return _read(shapes.sizes, response, path)


def guests(response: Any, path: str) -> dict[str, Any]:
    """Read what a cloud says of what runs inside its VMs.

    Raises: CloudError if the answer is nothing of the kind.
    """
    return _read(shapes.guests, response, path)


def words(response: Any, path: str) -> dict[str, str]:
    """Read an object that is no resource: the words that it holds, by their names.

    Raises: CloudError if the answer is no object.
    """
    return _read(shapes.words, response, path)


def offers(response: Any, path: str) -> dict[str, shapes.SizeOffer]:
    """Read what Azure tells of each size, by its name in lower case.

    Raises: CloudError if the answer is no list of sizes.
    """
    return _read(shapes.offers, response, path)


def progress(response: Any, handle: str) -> Progress:
    """Read one look at an operation.

    An ``Azure-AsyncOperation`` URL answers 200 with a status word; a ``Location`` URL answers 202 until it is over, and
    then what the request would have answered at once. Source: ARM resource provider contract, async-api-reference.

    Raises: CloudError if it is neither.
    """
    after = retry_after(response.headers)
    if response.status_code == 202:
        return Progress(over=False, retry_after=after)
    try:
        body = _operation(response, handle)
    except ValueError as error:
        raise _unreadable(response, handle, error) from None
    status = str(body.get("status", _SUCCEEDED)).lower()
    return Progress(status not in _RUNNING, status == _SUCCEEDED, after, body)


def _operation(response: Any, handle: str) -> dict[str, Any]:
    located = handle.endswith(_LOCATION)
    if located and response.status_code in {200, 204} and not response.content:
        return {}
    body = _json(response)
    if not isinstance(body, dict):
        raise shapes.Misshapen("it is no object")
    status = body.get("status")
    if status is None and located:
        return body
    if not isinstance(status, str) or status.lower() not in {_SUCCEEDED, *_FAILED, *_RUNNING}:
        raise shapes.Misshapen("it has no `status` that is known")
    return body


def _reason(body: Mapping[str, Any]) -> tuple[str, str]:
    """Give code and message of an error, in its envelope or without; empty where they are no strings."""
    inner = body.get("error")
    reason = inner if isinstance(inner, dict) else body
    code, message = reason.get("code"), reason.get("message")
    return (code if isinstance(code, str) else ""), (message if isinstance(message, str) else "")


def _read(shape: Callable[[Any], T], response: Any, path: str) -> T:
    try:
        return shape(_json(response))
    except ValueError as error:
        raise _unreadable(response, path, error) from None


def _json(response: Any) -> Any:
    """Read a body that is no redirect and no deeper than anything that ARM answers.

    Raises: ValueError.
    """
    if response.status_code >= 300 and response.status_code < 400:
        raise shapes.Misshapen("it is a redirect")
    try:
        return json.loads(response.content)
    except RecursionError:
        raise shapes.Misshapen("it is nested too deeply") from None
    except ValueError:
        raise shapes.Misshapen("it is no JSON") from None


def _unreadable(response: Any, path: str, why: ValueError) -> CloudError:
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    what = f"HTTP {response.status_code}{f' {kind}' if kind else ''}"
    return unreadable(f"the answer ({what}) is not Azure Resource Manager's: {why}", path)
