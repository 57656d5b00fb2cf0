"""The members of a fleet: VMs with the same parameters, each with a permanent number, in one network and group."""

from collections.abc import Iterable

from vmops.spec.rules.fleets import MAX_MEMBERS
from vmops.spec.vm_spec import VmSpec


def members(spec: VmSpec, numbers: Iterable[int]) -> tuple[VmSpec, ...]:
    """Return the specs of a fleet's members with these numbers; they share its stack, its group and its network."""
    return tuple(
        spec.model_copy(update={"member": number, "vm_count": None, "min_count": None}) for number in sorted(numbers)
    )


def wanted(count: int, there: Iterable[int], known: Iterable[int]) -> list[int]:
    """Return the numbers of the members that a fleet of ``count`` VMs will have.

    They are taken from the existing members (``there``, in its order), then from the ``known`` numbers, of which any
    resource exists or was made, then from the lowest free numbers.
    """
    order = dict.fromkeys([*there, *sorted(known), *range(MAX_MEMBERS)])
    return sorted(list(order)[:count])
