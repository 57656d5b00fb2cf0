"""Azure Resource Manager: look, list, delete, tag, and follow operations. The one importer of ``azure``."""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from vmops.clouds import Cloud
from vmops.errors import CloudError, SpecError
from vmops.responses import Accepted, Progress, accepted, body_of, progress, refusal
from vmops.waiting import Later, delay, wait

if TYPE_CHECKING:
    from azure.core.pipeline.policies import HTTPPolicy, SansIOHTTPPolicy
    from azure.core.rest import HttpResponse
    from azure.mgmt.compute.operations import VirtualMachinesOperations

_API_VERSIONS = {
    "microsoft.compute/virtualmachines": "2024-07-01",
    "microsoft.compute/disks": "2024-03-02",
    "microsoft.network": "2024-05-01",
    "microsoft.resources": "2024-03-01",
}
"""Source: azure-rest-api-specs, stable folders of each resource provider."""

_PASSING = frozenset({429, 502, 503, 504})
"""Statuses of what the same request may not meet again. Source: ARM resource provider contract, common API details."""


class Arm:
    """One cloud's Resource Manager, for one principal. Safe for threads; holds no state but its connections."""

    def __init__(self, cloud: Cloud, timeout: float, patience: float = 0.0) -> None:
        """Speak to ``cloud``; one request takes at most ``timeout`` seconds.

        A request that is refused for a reason that passes is sent again for ``patience`` seconds, after the time that
        the service asks for. A power operation, which changes something each time, is not.
        """
        self._cloud = cloud
        self._timeout = timeout
        self._patience = patience

    def get(self, resource_id: str, *, expand: str = "") -> dict[str, Any] | None:
        """Look at a resource; None if it does not exist.

        Raises: CloudError for every other refusal.
        """
        query = f"&$expand={expand}" if expand else ""
        try:
            return body_of(self._send("GET", _with_version(resource_id) + query))
        except CloudError as error:
            if error.status == 404:
                return None
            raise

    def tagged(self, subscription: str, name: str, value: str | None = None) -> list[dict[str, Any]]:
        """List the subscription's resources (not its groups) that carry a tag, with that value or with any.

        ARM may leave their tags out of the answer. Source: ARM REST reference, Resources - List, ``$filter``.
        """
        where = f"$filter=tagName eq '{name}'" + (f" and tagValue eq '{value}'" if value is not None else "")
        return list(self._pages(f"/subscriptions/{subscription}/resources?{where}"))

    def contents(self, group_id: str) -> list[dict[str, Any]]:
        """List what a resource group holds.

        Raises: CloudError with status 404 if the group does not exist.
        """
        return list(self._pages(f"{group_id}/resources?"))

    def delete(self, resource_id: str) -> Accepted:
        """Begin to delete a resource; absence is success, the absence of its group too."""
        try:
            return accepted(self._send("DELETE", _with_version(resource_id)).headers)
        except CloudError as error:
            if error.status == 404:
                return Accepted(None)
            raise

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a resource or group."""
        self._send("PATCH", _with_version(resource_id), {"tags": dict(tags)})

    def operation(self, url: str) -> Progress:
        """Look once at an asynchronous operation.

        Raises: SpecError, before any request, if the URL is not on this cloud's endpoint; CloudError if the operation
        cannot be read.
        """
        self.check_own(url)
        return progress(self._send("GET", url))

    def check_own(self, url: str) -> None:
        """Refuse an URL on another host: the token must not go there.

        Raises: SpecError.
        """
        own, other = urlsplit(self._cloud.endpoint), urlsplit(url)
        if (own.scheme, own.netloc.lower()) != (other.scheme, other.netloc.lower()):
            raise SpecError(f"asyncResultsUrl: {url} is not on this cloud's endpoint {self._cloud.endpoint}")

    def begin(
        self, subscription: str, call: "Callable[[VirtualMachinesOperations, Mapping[str, Any]], Any]"
    ) -> Accepted:
        """Ask for one long-running operation of the compute SDK and return as soon as ARM has accepted it.

        ``call`` gets the SDK's virtual machine operations and the keywords to pass on to one of its ``begin_`` methods.

        Raises: CloudError if ARM refuses.
        """
        from azure.core.exceptions import AzureError

        how = {"polling": False, "cls": lambda response, *_: response.http_response.headers}
        try:
            return accepted(call(self._machines(subscription), how).result())
        except AzureError as error:
            response = getattr(error, "response", None)
            raise (CloudError(str(error)) if response is None else refusal(response, "")) from error

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
            connection_timeout=self._timeout,
            read_timeout=self._timeout,
        )
        return client.virtual_machines

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        next_link: str | None = f"{path}&api-version={_API_VERSIONS['microsoft.resources']}"
        while next_link:
            page = body_of(self._send("GET", next_link))
            yield from page.get("value", ())
            next_link = page.get("nextLink")

    def _send(self, method: str, path: str, body: Any = None) -> "HttpResponse":
        """Send a request, again while it is refused for a reason that passes."""
        refusals: list[CloudError] = []
        end = time.monotonic() + self._patience

        def attempt() -> "HttpResponse | Later":
            try:
                return self._exchange(method, path, body)
            except CloudError as error:
                refusals.append(error)
                pause = error.retry_after or delay(len(refusals))
                if error.status not in _PASSING or time.monotonic() + pause > end:
                    raise
                return Later(pause)

        answer = wait(attempt, timeout=self._patience)
        if answer is None:
            raise refusals[-1]
        return answer

    def _exchange(self, method: str, path: str, body: Any) -> "HttpResponse":
        from azure.core.exceptions import AzureError, ClientAuthenticationError
        from azure.core.rest import HttpRequest

        url = path if path.startswith("http") else self._cloud.endpoint + path
        try:
            response: HttpResponse = self._client.send_request(HttpRequest(method, url, json=body))
        except ClientAuthenticationError as error:
            reason = str(error).strip().partition("\n")[0]
            raise CloudError(f"no Azure login: {reason}", status=401, code="AuthenticationFailed") from None
        except AzureError as error:
            raise CloudError(f"{self._cloud.endpoint} does not answer: {error}", resource=path) from error
        if response.status_code >= 400:
            raise refusal(response, path)
        return response

    @cached_property
    def _client(self) -> Any:
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import RetryPolicy, UserAgentPolicy
        from azure.core.pipeline.transport import RequestsTransport

        transport = RequestsTransport(connection_timeout=self._timeout, read_timeout=self._timeout)
        policies = [UserAgentPolicy("vmops"), RetryPolicy(retry_status=0, timeout=self._timeout), self._authentication]
        return PipelineClient(self._cloud.endpoint, policies=policies, transport=transport)

    @cached_property
    def _credential(self) -> Any:
        if self._cloud.token:
            from azure.core.credentials import AzureKeyCredential

            return AzureKeyCredential(self._cloud.token)
        from azure.identity import DefaultAzureCredential

        return DefaultAzureCredential(authority=self._cloud.authority)

    @cached_property
    def _authentication(self) -> "HTTPPolicy[Any, Any] | SansIOHTTPPolicy[Any, Any]":
        """The local Azure is spoken to over loopback http, where azure-core sends a key but no bearer credential."""
        if self._cloud.token:
            from azure.core.pipeline.policies import AzureKeyCredentialPolicy

            return AzureKeyCredentialPolicy(self._credential, "Authorization", prefix="Bearer")
        from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy

        return ARMChallengeAuthenticationPolicy(self._credential, f"{self._cloud.endpoint}/.default")


def touch() -> None:
    """Import what every request needs."""
    import requests  # noqa: F401
    from azure.core import PipelineClient  # noqa: F401
    from azure.core.pipeline.policies import AzureKeyCredentialPolicy, RetryPolicy  # noqa: F401
    from azure.core.pipeline.transport import RequestsTransport  # noqa: F401
    from azure.core.rest import HttpRequest  # noqa: F401


def _with_version(resource_id: str) -> str:
    """Add the api-version of the resource's type, read from the last provider in its id."""
    _, found, provider = resource_id.lower().rpartition("/providers/")
    namespace, _, kind = provider.partition("/")
    keys = (f"{namespace}/{kind.split('/')[0]}", namespace) if found else ("microsoft.resources",)
    version = next(_API_VERSIONS[key] for key in keys if key in _API_VERSIONS)
    return f"{resource_id}?api-version={version}"
