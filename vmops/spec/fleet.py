"""The members of a fleet: VMs of one kind, each with a permanent number, which share the fleet's network and group."""

from collections.abc import Iterable

from vmops.spec.rules.fleets import MOST
from vmops.spec.vm_spec import VmSpec


def members(spec: VmSpec, numbers: Iterable[int]) -> tuple[VmSpec, ...]:
    """Return the specs of a fleet's members with these numbers; they share its stack, its group and its network."""
    return tuple(
        spec.model_copy(update={"member": number, "vm_count": None, "min_count": None}) for number in sorted(numbers)
    )


def wanted(count: int, there: Iterable[int], known: Iterable[int]) -> list[int]:
    """Return the numbers of the members that a fleet is to have.

    Existing members stay, in the order of ``there``; then come ``known`` numbers, of which anything exists or was made,
    then the lowest free numbers.
    """
    order = dict.fromkeys([*there, *sorted(known), *range(MOST)])
    return sorted(list(order)[:count])
