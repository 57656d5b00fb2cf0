"""The existing and the wanted members of a fleet, from Azure's lists and this host's records."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vmops.azure import machines
from vmops.azure.client import Arm
from vmops.azure.inventory import Inventory
from vmops.azure.ownership import Claim, kind_of
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.deploy import first_run, survey
from vmops.deploy.context import DeployContext
from vmops.deploy.placed import by_inventory
from vmops.deploy.survey import Preflight
from vmops.spec import fleet
from vmops.spec.vm_spec import VmSpec


@dataclass(frozen=True)
class Roster:
    """What exists before a fleet's deployment: its shared resources, and each member that it will have.

    ``leaving`` are members that are removed from the fleet, and of which something may exist. ``new`` are the numbers
    of members that have never run, and may therefore move to another place.
    """

    shared: Preflight
    members: tuple[VmSpec, ...]
    leaving: tuple[VmSpec, ...]
    before: tuple[Preflight, ...]
    new: frozenset[int | None] = frozenset()

    @property
    def inventory(self) -> Inventory:
        """Give everything that was found."""
        return self.shared.inventory

    @property
    def machines(self) -> list[Mapping[str, Any]]:
        """Give the VMs that exist and stay."""
        return [each.machine for each in self.before if each.machine]

    @property
    def unmade(self) -> list[VmSpec]:
        """Give the members that are to be made, or to move elsewhere."""
        pairs = zip(self.members, self.before, strict=True)
        return [each for each, was in pairs if was.machine is None or each.member in self.new]

    @property
    def gone(self) -> list[str]:
        """Give the ids of the members' resources that do not exist; only the group's id if the group does not exist.

        They must leave the engine's state, or the engine would not create them again.
        """
        there = {each["id"].lower() for each in self.inventory.all}
        own = [
            arm_id for each in self.members for arm_id in each.own_ids(self.shared.external) if "/disks/" not in arm_id
        ]
        group = [] if self.inventory.group else [self.members[0].group_id]
        return group or [arm_id for arm_id in dict.fromkeys(own) if arm_id.lower() not in there]


Placing = Callable[[Sequence[VmSpec], Inventory], Sequence[VmSpec]]
"""Gives each member in its place, by what exists; members without a place are left out."""


def survey_members(context: DeployContext, spec: VmSpec, place: Placing, taken: Iterable[int] = ()) -> Roster:
    """Find what exists, and choose the members. A member keeps its number, and no number is reused.

    ``taken`` are the numbers of members without a place: no other member is made for them.

    Raises: OperationFailed (immutable) if a single VM has the fleet's name; else as `survey.preflight` does for any
    member; CloudError if ARM refuses a read.
    """
    claim = context.claim(spec)
    seen = survey.read(context.arm, claim)
    _refuse_single(seen, spec)
    shared = survey.of_shared(context.arm, spec, seen)
    there, known = _there(seen, claim), _known(context, claim, seen)
    ranked = _ranked(context.arm, spec, there) if len(there) > (spec.vm_count or 0) else sorted(there)
    numbers = fleet.wanted(spec.vm_count or 0, ranked, known.union(taken))
    members = tuple(place(fleet.members(spec, numbers), seen))
    new = frozenset(each.member for each in members if each.moves and first_run.has_never_run(context, each))
    before = [
        survey.of_machine(context.arm, each, claim, _shared_of(each, shared), never_ran=each.member in new)
        for each in members
    ]
    leaving = by_inventory(fleet.members(spec, ({*there} | known) - {each.member for each in members}), seen)
    return Roster(shared, members, tuple(leaving), tuple(before), new)


def _shared_of(member: VmSpec, shared: Preflight) -> Preflight:
    """Give the survey of shared resources for a member, with the member's location."""
    return replace(shared, location=member.location) if member.location else shared


def _refuse_single(seen: Inventory, spec: VmSpec) -> None:
    if any(each["id"].lower() == spec.vm_id.lower() for each in seen.ours):
        message = "vmCount: this is a single VM, not a fleet"
        raise OperationFailed(Failure(FailureKind.IMMUTABLE, message, resource=spec.vm_id))


def _there(seen: Inventory, claim: Claim) -> dict[int, str]:
    """Give the ids of our VMs by their numbers."""
    found = [(claim.vm.member(each["id"]), each["id"]) for each in seen.ours if kind_of(each) == "virtualmachines"]
    return {number: arm_id for number, arm_id in found if number is not None}


def _known(context: DeployContext, claim: Claim, seen: Inventory) -> set[int]:
    """Give the numbers of members that were made and not seen to be gone, or of which any resource exists."""
    ids = [*context.made.known(), *(each["id"] for each in (*seen.ours, *seen.disks))]
    return {number for each in ids if (number := claim.vm.member(each)) is not None}


def _ranked(arm: Arm, spec: VmSpec, there: Mapping[int, str]) -> Sequence[int]:
    """Sort members by which are to stay: running ones first, then by number."""
    states = machines.states(arm, spec.subscription)
    runs = {number for number, arm_id in there.items() if states.get(arm_id.lower()) == "running"}
    return [*sorted(runs), *_rest(there, runs)]


def _rest(there: Iterable[int], taken: set[int]) -> list[int]:
    return sorted(number for number in there if number not in taken)
