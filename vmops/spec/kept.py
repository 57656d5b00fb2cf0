"""The properties of an existing VM that stay unchanged: secrets that were not repeated, disks that were attached."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kept:
    """The secret parameters that are not repeated, and the ids by lun of our data disks that are only attached.

    - ``expires``: the tag with the VM's expiry stays, too.
    - ``group_location``: the location of the resource group; None for the VM's.
    - ``address_zones``: the zones of an existing public address; None without one.
    - ``never_ran``: the VM may move to another place, where its resources are made again.
    """

    secrets: frozenset[str] = frozenset()
    disks: Mapping[int, str] = field(default_factory=dict)
    expires: bool = False
    group_location: str | None = None
    address_zones: tuple[str, ...] | None = None
    never_ran: bool = False


NOTHING_KEPT = Kept()
