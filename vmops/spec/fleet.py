"""The members of a fleet: VMs of one kind, each with a number that it keeps, on the ground of the fleet."""

from collections.abc import Iterable

from vmops.spec.rules.fleets import MOST
from vmops.spec.vm_spec import VmSpec


def members(spec: VmSpec, numbers: Iterable[int]) -> tuple[VmSpec, ...]:
    """Return what a fleet's members of these numbers should be; they share its stack, its group and its network."""
    return tuple(
        spec.model_copy(update={"member": number, "vm_count": None, "min_count": None}) for number in sorted(numbers)
    )


def own_ids(spec: VmSpec) -> list[str]:
    """Return what a spec's `VmSpec.own_ids` are, of a fleet those of the members that are the first to be made."""
    vms = members(spec, range(spec.vm_count)) if spec.vm_count else (spec,)
    return list(dict.fromkeys(arm_id for vm in vms for arm_id in vm.own_ids()))


def wanted(count: int, there: Iterable[int], known: Iterable[int]) -> list[int]:
    """Return the numbers of the members that a fleet is to have.

    Those that are ``there`` stay, the first first; then come those of which anything is ``known``, then the lowest
    numbers that are free.
    """
    order = dict.fromkeys([*there, *sorted(known), *range(MOST)])
    return sorted(list(order)[:count])
