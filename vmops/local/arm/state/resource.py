"""One resource in the store."""

from dataclasses import dataclass, field
from typing import Any

from vmops.local.arm.state.resource_id import ResourceId

Json = dict[str, Any]


@dataclass(slots=True)
class Resource:
    """One resource: ``body`` is what ARM shows of it, ``hidden`` is internal to the model."""

    id: ResourceId
    body: Json
    hidden: Json = field(default_factory=dict)

    @property
    def properties(self) -> Json:
        """The ``properties`` of the body."""
        properties: Json = self.body["properties"]
        return properties

    @property
    def location(self) -> str:
        """Its location, such as ``westus2``; empty for a child, which has its parent's."""
        return str(self.body.get("location", ""))

    @property
    def state(self) -> str:
        """Its provisioning state."""
        return str(self.properties["provisioningState"])

    @state.setter
    def state(self, state: str) -> None:
        self.properties["provisioningState"] = state
