"""Reads ARM's answers: resources, lists, accepted operations, their progress, refusals, and retry times.

No other module reads an answer. An answer of another form is a `CloudError`, and never counts as empty: a proxy may
answer 200 with a page of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from vmops.azure import form, shapes
from vmops.core import fast_json
from vmops.core.errors import CloudError

T = TypeVar("T")

UNREADABLE = "UnreadableAnswer"
"""Our code for an answer that does not have ARM's form."""

SLOW_LOGIN = "SlowLogin"
"""Our code for a login that timed out."""

_ABSENT = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "ParentResourceNotFound", "NotFound"})
"""Codes of a 404 for a resource that does not exist. Source: ARM resource provider contract, common API details;
recorded refusals of Microsoft.Compute, Microsoft.Network and Microsoft.Resources.
"""

_SUCCEEDED, _FAILED = "succeeded", frozenset({"failed", "canceled", "cancelled"})
_RUNNING = frozenset(
    {
        *("notstarted", "pending", "queued", "scheduled", "accepted", "starting", "started", "running", "inprogress"),
        *("creating", "updating", "deleting", "provisioning", "waiting", "validating", "resuming"),
    }
)
"""Statuses of an operation, in lower case. Source: ARM resource provider contract, async-api-reference (terminal:
Succeeded, Failed, Canceled; the others are the provider's own).
"""

_LOCATION = "#location"
"""Suffix of a handle from a ``Location`` header: such a URL answers an empty 200 or 204 once the operation is done."""

_MAX_DIGITS = 9
"""The most digits of a retry time that is accepted."""


@dataclass(frozen=True)
class Accepted:
    """ARM has accepted a request; ``url`` is its handle, None if it is done. ``retry_after`` is in seconds, or None."""

    url: str | None
    retry_after: float | None = None


@dataclass(frozen=True)
class Progress:
    """The answer to one poll of an operation; ``retry_after`` is in seconds, None if the service did not say."""

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
    """Give the URL for polling an accepted request. Source: ARM RPC, async-api-reference."""
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
        if value.isascii() and value.isdigit() and len(value) <= _MAX_DIGITS:
            return int(value) * scale
    return None


def is_absent(error: CloudError) -> bool:
    """Tell whether ARM says that the resource does not exist: a 404 with one of ARM's codes for that."""
    return error.status == 404 and error.code in _ABSENT


def unreadable(message: str, path: str) -> CloudError:
    """Give the error for an answer to a path or URL that does not have ARM's form."""
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
    """Read a resource that was requested by its id.

    Raises: CloudError if the answer is not that resource.
    """
    try:
        found = shapes.resource(_json(response))
        if found["id"].lower() != resource_id.lower():
            raise form.Malformed("it is another resource")
    except ValueError as error:
        raise _unreadable(response, resource_id, error) from None
    return found


def properties(response: Any, path: str) -> dict[str, Any]:
    """Read the properties of an object that was requested by its path.

    Raises: CloudError if the answer has none.
    """
    return _read(shapes.properties, response, path)


def page(response: Any, path: str) -> tuple[list[dict[str, Any]], str]:
    """Read one page of a list of resources, and the URL of the next page, empty for the last.

    Raises: CloudError if the answer is not such a page; it is never treated as an empty one.
    """
    return _read(shapes.page, response, path)


def usages(response: Any, path: str) -> tuple[list[shapes.Usage], str]:
    """Read one page of quotas, and the URL of the next one, which is empty for the last. Raises: CloudError."""
    return _read(shapes.usages, response, path)


def sizes(response: Any, path: str) -> dict[str, int]:
    """Read how many data disks each size supports, by its name in lower case. Raises: CloudError."""
    return _read(shapes.sizes, response, path)


def guests(response: Any, path: str) -> dict[str, Any]:
    """Read a cloud's answer about what runs inside its VMs.

    Raises: CloudError if the answer has another form.
    """
    return _read(shapes.guests, response, path)


def words(response: Any, path: str) -> dict[str, str]:
    """Read the string values of an object that is not a resource, by their names.

    Raises: CloudError if the answer is not an object.
    """
    return _read(shapes.words, response, path)


def offers(response: Any, path: str) -> dict[str, shapes.SizeOffer]:
    """Read Azure's offer of each size, by its name in lower case.

    Raises: CloudError if the answer is not a list of sizes.
    """
    return _read(shapes.offers, response, path)


def progress(response: Any, handle: str) -> Progress:
    """Read the answer to one poll of an operation.

    An ``Azure-AsyncOperation`` URL answers 200 with a status. A ``Location`` URL answers 202 until it is done, and then
    as the request itself would have. Source: ARM resource provider contract, async-api-reference.

    Raises: CloudError if the answer has neither form.
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
        raise form.Malformed("it is no object")
    status = body.get("status")
    if status is None and located:
        return body
    if not isinstance(status, str) or status.lower() not in {_SUCCEEDED, *_FAILED, *_RUNNING}:
        raise form.Malformed("it has no `status` that is known")
    return body


def _reason(body: Mapping[str, Any]) -> tuple[str, str]:
    """Give code and message of an error, with or without its envelope; empty if they are not strings."""
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
    """Parse a body as JSON, unless the answer is a redirect or nested too deeply.

    Raises: ValueError.
    """
    if response.status_code >= 300 and response.status_code < 400:
        raise form.Malformed("it is a redirect")
    try:
        return fast_json.loads(response.content)
    except RecursionError:
        raise form.Malformed("it is nested too deeply") from None
    except ValueError:
        raise form.Malformed("it is no JSON") from None


def _unreadable(response: Any, path: str, why: ValueError) -> CloudError:
    kind = response.headers.get("Content-Type", "").partition(";")[0]
    what = f"HTTP {response.status_code}{f' {kind}' if kind else ''}"
    return unreadable(f"the answer ({what}) is not Azure Resource Manager's: {why}", path)
