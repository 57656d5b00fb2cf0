"""What stays as it is on an existing VM although it is declared: secrets that were not repeated, older disks."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kept:
    """The secret parameters that nobody repeats, and the ids of data disks of ours that are only attached, by lun.

    ``expires``: so does the tag that says until when the VM lives. ``group_location`` is where the resource group is,
    None for where the VM is to be. ``address_zones`` are those of a public address that is there, None if none is.
    What is of a VM that ``never_ran`` and may be in other places is not kept: it is made anew where it is asked for.
    """

    secrets: frozenset[str] = frozenset()
    disks: Mapping[int, str] = field(default_factory=dict)
    expires: bool = False
    group_location: str | None = None
    address_zones: tuple[str, ...] | None = None
    never_ran: bool = False


NOTHING_KEPT = Kept()
