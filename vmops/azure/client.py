"""A client of Azure Resource Manager: get, list, delete, tag, and poll operations."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from vmops.azure import responses
from vmops.azure.clouds import Cloud
from vmops.azure.connection import Call, Connection, OnRefusal, origin
from vmops.azure.responses import Accepted, Progress, is_absent
from vmops.azure.shapes import SizeOffer, Usage
from vmops.core.claim import LOCKED_HERE, VmClaim
from vmops.core.errors import CloudError, SpecError

T = TypeVar("T")

_API_VERSIONS = {
    "microsoft.compute/virtualmachines": "2024-07-01",
    "microsoft.compute/disks": "2024-03-02",
    "microsoft.compute/images": "2024-07-01",
    "microsoft.compute/galleries": "2023-07-03",
    "microsoft.compute/locations/communitygalleries": "2023-07-03",
    "microsoft.compute/locations": "2024-07-01",
    "microsoft.compute/skus": "2021-07-01",
    "microsoft.network": "2024-05-01",
    "microsoft.resources/tags": "2021-04-01",
    "microsoft.resources": "2024-03-01",
}
"""Source: azure-rest-api-specs, stable folders of each resource provider; for tags the last synchronous version."""

_WITH_QUOTAS = ("Microsoft.Compute", "Microsoft.Network")

_MAX_PAGES = 1000
"""Most pages of one list. Source: ARM limits, 980 groups of 800 resources of a type; a page holds up to 1000."""

_GUESTS = "/_local/guests"
"""The path at which the local Azure reports what runs inside its VMs; Azure has none."""


class Arm:
    """One cloud's Resource Manager, for one principal. Thread-safe; its only state is its connections.

    ``pace`` is the length of a second of Azure's time there, in seconds: 1 except for a local Azure. ``has_guests``
    tells whether it reports what runs inside its VMs.
    """

    def __init__(
        self,
        cloud: Cloud,
        timeout: float,
        retry_seconds: float = 0.0,
        on_refusal: OnRefusal = lambda _: None,
        claim: VmClaim = LOCKED_HERE,
    ) -> None:
        """Connect to ``cloud``; one request takes at most ``timeout`` seconds.

        After a transient refusal a request is retried for ``patience`` seconds, at the interval that the service asks
        for, except power operations, which are not idempotent. ``met`` is called with every refusal except not found.
        ``claim`` is checked before anything is changed.
        """
        self._endpoint = cloud.endpoint
        self.pace = cloud.pace
        self.has_guests = cloud.has_guests
        self._connection = Connection(cloud, timeout, retry_seconds, on_refusal, claim)

    def principal(self) -> str:
        """Say in whose name requests are made; of a local Azure, its name. Raises: CloudError if there is no login."""
        return self._connection.principal()

    def get(self, resource_id: str, *, expand: str = "") -> dict[str, Any] | None:
        """Read a resource; None if ARM says that it does not exist.

        Raises: CloudError for every other refusal, and for an answer that is not that resource.
        """
        query = f"&$expand={expand}" if expand else ""
        try:
            answer = self._connection.send("GET", _with_version(resource_id) + query)
        except CloudError as error:
            if is_absent(error):
                return None
            raise
        return responses.resource(answer, resource_id)

    def properties(self, path: str) -> dict[str, Any] | None:
        """Read the properties of any object by its path; None if it does not exist.

        Raises: CloudError for every other refusal, and for an answer without properties.
        """
        try:
            answer = self._connection.send("GET", _with_version(path))
        except CloudError as error:
            if is_absent(error):
                return None
            raise
        return responses.properties(answer, path)

    def tagged(self, subscription: str, name: str, value: str | None = None) -> list[dict[str, Any]]:
        """List the subscription's resources (not its groups) that have a tag, with that value or with any.

        ARM may leave their tags out of the answer. Source: ARM REST reference, Resources - List, ``$filter``.
        """
        where = f"$filter=tagName eq '{name}'" + (f" and tagValue eq '{value}'" if value is not None else "")
        return list(self._resources(f"/subscriptions/{subscription}/resources?{where}"))

    def of_type(self, subscription: str, kind: str, *, status_only: bool = False) -> list[dict[str, Any]]:
        """List the subscription's resources of a type with their properties, or VMs with their states only.

        Source: compute REST reference, Virtual Machines - List All, ``statusOnly``.
        """
        query = "&statusOnly=true" if status_only else ""
        path = _with_version(f"/subscriptions/{subscription}/providers/{kind}") + query
        return list(self._pages(path, responses.page))

    def of_type_in(self, group_id: str, kind: str) -> list[dict[str, Any]]:
        """List a group's resources of a type with their properties."""
        return list(self._pages(_with_version(f"{group_id}/providers/{kind}"), responses.page))

    def named(self, subscription: str, kind: str, name: str) -> list[dict[str, Any]]:
        """List the subscription's resources of a type with a name, in any group."""
        where = f"$filter=resourceType eq '{kind}' and name eq '{name}'"
        return list(self._resources(f"/subscriptions/{subscription}/resources?{where}"))

    def tagged_groups(self, subscription: str, name: str, value: str) -> list[dict[str, Any]]:
        """List the subscription's resource groups that have a tag with that value."""
        where = f"$filter=tagName eq '{name}' and tagValue eq '{value}'"
        return list(self._resources(f"/subscriptions/{subscription}/resourcegroups?{where}"))

    def contents(self, group_id: str) -> list[dict[str, Any]]:
        """List the resources in a resource group.

        Raises: CloudError with status 404 if the group does not exist.
        """
        return list(self._resources(f"{group_id}/resources?"))

    def disks_of_sizes(self, vm_id: str) -> dict[str, int]:
        """Give how many data disks each size allows to which a VM can be resized, by its name in lower case.

        Source: compute REST reference, Virtual Machines - List Available Sizes.
        """
        path = f"{vm_id}/vmSizes"
        return responses.sizes(self._connection.send("GET", _with_version(path)), path)

    def subscription(self, subscription: str) -> tuple[dict[str, str], str]:
        """Read a subscription; give its string values, and the answer's Date header."""
        path = f"/subscriptions/{subscription}"
        answer = self._connection.send("GET", _with_version(path))
        return responses.words(answer, path), str(answer.headers.get("Date", ""))

    def registration(self, subscription: str, namespace: str) -> str:
        """Give the registration state of a resource provider. Source: ARM REST reference, Providers - Get."""
        version = _API_VERSIONS["microsoft.resources"]
        path = f"/subscriptions/{subscription}/providers/{namespace}"
        provider = responses.words(self._connection.send("GET", f"{path}?api-version={version}"), path)
        return provider.get("registrationState", "unknown")

    def offers(self, subscription: str, location: str) -> dict[str, SizeOffer]:
        """Give each size that exists in a location, by its name in lower case.

        Source: compute REST reference, Resource Skus - List.
        """
        path = f"/subscriptions/{subscription}/providers/Microsoft.Compute/skus"
        where = f"{_with_version(path)}&$filter=location eq '{location}'"
        return responses.offers(self._connection.send("GET", where), path)

    def guests(self) -> dict[str, Any]:
        """Read what runs inside the VMs of a cloud that ``has_guests``. Raises: CloudError if it does not answer."""
        return responses.guests(self._connection.send("GET", _GUESTS), _GUESTS)

    def usages(self, subscription: str, location: str) -> list[Usage]:
        """Give the usage of each quota in a location: first of cores and VMs, then of networks and addresses.

        Source: compute REST reference, Usage - List; network REST reference, Usages - List.
        """
        paths = [f"/subscriptions/{subscription}/providers/{of}/locations/{location}/usages" for of in _WITH_QUOTAS]
        return [each for path in paths for each in self._pages(_with_version(path), responses.usages)]

    def delete(self, resource_id: str) -> Accepted:
        """Request the deletion of a resource; if it or its group does not exist, that is a success."""
        try:
            return responses.accepted(self._connection.send("DELETE", _with_version(resource_id)).headers)
        except CloudError as error:
            if is_absent(error):
                return Accepted(None)
            raise

    def merge_tags(self, resource_id: str, tags: Mapping[str, str]) -> None:
        """Add or replace tags of a resource; tags with other names stay."""
        self._change_tags("Merge", resource_id, tags)

    def drop_tags(self, resource_id: str, tags: Mapping[str, str]) -> None:
        """Remove tags from a resource, only those with these values."""
        self._change_tags("Delete", resource_id, tags)

    def operation(self, url: str) -> Progress:
        """Poll an asynchronous operation once.

        Raises: SpecError, before any request, if the URL is not on this cloud's endpoint; CloudError if the operation
        cannot be read.
        """
        self.check_own(url)
        return responses.progress(self._connection.send("GET", url), url)

    def check_own(self, url: str) -> None:
        """Refuse a URL on another host, because the token must not be sent there.

        Raises: SpecError.
        """
        if not self._is_own(url):
            raise SpecError(f"asyncResultsUrl: {url} is not on this cloud's endpoint {self._endpoint}")

    def begin(self, subscription: str, call: Call) -> Accepted:
        """Request one long-running operation of the compute SDK, and return as soon as ARM has accepted it.

        Raises: CloudError if ARM refuses.
        """
        return responses.accepted(self._connection.call(subscription, call))

    def _change_tags(self, operation: str, resource_id: str, tags: Mapping[str, str]) -> None:
        """Change the tags of a resource one by one. Source: ARM REST reference, Tags - Update At Scope."""
        path = _with_version(f"{resource_id}/providers/Microsoft.Resources/tags/default")
        self._connection.send("PATCH", path, {"operation": operation, "properties": {"tags": dict(tags)}})

    def _resources(self, path: str) -> Iterator[dict[str, Any]]:
        return self._pages(f"{path}&api-version={_API_VERSIONS['microsoft.resources']}", responses.page)

    def _pages(self, path: str, read: Callable[[Any, str], tuple[list[T], str]]) -> Iterator[T]:
        """Give the items of a list, page by page. A page on another host is refused, because it would get the token."""
        following = path
        for _ in range(_MAX_PAGES):
            found, following = read(self._connection.send("GET", following), path)
            yield from found
            if not following:
                return
            if not self._is_own(following):
                message = f"the next page is at {following}, which is not on this cloud's endpoint {self._endpoint}"
                raise responses.unreadable(message, path)
        raise responses.unreadable(f"the list does not end within {_MAX_PAGES} pages", path)

    def _is_own(self, url: str) -> bool:
        return origin(url) == origin(self._endpoint)


def _with_version(resource_id: str) -> str:
    """Add the api-version of the resource's type, read from the last provider in its id."""
    _, found, provider = resource_id.lower().rpartition("/providers/")
    namespace, _, kind = provider.partition("/")
    first, _, rest = kind.partition("/")
    below = f"{namespace}/{first}/{rest.split('/')[1]}" if rest.count("/") else ""
    keys = (below, f"{namespace}/{first}", namespace) if found else ("microsoft.resources",)
    version = next(_API_VERSIONS[key] for key in keys if key in _API_VERSIONS)
    return f"{resource_id}?api-version={version}"
