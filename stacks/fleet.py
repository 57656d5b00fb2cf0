"""A fleet: VMs of one kind that share a network and a group, in one Pulumi stack."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pulumi import Output, ProviderResource, ResourceOptions

from vmops.spec import names
from vmops.spec.foreign import NOTHING, ForeignParts
from vmops.spec.kept import NOTHING_KEPT, Kept
from vmops.spec.vm_spec import VmSpec
from vmops.stacks.ground import ground
from vmops.stacks.vm import marks, on_ground, own_tags


@dataclass(frozen=True)
class Part:
    """One member as it is declared: with what others have added to its resources, and what stays unchanged."""

    spec: VmSpec
    foreign: ForeignParts = NOTHING
    kept: Kept = NOTHING_KEPT


def declare(
    parts: Sequence[Part],
    *,
    owner: str,
    uses: frozenset[str] = frozenset(),
    expires: str | None = None,
    hold: str = "",
    provider: ProviderResource | None = None,
) -> list[dict[str, Output[Any]]]:
    """Declare the members of a fleet, at least one, and what they share; otherwise as `vmops.stacks.vm.declare`.

    Returns: what is known of each member, in their order.
    """
    first = parts[0]
    tags = {**own_tags(first.spec, owner), names.FLEET_TAG: first.spec.vm_name}
    base = ground(
        first.spec,
        tags,
        ResourceOptions(provider=provider),
        uses=uses,
        foreign=first.foreign,
        group_location=first.kept.group_location,
    )
    marked = marks(expires, hold)
    return [on_ground(base, each.spec, tags, marked, each.foreign, each.kept) for each in parts]
