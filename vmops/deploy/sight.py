"""What ARM shows of the resources that a VM is to have, each of them asked for once."""

from dataclasses import dataclass, field
from typing import Any

from vmops.azure.client import Arm
from vmops.spec.vm_spec import VmSpec

Body = dict[str, Any]

_ROLES = ("group", "network", "security_group", "address", "nic", "vm")
"""The roles of what has a name of its own and can have tags."""


@dataclass(frozen=True)
class Sight:
    """Looks at ARM that are not repeated: what was seen is kept by its id in lower case, None for what is not there."""

    arm: Arm
    seen: dict[str, Body | None] = field(default_factory=dict)

    def get(self, arm_id: str) -> Body | None:
        """Look at a resource; None if ARM says that it does not exist. Raises: CloudError."""
        key = arm_id.lower()
        if key not in self.seen:
            self.seen[key] = self.arm.get(arm_id)
        return self.seen[key]

    def bodies(self, spec: VmSpec, *, further: bool) -> dict[str, Body]:
        """Give what exists by its role; without ``further`` looks only what was seen before."""
        ids = {role: arm_id for role, arm_id in spec.ids().items() if role in _ROLES}
        look = self.get if further else lambda arm_id: self.seen.get(arm_id.lower())
        return {role: body for role, arm_id in ids.items() if (body := look(arm_id))}
