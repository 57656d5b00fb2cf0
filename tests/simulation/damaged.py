"""Faults of the host: damaged files, a full or read-only disk, a changed clock."""

from tests.chaos.spoiling import FILES, NEWER, RECORDS, restore, spoil_records
from tests.simulation.model import Vm
from tests.simulation.others import Others
from vmops.spec.names import OWNER_TAG

CLOCK_STEPS = (-7200.0, -3.0, 3.0, 7200.0)
"""Seconds by which a person, or a time server, changes a clock."""


class Damaged(Others):
    """The VMs of one world, and the host that works on them."""

    def spoil(self, vm: Vm, name: str) -> None:
        """Damage one of the engine's files as a power failure, or a person, may."""
        if self.world.turns.workers or self.world.disk.state or not FILES[name](vm.scene):
            return
        vm.hampered = True  # reading calls do not repair the state
        if name == NEWER:
            self._newer.append(vm)
        self.counts["files spoilt"] += 1

    def spoil_records(self, name: str) -> None:
        """Damage the records, unless only they show that a resource with our name and copied tags is foreign."""
        if self._has_copies() or self.world.disk.state:
            return
        if spoil_records(self.vms[0].scene, RECORDS[name]):
            self.counts["records spoilt"] += 1
            for vm in self.vms if self.world.turns.workers else ():
                vm.hampered = True  # the worker is no longer recorded

    def fill(self, state: str) -> None:
        """Make the disk full, or read-only, until everything is repaired."""
        if self._has_copies():
            return  # nor can the records be read then
        self.world.disk.spoil(state)
        for vm in self.vms:
            vm.killed = vm.hampered = True  # an engine that cannot write leaves its lock
        self.counts["bad disks"] += 1

    def set_clock(self, seconds: float) -> None:
        """Change the clock of this host, which is not Azure's."""
        self.world.turns.set_clock(seconds)
        self.counts["clock steps"] += 1

    def restore(self) -> None:
        """Rewrite a newer engine's state in our format: until then a provision is refused."""
        for vm in self._newer:
            restore(vm.scene)
        self._newer.clear()

    def _has_copies(self) -> bool:
        """Tell whether a foreign resource has our name and copies of our tags."""
        owners = [(self.foreign[each].get("tags") or {}).get(OWNER_TAG) for each in self.strangers]
        return self.ops.settings.owner in owners
