"""Compares what was asked for with what exists, by reading Azure only."""

from dataclasses import dataclass
from functools import cached_property

from vmops.azure.inventory import Inventory
from vmops.deploy import changes, drift, foreign_parts, survey
from vmops.deploy.changes import Change
from vmops.deploy.drift import Drift
from vmops.engine.reconcile import declared
from vmops.spec.vm_spec import VmSpec


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
