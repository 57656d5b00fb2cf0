"""A connection to Azure Resource Manager: authenticated, with timeouts and retries. The only importer of ``azure``."""

import base64
import json
import math
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlsplit

from vmops.azure.clouds import Cloud
from vmops.azure.responses import SLOW_LOGIN, is_absent, refusal
from vmops.azure.session import bounded_session
from vmops.core.claim import VmClaim
from vmops.core.errors import CloudError
from vmops.core.polling import backoff, retry

if TYPE_CHECKING:
    from azure.core.pipeline.policies import HTTPPolicy, SansIOHTTPPolicy
    from azure.core.pipeline.transport import RequestsTransport
    from azure.core.rest import HttpResponse
    from azure.mgmt.compute.operations import VirtualMachinesOperations

Call: TypeAlias = "Callable[[VirtualMachinesOperations, Mapping[str, Any]], Any]"
"""Called with the SDK's virtual machine operations, and the keywords to pass on to one of its ``begin_`` methods."""

OnRefusal: TypeAlias = Callable[[CloudError], object]
"""Called with each refusal."""

_PORTS = {"https": 443, "http": 80}

_NAMES = ("upn", "preferred_username", "unique_name", "app_displayname", "appid", "azp", "oid")
"""Claims of a token that name its principal: a person by name, an application or managed identity by id."""

_TRANSIENT_STATUSES = frozenset({429, 502, 503, 504})
"""Transient statuses: the same request may succeed later. Source: ARM resource provider contract, common API details.
"""

_CLI_TIMED_OUT = "Failed to invoke the Azure CLI"
"""azure-identity's message about an ``az`` that timed out. Source: azure-identity, AzureCliCredential."""


