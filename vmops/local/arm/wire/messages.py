"""One request and one answer, as the handlers see them."""

from dataclasses import dataclass, field

from vmops.local.arm.state import lro
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.lro import Operation
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import ResourceId


@dataclass(frozen=True, slots=True)
class Call:
    """One request: ``base`` is scheme and host, ``query`` has its keys in lower case, ``names`` fills the template.

    The words of ``path`` have ARM's spelling, whatever case was sent; names are as they were sent.
    """

    method: str
    base: str
    path: str
    query: dict[str, str]
    body: Json
    names: dict[str, str]

    @property
    def api_version(self) -> str:
        """The requested API version."""
        return self.query["api-version"]

    @property
    def group(self) -> ResourceId:
        """The resource group in the path."""
        return ResourceId(self.names["subscription"], self.names["group"])

    @property
    def resource(self) -> ResourceId:
        """The resource in the path, without what may follow its name."""
        steps = self.path.strip("/").split("/")
        return ResourceId.parse("/".join(steps[: len(steps) - len(steps) % 2]))

    @property
    def machine(self) -> ResourceId:
        """The machine in the path, without all that may follow its name."""
        return ResourceId.parse("/".join(self.path.strip("/").split("/")[:8]))


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer; it is empty without a body. A body is an object, or for a few lists an array."""

    status: int
    body: Json | list[Json] | None = None
    headers: dict[str, str] = field(default_factory=dict)


def accepted(cloud: Cloud, call: Call, status: int, body: Json | None, operation: Operation | None) -> Reply:
    """Answer a write. A 202 has the URL of the result, any other status only that of the operation.

    Source: recorded traffic, azure-mgmt-compute 12 and -network 17.
    """
    if operation is None:
        return Reply(status, body)
    headers = lro.links(operation, call.base, call.api_version, result=status == 202)
    headers |= lro.pause(operation, cloud.now(), cloud.pace, first=True)
    if operation.target.provider and not operation.target.parent:
        headers["Azure-AsyncNotification"] = "Enabled"
    return Reply(status, body, headers)
