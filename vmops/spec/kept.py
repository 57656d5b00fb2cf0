"""What stays as it is on an existing VM although it is declared: secrets that were not repeated, older disks."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kept:
    """The secret parameters that were not repeated, and by lun the ids of our data disks that are only attached.

    With ``expires``, the expiry tag stays too. ``group_location`` is the resource group's location; None means the
    VM's.
    """

    secrets: frozenset[str] = frozenset()
    disks: Mapping[int, str] = field(default_factory=dict)
    expires: bool = False
    group_location: str | None = None


NOTHING_KEPT = Kept()
