"""Requests to Azure Resource Manager: retried as azcore does, operations followed to their end, deadlines kept."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import urllib3

from vmops.errors import CloudError, VmopsError
from vmops.local.provider.resource_types import VERSION
from vmops.waiting import Later, wait

T = TypeVar("T")

_RETRY_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_RETRY_CODE = "AnotherOperationInProgress"
_RETRY_DELAYS = (20.0, 60.0, 120.0)
"""Seconds before each repetition, when the service names none. Source: azure-native's settings of azcore's retries."""

_OVER = frozenset({"succeeded", "failed", "canceled"})
"""The terminal words of an operation; every other word is in progress. Source: ARM RPC, async-api-reference."""

_GRAIN = 0.1
"""Seconds after which a pause looks whether anyone still wants the answer."""


_REVIVED = "10"
"""Milliseconds before the first request to an ARM that was started again."""


class Stopped(VmopsError):
    """The engine cancelled its work, or is gone."""


class DeadlinePassed(VmopsError):
    """The time that the program allowed for this resource is over."""


@dataclass(frozen=True)
class Call:
    """One request of an engine: how long it may take, and whether anyone still waits for the answer.

    ``deadline`` is an instant of the monotonic clock, in seconds.
    """

    deadline: float
    stopped: Callable[[], bool]

    def check(self) -> None:
        """Raise `Stopped` or `DeadlinePassed` when there is no use in going on: the last look before each request."""
        if self.stopped():
            raise Stopped("operation canceled")
        if time.monotonic() >= self.deadline:
            raise DeadlinePassed("operation timed out")

    def until(self, look: Callable[[], T | Later], pause: float = 0.0) -> T:
        """Ask ``look``, first after ``pause`` seconds, until it answers.

        Raises: `Stopped`, `DeadlinePassed`, and what ``look`` raises.
        """
        due = time.monotonic() + pause

        def attempt() -> T | Later:
            nonlocal due
            self.check()
            if (left := due - time.monotonic()) > 0:
                return Later(min(left, _GRAIN))
            seen = look()
            if isinstance(seen, Later):
                due = time.monotonic() + seen.seconds
                return Later(min(seen.seconds, _GRAIN))
            return seen

        answer = wait(attempt, timeout=self.deadline - time.monotonic())
        if answer is None:
            raise DeadlinePassed("operation timed out")
        return answer


@dataclass(frozen=True)
class Answer:
    """What ARM said to one request."""

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
    def retryable(self) -> bool:
        """Tell whether azcore would send the request again."""
        return self.status in _RETRY_STATUSES or (self.status == 409 and self.refusal().code == _RETRY_CODE)


class Arm:
    """Azure Resource Manager at one endpoint; threads share its connections.

    ``revive`` is called when it does not answer: to have it started again, and to tell where it is then.
    """

    def __init__(self, endpoint: str, token: str, revive: Callable[[], str] | None = None) -> None:
        self._revive = revive
        self._headers = {
            "Authorization": f"Bearer {token}",
            "Accept": "application/json",
            "User-Agent": f"pulumi-azure-native/{VERSION}",
        }
        self._move(endpoint)

    def _move(self, endpoint: str) -> None:
        self._endpoint, at = endpoint, urlsplit(endpoint)
        self._pool = urllib3.HTTPConnectionPool(at.hostname or "", at.port, maxsize=64, retries=False, timeout=60.0)

    def send(self, call: Call, method: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        """Send one request, again if azcore would.

        Raises: `CloudError` when the answer is not a success, `Stopped`, `DeadlinePassed`.
        """
        delays = iter(_RETRY_DELAYS)

        def look() -> Answer | Later:
            answer, delay = self._exchange(method, path, body), None
            if answer.retryable and (delay := next(delays, None)) is not None:
                return Later(delay if answer.retry_after is None else answer.retry_after)
            if answer.status >= 400:
                raise answer.refusal()
            return answer

        return call.until(look)

    def follow(self, call: Call, begun: Answer, path: str, pause: float) -> None:
        """Wait until the operation that an answer began is over.

        ``path`` is the resource's; ``pause`` is the seconds between looks when the service names none.
        Raises: `CloudError` with the operation's own error when it failed, `Stopped`, `DeadlinePassed`.
        """
        if (way := _way(begun, path)) is None:
            return
        url, over = way

        def look() -> bool | Later:
            nonlocal url
            seen = self.send(call, "GET", self._local(url))
            url = seen.headers.get("Location", url) if over is _result_over else url
            return over(seen) or Later(pause if seen.retry_after is None else seen.retry_after)

        call.until(look, pause=begun.retry_after or 0.0)

    def _exchange(self, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        try:
            response = self._pool.request(method, path, json=body, headers=dict(self._headers))
        except urllib3.exceptions.HTTPError as error:
            return self._unreachable(error)
        return Answer(response.status, response.headers, _object(response.data))

    def _unreachable(self, reason: Exception) -> Answer:
        """Have ARM started again if that is known how; azcore's own pauses are for an Azure that nobody here starts."""
        headers = urllib3.HTTPHeaderDict()
        try:
            if self._revive and (there := self._revive()):
                headers["retry-after-ms"] = _REVIVED
                if there != self._endpoint:
                    self._move(there)
        except VmopsError as error:
            reason = error
        return Answer(503, headers, {"code": "Unreachable", "message": str(reason)})

    def _local(self, url: str) -> str:
        """Give the path of a URL on this endpoint: the token goes nowhere else."""
        at = urlsplit(urljoin(self._endpoint, url))
        if f"{at.scheme}://{at.netloc}" != self._endpoint:
            raise CloudError(f"the operation's URL '{url}' is not at {self._endpoint}", code="InvalidOperationUrl")
        return f"{at.path}?{at.query}"


def _way(begun: Answer, path: str) -> tuple[str, Callable[[Answer], bool]] | None:
    """Choose how to follow an operation; None when it is over. Source: ARM RPC, async-api-reference."""
    if url := begun.headers.get("Azure-AsyncOperation"):
        return url, _operation_over
    if url := begun.headers.get("Location"):
        return url, _result_over
    return None if _resource_over(begun) else (path, _resource_over)


def _operation_over(seen: Answer) -> bool:
    return _over(str(seen.body.get("status", "")), seen)


def _result_over(seen: Answer) -> bool:
    return seen.status != 202


def _resource_over(seen: Answer) -> bool:
    properties = seen.body.get("properties")
    state = properties.get("provisioningState") if isinstance(properties, dict) else None
    return _over(str(state), seen) if state else seen.status != 202


def _over(word: str, seen: Answer) -> bool:
    if word.lower() not in _OVER:
        return False
    if word.lower() != "succeeded":
        told = seen.refusal()
        raise CloudError(str(told) or f"the operation ended as {word}", status=seen.status, code=told.code or word)
    return True


def _object(payload: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(payload)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}
