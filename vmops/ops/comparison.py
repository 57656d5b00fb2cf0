"""Compares the last request with what exists, by reading Azure only."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from vmops.azure.inventory import Inventory
from vmops.deploy import changes, drift, foreign_parts, survey
from vmops.deploy.changes import Change
from vmops.deploy.drift import Drift
from vmops.deploy.placed import by_inventory
from vmops.engine.reconcile import declared
from vmops.spec import fleet
from vmops.spec.vm_spec import VmSpec


@dataclass(frozen=True)
class Comparison:
    """The specs of the last request, what exists, and the ``leaving`` members that a fleet has too many."""

    vms: Sequence[VmSpec]
    seen: Inventory
    leaving: Sequence[VmSpec] = ()

    @classmethod
    def of(cls, spec: VmSpec, seen: Inventory, member: int | None = None) -> Self:
        """Compare a VM, all of a fleet, or one ``member`` of it."""
        if spec.vm_count is None:
            return cls((spec,), seen)
        found = (spec.identity.member(each["id"]) for each in seen.machines)
        there = sorted(number for number in found if number is not None)
        wanted = fleet.wanted(spec.vm_count, there, ()) if member is None else [member]
        leaving = {*there} - {*wanted} if member is None else ()
        return cls(by_inventory(fleet.members(spec, wanted), seen), seen, fleet.members(spec, leaving))

    @property
    def drift(self) -> list[Drift]:
        """List where existing VMs differ from their declaration; a shared resource is listed once."""
        return drift.distinct(each for spec, before in self._pairs for each in drift.differences(spec, before))

    @property
    def added(self) -> list[str]:
        """Describe the parts that others have added to our resources."""
        return list(dict.fromkeys(each for spec, before in self._pairs for each in _added(spec, before)))

    def changes(self) -> list[Change]:
        """Give what a provision would change, and which additions of others it would keep."""
        repaired = {each["resource"]: each for spec, before in self._pairs for each in _repairs(spec, before)}
        return [*repaired.values(), *map(changes.too_many, self.leaving), *changes.kept(self.added)]

    @cached_property
    def _pairs(self) -> list[tuple[VmSpec, survey.Preflight]]:
        return [(spec, survey.without_checks(self.seen, spec)) for spec in self.vms]


def _repairs(spec: VmSpec, before: survey.Preflight) -> list[Change]:
    gone = drift.missing(spec, before.bodies(spec, ours=True), before.external) if not before.machine else ()
    return changes.of_drift(spec, [*gone, *drift.differences(spec, before)])


def _added(spec: VmSpec, before: survey.Preflight) -> Iterator[str]:
    found = foreign_parts.find(spec, before.bodies(spec, ours=True), declared.of(spec))
    yield from foreign_parts.described(spec, found)
