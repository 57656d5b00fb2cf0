"""ARM's resource ids."""

from dataclasses import dataclass
from typing import Self

GROUP_TYPE = "Microsoft.Resources/resourceGroups"
DEPLOYMENT_TYPE = "Microsoft.Resources/deployments"


@dataclass(frozen=True, slots=True)
class ResourceId:
    """The id of a resource group, or of a resource in one; ids match without regard to case, so compare ``key``.

    Source: ARM RPC, resource-api-reference.
    """

    subscription: str
    group: str
    provider: str = ""
    types: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse an id; raises ``ValueError`` if it is not one of a resource group or of something in a group."""
        parts = text.strip("/").split("/")
        words = [part.lower() for part in parts]
        if len(parts) < 4 or words[0] != "subscriptions" or words[2] != "resourcegroups" or "" in parts:
            raise ValueError(f"{text!r} is not a resource id")
        if len(parts) == 4:
            return cls(parts[1], parts[3])
        if len(parts) < 8 or len(parts) % 2 or words[4] != "providers":
            raise ValueError(f"{text!r} is not a resource id")
        return cls(parts[1], parts[3], parts[5], tuple(parts[6::2]), tuple(parts[7::2]))

    def __str__(self) -> str:
        steps = [f"/subscriptions/{self.subscription}/resourceGroups/{self.group}"]
        if self.provider:
            steps.append(f"/providers/{self.provider}")
        steps += [f"/{kind}/{name}" for kind, name in zip(self.types, self.names, strict=True)]
        return "".join(steps)

    @property
    def key(self) -> str:
        """The id in lower case, for comparison."""
        return str(self).lower()

    @property
    def type(self) -> str:
        """The resource type, such as ``Microsoft.Network/virtualNetworks/subnets``."""
        return "/".join((self.provider, *self.types)) if self.provider else GROUP_TYPE

    @property
    def name(self) -> str:
        """The resource's own name: the last part."""
        return self.names[-1] if self.names else self.group

    @property
    def container(self) -> "ResourceId":
        """The id of its resource group."""
        return ResourceId(self.subscription, self.group)

    @property
    def parent(self) -> "ResourceId | None":
        """The id of its parent, such as the network of a subnet."""
        if len(self.types) < 2:
            return None
        return ResourceId(self.subscription, self.group, self.provider, self.types[:-1], self.names[:-1])

    def child(self, kind: str, name: str) -> "ResourceId":
        """Give the id of a child of this resource."""
        return ResourceId(self.subscription, self.group, self.provider, (*self.types, kind), (*self.names, name))

    def sibling(self, provider: str, kind: str, name: str) -> "ResourceId":
        """Give the id of another top-level resource in the same group."""
        return ResourceId(self.subscription, self.group, provider, (kind,), (name,))
