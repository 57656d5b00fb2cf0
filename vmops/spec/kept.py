"""What of a VM stays as it is, though it is declared: what only the VM has, and what was made before it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kept:
    """The secret parameters that nobody repeats, and the ids of data disks of ours that are only attached, by lun.

    ``expires``: so does the tag that says until when the VM lives. ``group_location`` is where the resource group is,
    None for where the VM is to be.
    """

    secrets: frozenset[str] = frozenset()
    disks: Mapping[int, str] = field(default_factory=dict)
    expires: bool = False
    group_location: str | None = None


NOTHING_KEPT = Kept()
