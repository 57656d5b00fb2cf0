"""Compares what was asked for with what exists, by reading Azure only."""

from dataclasses import dataclass
from functools import cached_property

from vmops.azure.inventory import Inventory
from vmops.deploy import changes, drift, foreign_parts, survey
from vmops.deploy.changes import Change
from vmops.deploy.drift import Drift
from vmops.deploy.placed import by_look
from vmops.engine.reconcile import declared
from vmops.spec import fleet
from vmops.spec.vm_spec import VmSpec


def changes_of(spec: VmSpec, seen: Inventory) -> list[Change]:
    """Give what a provision would change, of a fleet member by member; what they share is told once."""
    found = [each for vm in _vms(spec, seen) for each in Comparison(vm, seen).changes()]
    return [each for at, each in enumerate(found) if each not in found[:at]]


def _vms(spec: VmSpec, seen: Inventory) -> list[VmSpec]:
    """Give a VM, or each member that a fleet has or is to have, where it is."""
    if spec.vm_count is None:
        return [spec]
    there = [number for each in seen.machines if (number := spec.identity.member(each["id"])) is not None]
    numbers = fleet.wanted(max(spec.vm_count, len(there)), sorted(there), ())
    return by_look(fleet.members(spec, numbers), seen)


@dataclass(frozen=True)
class Comparison:
    """The spec that was asked for last, and what was found."""

    spec: VmSpec
    seen: Inventory

    @property
    def drift(self) -> list[Drift]:
        """Name what differs from its declaration, if the VM exists."""
        return drift.differences(self.spec, self._before)

    @property
    def added(self) -> list[str]:
        """Describe what others have added to our resources."""
        bodies = self._before.bodies(self.spec, ours=True)
        return foreign_parts.described(self.spec, foreign_parts.find(self.spec, bodies, declared.of(self.spec)))

    def changes(self) -> list[Change]:
        """Give what a provision would change, and which additions of others it would keep."""
        before = self._before
        gone = drift.missing(self.spec, before.bodies(self.spec, ours=True), before.uses) if not before.machine else ()
        return [*changes.of_look(self.spec, [*gone, *self.drift]), *changes.kept(self.added)]

    @cached_property
    def _before(self) -> survey.Preflight:
        return survey.looked_at(self.seen, self.spec)
