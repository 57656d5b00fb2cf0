"""Azure Resource Manager: look, list, delete, tag, and follow operations."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from vmops.azure import responses
from vmops.azure.clouds import Cloud
from vmops.azure.connection import Call, Connection, Met, origin
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
"""Source: azure-rest-api-specs, stable folders of each resource provider; of tags the last that are changed at once."""

_WITH_QUOTAS = ("Microsoft.Compute", "Microsoft.Network")

_MOST_PAGES = 1000
"""Pages of one list. Source: ARM limits, 980 resource groups of 800 resources of a type; a page holds up to 1000."""

_GUESTS = "/_local/guests"
"""Where the local Azure tells of what runs inside its VMs, beside what is Azure's."""


class Arm:
    """One cloud's Resource Manager, for one principal. Thread-safe; its only state is its connections.

    ``pace`` is the length of one of Azure's seconds there, in seconds: 1 except for a local Azure. ``has_guests`` tells
    whether it knows what runs inside its VMs.
    """

    def __init__(
        self,
        cloud: Cloud,
        timeout: float,
        patience: float = 0.0,
        met: Met = lambda _: None,
        claim: VmClaim = LOCKED_HERE,
    ) -> None:
        """Speak to ``cloud``; one request takes at most ``timeout`` seconds.

        A request that is refused for a reason that passes is sent again for ``patience`` seconds, after the time that
        the service asks for; not so a power operation, which changes something each time. ``met`` is told of every
        refusal, but that something is not there. Before anything is changed ``claim`` is checked.
        """
        self._endpoint = cloud.endpoint
        self.pace = cloud.pace
        self.has_guests = cloud.has_guests
        self._connection = Connection(cloud, timeout, patience, met, claim)

    def principal(self) -> str:
        """Say in whose name requests are made; of a local Azure, its name. Raises: CloudError if there is no login."""
        return self._connection.principal()

    def get(self, resource_id: str, *, expand: str = "") -> dict[str, Any] | None:
        """Look at a resource; None if ARM says that it does not exist.

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
        """Read what is not a resource of ours, by its path; give its properties, None if it does not exist.

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
        """List the subscription's resources (not its groups) that carry a tag, with that value or with any.

        ARM may leave their tags out of the answer. Source: ARM REST reference, Resources - List, ``$filter``.
        """
        where = f"$filter=tagName eq '{name}'" + (f" and tagValue eq '{value}'" if value is not None else "")
        return list(self._resources(f"/subscriptions/{subscription}/resources?{where}"))

    def of_type(self, subscription: str, kind: str, *, status_only: bool = False) -> list[dict[str, Any]]:
        """List the subscription's resources of a type with their properties; VMs with their states, and those alone.

        Source: compute REST reference, Virtual Machines - List All, ``statusOnly``.
        """
        query = "&statusOnly=true" if status_only else ""
        path = _with_version(f"/subscriptions/{subscription}/providers/{kind}") + query
        return list(self._pages(path, responses.page))

    def of_type_in(self, group_id: str, kind: str) -> list[dict[str, Any]]:
        """List a group's resources of a type with their properties."""
        return list(self._pages(_with_version(f"{group_id}/providers/{kind}"), responses.page))

    def named(self, subscription: str, kind: str, name: str) -> list[dict[str, Any]]:
        """List the subscription's resources of a type that have a name, in any group."""
        where = f"$filter=resourceType eq '{kind}' and name eq '{name}'"
        return list(self._resources(f"/subscriptions/{subscription}/resources?{where}"))

    def tagged_groups(self, subscription: str, name: str, value: str) -> list[dict[str, Any]]:
        """List the subscription's resource groups that carry a tag with that value."""
        where = f"$filter=tagName eq '{name}' and tagValue eq '{value}'"
        return list(self._resources(f"/subscriptions/{subscription}/resourcegroups?{where}"))

    def contents(self, group_id: str) -> list[dict[str, Any]]:
        """List what a resource group holds.

        Raises: CloudError with status 404 if the group does not exist.
        """
        return list(self._resources(f"{group_id}/resources?"))

    def disks_of_sizes(self, vm_id: str) -> dict[str, int]:
        """Tell how many data disks each size bears that a VM may be brought to, by its name in lower case.

        Source: compute REST reference, Virtual Machines - List Available Sizes.
        """
        path = f"{vm_id}/vmSizes"
        return responses.sizes(self._connection.send("GET", _with_version(path)), path)

    def subscription(self, subscription: str) -> tuple[dict[str, str], str]:
        """Look at a subscription, and give the time that the answer carries."""
        path = f"/subscriptions/{subscription}"
        answer = self._connection.send("GET", _with_version(path))
        return responses.words(answer, path), str(answer.headers.get("Date", ""))

    def registration(self, subscription: str, namespace: str) -> str:
        """Tell whether a resource provider is registered. Source: ARM REST reference, Providers - Get."""
        version = _API_VERSIONS["microsoft.resources"]
        path = f"/subscriptions/{subscription}/providers/{namespace}"
        told = responses.words(self._connection.send("GET", f"{path}?api-version={version}"), path)
        return told.get("registrationState", "unknown")

    def offers(self, subscription: str, location: str) -> dict[str, SizeOffer]:
        """Tell of each size that there is in a location, by its name in lower case.

        Source: compute REST reference, Resource Skus - List.
        """
        path = f"/subscriptions/{subscription}/providers/Microsoft.Compute/skus"
        where = f"{_with_version(path)}&$filter=location eq '{location}'"
        return responses.offers(self._connection.send("GET", where), path)

    def guests(self) -> dict[str, Any]:
        """Ask a cloud that ``has_guests`` what runs inside its VMs. Raises: CloudError if it does not say."""
        return responses.guests(self._connection.send("GET", _GUESTS), _GUESTS)

    def usages(self, subscription: str, location: str) -> list[Usage]:
        """Tell how much of each quota is used in a location: of cores and machines, then of networks and addresses.

        Source: compute REST reference, Usage - List; network REST reference, Usages - List.
        """
        paths = [f"/subscriptions/{subscription}/providers/{of}/locations/{location}/usages" for of in _WITH_QUOTAS]
        return [each for path in paths for each in self._pages(_with_version(path), responses.usages)]

    def delete(self, resource_id: str) -> Accepted:
        """Begin to delete a resource; absence is success, the absence of its group too."""
        try:
            return responses.accepted(self._connection.send("DELETE", _with_version(resource_id)).headers)
        except CloudError as error:
            if is_absent(error):
                return Accepted(None)
            raise

    def merge_tags(self, resource_id: str, tags: Mapping[str, str]) -> None:
        """Give a resource tags, and leave those of other names as they are."""
        self._change_tags("Merge", resource_id, tags)

    def drop_tags(self, resource_id: str, tags: Mapping[str, str]) -> None:
        """Take tags from a resource, those only that have these values."""
        self._change_tags("Delete", resource_id, tags)

    def operation(self, url: str) -> Progress:
        """Look once at an asynchronous operation.

        Raises: SpecError, before any request, if the URL is not on this cloud's endpoint; CloudError if the operation
        cannot be read.
        """
        self.check_own(url)
        return responses.progress(self._connection.send("GET", url), url)

    def check_own(self, url: str) -> None:
        """Refuse an URL on another host: the token must not go there.

        Raises: SpecError.
        """
        if not self._is_own(url):
            raise SpecError(f"asyncResultsUrl: {url} is not on this cloud's endpoint {self._endpoint}")

    def begin(self, subscription: str, call: Call) -> Accepted:
        """Ask for one long-running operation of the compute SDK and return as soon as ARM has accepted it.

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
        """Give what a list holds, page by page; a page elsewhere is not asked for: the token must not go there."""
        following = path
        for _ in range(_MOST_PAGES):
            found, following = read(self._connection.send("GET", following), path)
            yield from found
            if not following:
                return
            if not self._is_own(following):
                message = f"the list goes on at {following}, which is not on this cloud's endpoint {self._endpoint}"
                raise responses.unreadable(message, path)
        raise responses.unreadable(f"the list does not end within {_MOST_PAGES} pages", path)

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
