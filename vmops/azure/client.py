"""Azure Resource Manager: look, list, delete, tag, and follow operations."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from vmops.azure.clouds import Cloud
from vmops.azure.connection import Call, Connection
from vmops.azure.responses import Accepted, Progress, accepted, body_of, progress
from vmops.core.errors import CloudError, SpecError

_API_VERSIONS = {
    "microsoft.compute/virtualmachines": "2024-07-01",
    "microsoft.compute/disks": "2024-03-02",
    "microsoft.network": "2024-05-01",
    "microsoft.resources": "2024-03-01",
}
"""Source: azure-rest-api-specs, stable folders of each resource provider."""


class Arm:
    """One cloud's Resource Manager, for one principal. Safe for threads; holds no state but its connections."""

    def __init__(self, cloud: Cloud, timeout: float, patience: float = 0.0) -> None:
        """Speak to ``cloud``; one request takes at most ``timeout`` seconds.

        A request that is refused for a reason that passes is sent again for ``patience`` seconds, after the time that
        the service asks for. A power operation, which changes something each time, is not.
        """
        self._endpoint = cloud.endpoint
        self._connection = Connection(cloud, timeout, patience)

    def get(self, resource_id: str, *, expand: str = "") -> dict[str, Any] | None:
        """Look at a resource; None if it does not exist.

        Raises: CloudError for every other refusal.
        """
        query = f"&$expand={expand}" if expand else ""
        try:
            return body_of(self._connection.send("GET", _with_version(resource_id) + query))
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
            return accepted(self._connection.send("DELETE", _with_version(resource_id)).headers)
        except CloudError as error:
            if error.status == 404:
                return Accepted(None)
            raise

    def tag(self, resource_id: str, tags: Mapping[str, str]) -> None:
        """Replace the tags of a resource or group."""
        self._connection.send("PATCH", _with_version(resource_id), {"tags": dict(tags)})

    def operation(self, url: str) -> Progress:
        """Look once at an asynchronous operation.

        Raises: SpecError, before any request, if the URL is not on this cloud's endpoint; CloudError if the operation
        cannot be read.
        """
        self.check_own(url)
        return progress(self._connection.send("GET", url))

    def check_own(self, url: str) -> None:
        """Refuse an URL on another host: the token must not go there.

        Raises: SpecError.
        """
        own, other = urlsplit(self._endpoint), urlsplit(url)
        if (own.scheme, own.netloc.lower()) != (other.scheme, other.netloc.lower()):
            raise SpecError(f"asyncResultsUrl: {url} is not on this cloud's endpoint {self._endpoint}")

    def begin(self, subscription: str, call: Call) -> Accepted:
        """Ask for one long-running operation of the compute SDK and return as soon as ARM has accepted it.

        Raises: CloudError if ARM refuses.
        """
        return accepted(self._connection.call(subscription, call))

    def _pages(self, path: str) -> Iterator[dict[str, Any]]:
        next_link: str | None = f"{path}&api-version={_API_VERSIONS['microsoft.resources']}"
        while next_link:
            page = body_of(self._connection.send("GET", next_link))
            yield from page.get("value", ())
            next_link = page.get("nextLink")


def _with_version(resource_id: str) -> str:
    """Add the api-version of the resource's type, read from the last provider in its id."""
    _, found, provider = resource_id.lower().rpartition("/providers/")
    namespace, _, kind = provider.partition("/")
    keys = (f"{namespace}/{kind.split('/')[0]}", namespace) if found else ("microsoft.resources",)
    version = next(_API_VERSIONS[key] for key in keys if key in _API_VERSIONS)
    return f"{resource_id}?api-version={version}"
