"""A fleet: VMs with the same parameters in one group and one Pulumi stack; those in one location share a network."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pulumi import Output, ProviderResource, ResourceOptions

from vmops.spec import names
from vmops.spec.foreign import NOTHING, ForeignParts
from vmops.spec.kept import NOTHING_KEPT, Kept
from vmops.spec.vm_spec import VmSpec
from vmops.stacks.shared import Shared, in_group, shared_resources
from vmops.stacks.vm import marks, own_resources, own_tags


@dataclass(frozen=True)
class Part:
    """One member as it is declared: with the parts that others have added to its resources, and what stays unchanged.

    A ``new`` one does not exist yet.
    """

    spec: VmSpec
    foreign: ForeignParts = NOTHING
    kept: Kept = NOTHING_KEPT
    new: bool = False


def declare(
    parts: Sequence[Part],
    *,
    owner: str,
    external: frozenset[str] = frozenset(),
    expires: str | None = None,
    hold: str = "",
    provider: ProviderResource | None = None,
    turn: Callable[[], Awaitable[object]] | None = None,
) -> list[dict[str, Output[Any]]]:
    """Declare the members of a fleet, at least one, and what they share; otherwise as `vmops.stacks.vm.declare`.

    The resources that members in one location share get the foreign parts of the first of them. ``turn`` is awaited
    before each new member is created.

    Returns: the outputs of each member, in their order.
    """
    first = parts[0]
    tags = {**own_tags(first.spec, owner), names.FLEET_TAG: first.spec.vm_name}
    options, location = ResourceOptions(provider=provider), first.kept.group_location
    options = in_group(first.spec, tags, options, external=external, foreign=first.foreign, location=location)
    bases: dict[str, Shared] = {}
    for each in parts:
        if _group_of_location(each) not in bases:
            bases[_group_of_location(each)] = shared_resources(
                each.spec, tags, options, external=external, foreign=each.foreign
            )
    marked = marks(expires, hold)

    def base(part: Part) -> Shared:
        shared = bases[_group_of_location(part)]
        return replace(shared, options=_after(shared.options, turn)) if turn and part.new else shared

    return [own_resources(base(each), each.spec, tags, marked, each.foreign, each.kept) for each in parts]


def _after(options: ResourceOptions, turn: Callable[[], Awaitable[object]]) -> ResourceOptions:
    """Give the same options with dependencies that become known after ``turn``, so that the resource waits for it."""
    depends_on = options.depends_on

    async def known() -> Any:
        await turn()
        return depends_on or []

    return ResourceOptions(provider=options.provider, depends_on=Output.from_input(known()))


def _group_of_location(part: Part) -> str:
    """Give the id of the security group that all members in one location share."""
    return part.spec.ids()["security_group"].lower()