class Connection:
    """Requests to one cloud's Resource Manager, for one principal. Thread-safe."""

    def __init__(
        self, cloud: Cloud, timeout: float, retry_seconds: float, on_refusal: OnRefusal, claim: VmClaim
    ) -> None:
        """Connect to ``cloud``; one request takes at most ``timeout`` seconds, and is retried for ``patience`` seconds.

        ``met`` is called with every refusal except not found. Nothing is changed once ``claim`` is lost; requests that
        change something carry its mark.
        """
        self._cloud = cloud
        self._timeout = timeout
        self._retry_seconds = retry_seconds
        self._on_refusal = on_refusal
        self._claim = claim

    def send(self, method: str, path: str, body: Any = None) -> "HttpResponse":
        """Send a request to a path or URL, and retry transient refusals.

        Raises: CloudError if it is refused, or there is no answer.
        """
        deadline = time.monotonic() + self._retry_seconds

        def pause(refusal: CloudError, times: int) -> float | None:
            seconds = refusal.retry_after or backoff(times)
            return seconds if refusal.status in _TRANSIENT_STATUSES and time.monotonic() + seconds <= deadline else None

        return retry(lambda: self._exchange(method, path, body), CloudError, pause, timeout=self._retry_seconds)

    def call(self, subscription: str, call: Call) -> Mapping[str, str]:
        """Make one call of the compute SDK without retries, and give the headers of ARM's answer.

        Raises: CloudError if ARM refuses.
        """
        from azure.core.exceptions import AzureError, ClientAuthenticationError

        how = {"polling": False, "cls": lambda response, *_: response.http_response.headers}
        try:
            headers: Mapping[str, str] = call(
                self._machines(subscription), {**how, "headers": self._checked_headers()}
            ).result()
        except AzureError as error:
            response = getattr(error, "response", None)
            if response is None and isinstance(error, ClientAuthenticationError):
                raise _login_error(str(error)) from None
            raise (CloudError(str(error)) if response is None else self._refused(refusal(response, ""))) from error
        return headers

    def principal(self) -> str:
        """Say in whose name requests are made, as the login's token tells. Raises: CloudError if there is no login.

        Source: Microsoft identity platform, access token claims.
        """
        from azure.core.exceptions import ClientAuthenticationError

        if self._cloud.token:
            return self._cloud.name
        try:
            token = self._credential.get_token(f"{self._cloud.endpoint}/.default").token
        except ClientAuthenticationError as error:
            raise _login_error(str(error)) from None
        return principal_in(token)

    def _exchange(self, method: str, path: str, body: Any) -> "HttpResponse":
        from azure.core.exceptions import AzureError, ClientAuthenticationError
        from azure.core.rest import HttpRequest

        url = path if path.startswith("http") else self._cloud.endpoint + path
        headers = self._checked_headers() if method != "GET" else {}
        try:
            response: HttpResponse = self._client.send_request(HttpRequest(method, url, json=body, headers=headers))
        except ClientAuthenticationError as error:
            raise _login_error(str(error)) from None
        except AzureError as error:
            raise CloudError(f"{self._cloud.endpoint} does not answer: {error}", resource=path) from error
        if response.status_code >= 400:
            raise self._refused(refusal(response, path))
        return response

    def _checked_headers(self) -> dict[str, str]:
        """Check the claim before a change, and give the headers that mark the change with it.

        Source: ARM, common API details, ``x-ms-client-request-id``.
        """
        self._claim.check()
        return {"x-ms-client-request-id": self._claim.mark} if self._claim.mark else {}

    def _refused(self, error: CloudError) -> CloudError:
        if not is_absent(error):
            self._on_refusal(error)
        return error

    def _machines(self, subscription: str) -> "VirtualMachinesOperations":
        from azure.mgmt.compute import ComputeManagementClient

        client = ComputeManagementClient(
            credential=self._credential,
            subscription_id=subscription,
            base_url=self._cloud.endpoint,
            credential_scopes=[f"{self._cloud.endpoint}/.default"],
            authentication_policy=self._authentication,
            retry_status=0,
            timeout=self._timeout,
            transport=self._transport(),
        )
        return client.virtual_machines

    @cached_property
    def _client(self) -> Any:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import RetryPolicy, UserAgentPolicy

        policies = [UserAgentPolicy("vmops"), RetryPolicy(retry_status=0, timeout=self._timeout), self._authentication]
        return PipelineClient(self._cloud.endpoint, policies=policies, transport=self._transport())

    def _transport(self) -> "RequestsTransport":
        from azure.core.pipeline.transport import RequestsTransport

        session = bounded_session(self._cloud.endpoint, self._timeout)
        return RequestsTransport(session=session, connection_timeout=self._timeout, read_timeout=self._timeout)

    @cached_property
    def _credential(self) -> Any:
        if self._cloud.token:
            from azure.core.credentials import AzureKeyCredential

            return AzureKeyCredential(self._cloud.token)
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential(authority=self._cloud.authority, process_timeout=math.ceil(self._timeout))

    @cached_property
    def _authentication(self) -> "HTTPPolicy[Any, Any] | SansIOHTTPPolicy[Any, Any]":
        """The local Azure uses plain HTTP on loopback, where azure-core sends a key, but refuses to send a token."""
        if self._cloud.token:
            from azure.core.pipeline.policies import AzureKeyCredentialPolicy

            return AzureKeyCredentialPolicy(self._credential, "Authorization", prefix="Bearer")
        from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

        return ARMChallengeAuthenticationPolicy(self._credential, f"{self._cloud.endpoint}/.default")


def _login_error(reason: str) -> CloudError:
    """Give the error for a missing login, or for one that timed out, as when many processes log in at once."""
    if _CLI_TIMED_OUT in reason:
        return CloudError("the Azure CLI gave no token in time", code=SLOW_LOGIN)
    return CloudError(
        f"no Azure login: {reason.strip().partition(chr(10))[0]}", status=401, code="AuthenticationFailed"
    )


def principal_in(token: str) -> str:
    """Give a name for whom a token is for, by the first of its claims that tells; '' if none does."""
    try:
        _, claims, _ = token.split(".")
        told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    except ValueError:
        return ""
    return str(next((told[name] for name in _NAMES if told.get(name)), ""))


def origin(url: str) -> tuple[str | int | None, ...] | None:
    """Give scheme, user, host and port (by default the scheme's) of a URL; None if it cannot be parsed."""
    try:
        parts = urlsplit(url)
        return parts.scheme, parts.username, parts.hostname, parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None


def touch() -> None:
    """Import the modules that every request needs."""
    import requests  # noqa: F401
    from azure.core import PipelineClient  # noqa: F401
    from azure.core.pipeline.policies import AzureKeyCredentialPolicy, RetryPolicy  # noqa: F401
    from azure.core.pipeline.transport import RequestsTransport  # noqa: F401
    from azure.core.rest import HttpRequest, _requests_basic  # noqa: F401
