"""Requests to Azure Resource Manager: retries as azcore makes them, operations followed to their end, deadlines."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urljoin, urlsplit

import urllib3

from vmops.core.errors import CloudError, VmopsError
from vmops.core.polling import NotYet, poll_until
from vmops.local.provider.answers import Answer, object_of, result_over, way
from vmops.local.provider.resource_types import VERSION

T = TypeVar("T")

_RETRY_DELAYS = (20.0, 60.0, 120.0)
"""Seconds before each retry if the service names none. Source: azure-native's settings of azcore's retries."""

_REGISTRATIONS, _REGISTRATION_PAUSE, _REGISTRATION_VERSION = 3, 15.0, "2021-04-01"
"""How many times a subscription is registered for one request, the seconds for each to take effect, and the API
version.

Source: azcore, the policy that registers resource providers.
"""

_GRAIN = 0.1
"""Seconds between two checks, during a pause, whether the answer is still wanted."""

_REVIVED = "10"
"""Milliseconds before the first request to an ARM that was restarted."""


class Stopped(VmopsError):
    """The engine cancelled its work, or is gone."""


class DeadlinePassed(VmopsError):
    """The time that the program allowed for this resource is over."""


@dataclass(frozen=True)
class Call:
    """One request of an engine: its time limit, and whether the answer is still wanted.

    ``deadline`` is an instant of the monotonic clock, in seconds.
    """

    deadline: float
    stopped: Callable[[], bool]

    def check(self) -> None:
        """Raise `Stopped` or `DeadlinePassed` if the answer is no longer wanted: the last check before each request."""
        if self.stopped():
            raise Stopped("operation canceled")
        if time.monotonic() >= self.deadline:
            raise DeadlinePassed("operation timed out")

    def until(self, look: Callable[[], T | NotYet], pause: float = 0.0) -> T:
        """Poll ``look``, first after ``pause`` seconds, until it gives an answer.

        Raises: `Stopped`, `DeadlinePassed`, and what ``look`` raises.
        """
        due = time.monotonic() + pause

        def attempt() -> T | NotYet:
            nonlocal due
            self.check()
            if (left := due - time.monotonic()) > 0:
                return NotYet(min(left, _GRAIN))
            seen = look()
            if isinstance(seen, NotYet):
                due = time.monotonic() + seen.seconds
                return NotYet(min(seen.seconds, _GRAIN))
            return seen

        answer = poll_until(attempt, timeout=self.deadline - time.monotonic())
        if answer is None:
            raise DeadlinePassed("operation timed out")
        return answer


class Arm:
    """Azure Resource Manager at one endpoint; threads share its connections.

    ``revive`` is called when it does not answer: it starts ARM again, and gives its endpoint then.
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
        """Send one request, and retry it as azcore would.

        Raises: `CloudError` when the answer is not a success, `Stopped`, `DeadlinePassed`.
        """
        delays, registrations = iter(_RETRY_DELAYS), iter((True,) * _REGISTRATIONS)

        def look() -> Answer | NotYet:
            answer, delay = self._exchange(call, method, path, body), None
            if answer.unregistered and next(registrations, False):
                return self._register(call, path)
            if answer.retryable and (delay := next(delays, None)) is not None:
                return NotYet(delay if answer.retry_after is None else answer.retry_after)
            if answer.status >= 400:
                raise answer.refusal()
            return answer

        return call.until(look)

    def follow(self, call: Call, begun: Answer, path: str, pause: float) -> None:
        """Wait until the operation that an answer began is over.

        ``path`` is the resource's; ``pause`` is the seconds between polls if the service names none.
        Raises: `CloudError` with the operation's own error when it failed, `Stopped`, `DeadlinePassed`.
        """
        if (chosen := way(begun, path)) is None:
            return
        url, over = chosen

        def look() -> bool | NotYet:
            nonlocal url
            seen = self.send(call, "GET", self._local(url))
            url = seen.headers.get("Location", url) if over is result_over else url
            return over(seen) or NotYet(pause if seen.retry_after is None else seen.retry_after)

        call.until(look, pause=begun.retry_after or 0.0)

    def _exchange(self, call: Call, method: str, path: str, body: dict[str, Any] | None) -> Answer:
        try:
            response = self._pool.request(method, path, json=body, headers=dict(self._headers))
        except urllib3.exceptions.HTTPError as error:
            return self._unreachable(call, error)
        return Answer(response.status, response.headers, object_of(response.data))

    def _register(self, call: Call, path: str) -> NotYet:
        """Register the subscription for the provider in a path; the request is retried when that may be effective."""
        steps = path.partition("?")[0].split("/")
        namespace = steps[steps.index("providers") + 1]
        url = f"/{'/'.join(steps[1:3])}/providers/{namespace}"
        answer = self._exchange(call, "POST", f"{url}/register?api-version={_REGISTRATION_VERSION}", None)
        registered = answer.body.get("registrationState") == "Registered"
        return NotYet(0.0 if registered else _REGISTRATION_PAUSE)

    def _unreachable(self, call: Call, reason: Exception) -> Answer:
        """Have ARM started again, if that is possible and the answer is still wanted.

        azcore's own pauses are meant for an Azure that clients cannot start.
        """
        headers = urllib3.HTTPHeaderDict()
        try:
            if self._revive and not call.stopped() and (there := self._revive()):
                headers["retry-after-ms"] = _REVIVED
                if there != self._endpoint:
                    self._move(there)
        except VmopsError as error:
            reason = error
        return Answer(503, headers, {"code": "Unreachable", "message": str(reason)})

    def _local(self, url: str) -> str:
        """Give the path of a URL on this endpoint: the token is sent nowhere else."""
        at = urlsplit(urljoin(self._endpoint, url))
        if f"{at.scheme}://{at.netloc}" != self._endpoint:
            raise CloudError(f"the operation's URL '{url}' is not at {self._endpoint}", code="InvalidOperationUrl")
        return f"{at.path}?{at.query}"
