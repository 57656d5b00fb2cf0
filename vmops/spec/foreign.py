"""What others have added to the resources of a VM: it is none of ours, so it is kept, and sent back as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ForeignParts:
    """Tags by the role of the resource that has them; rules, data disks and identities as ARM tells them."""

    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rules: tuple[Mapping[str, Any], ...] = ()
    disks: tuple[Mapping[str, Any], ...] = ()
    identities: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is any."""
        return bool(self.tags or self.rules or self.disks or self.identities)

    def tagged(self, role: str, tags: Mapping[str, str]) -> dict[str, str]:
        """Give all the tags of a resource of which ``tags`` are ours."""
        return {**tags, **self.tags.get(role, {})}


NOTHING = ForeignParts()
