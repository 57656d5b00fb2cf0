"""A fleet: VMs of one kind in one group and in one Pulumi stack; those in one location share a network."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pulumi import Output, ProviderResource, ResourceOptions

from vmops.spec import names
from vmops.spec.foreign import NOTHING, ForeignParts
from vmops.spec.kept import NOTHING_KEPT, Kept
from vmops.spec.vm_spec import VmSpec
from vmops.stacks.ground import Ground, ground, in_group
from vmops.stacks.vm import marks, on_ground, own_tags


@dataclass(frozen=True)
class Part:
    """One member as it is declared: with what others have added to its resources, and what stays unchanged.

    One that is ``new`` does not exist yet.
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

    What members in one location share is declared with what others have added to it for the first of them. Each new
    member waits for its ``turn``.

    Returns: what is known of each member, in their order.
    """
    first = parts[0]
    tags = {**own_tags(first.spec, owner), names.FLEET_TAG: first.spec.vm_name}
    options, location = ResourceOptions(provider=provider), first.kept.group_location
    options = in_group(first.spec, tags, options, external=external, foreign=first.foreign, location=location)
    bases: dict[str, Ground] = {}
    for each in parts:
        if _site(each) not in bases:
            bases[_site(each)] = ground(each.spec, tags, options, external=external, foreign=each.foreign)
    marked = marks(expires, hold)

    def base(part: Part) -> Ground:
        shared = bases[_site(part)]
        return replace(shared, options=_in_turn(shared.options, turn)) if turn and part.new else shared

    return [on_ground(base(each), each.spec, tags, marked, each.foreign, each.kept) for each in parts]


def _in_turn(options: ResourceOptions, turn: Callable[[], Awaitable[object]]) -> ResourceOptions:
    """Give the same options, whose dependencies are known only once it is the turn of who depends on them."""
    depends_on = options.depends_on

    async def known() -> Any:
        await turn()
        return depends_on or []

    return ResourceOptions(provider=options.provider, depends_on=Output.from_input(known()))


def _site(part: Part) -> str:
    """Give the id of the security group that a member shares with all others in its location."""
    return part.spec.ids()["security_group"].lower()
