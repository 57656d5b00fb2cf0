"""Foreign parts: what others have added to the resources of a VM. They are declared unchanged, so that they stay."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ForeignParts:
    """Tags by the role of their resource; rules, data disks and identities as ARM reports them."""

    tags: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    rules: tuple[Mapping[str, Any], ...] = ()
    disks: tuple[Mapping[str, Any], ...] = ()
    identities: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether others have added anything."""
        return bool(self.tags or self.rules or self.disks or self.identities)

    def tagged(self, role: str, tags: Mapping[str, str]) -> dict[str, str]:
        """Give all tags of a resource: ours, ``tags``, and those that others have added."""
        return {**tags, **self.tags.get(role, {})}


NOTHING = ForeignParts()
