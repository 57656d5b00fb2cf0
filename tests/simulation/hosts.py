"""A second host with the same name: its own state directory, processes and clock, but the same backend.

Both work on the same VMs in turn: concurrent engines are separated by the engine's own lock.
"""

from functools import cached_property

from tests.simulation.damaged import Damaged
from tests.simulation.model import Vm
from vmops import Settings, Status, VMOps
from vmops.core.failures import FailureKind
from vmops.protocol import HANDLE

_THERE = "second"
_CALLS = 3
_PATIENT = 1800.0


class Hosts(Damaged):
    """The VMs of one world, and the other host that works on them."""

    def call_there(self, vm: Vm, verb: str, seconds: float) -> None:
        """Let the other host make or remove a VM while no worker runs here; its clock is so many seconds ahead.

        It succeeds within a few calls unless a fault is active.
        """
        if not self._is_calm() or self.world.disk.state or self.governed or vm in self._newer:
            return
        if self.strangers or self.retagged or vm.killed:
            return
        params = {name: value for name, value in vm.params.items() if name != HANDLE}
        with self.world.turns.at(_THERE):
            self.world.turns.set_clock(seconds)
            told = []
            while self._to_the_end(self._there_ops, params, verb) is not Status.SUCCEEDED:
                failure = self._there_ops.last_failure(params)
                told.append(str(failure))
                if failure and failure.kind is FailureKind.THROTTLED:
                    self.world.turns.sleep(_PATIENT)
                self._none("dead ends", [f"{verb} there: {told}"] if len(told) == _CALLS else [])
        if verb == "provision":
            vm.intended |= vm.scene.intended()
            vm.restored = True
        vm.meddled, vm.power = True, ("", "")
        self.counts["calls of another host"] += 1

    @cached_property
    def _there_ops(self) -> VMOps:
        """Give the other host's verbs, with the keys of this host."""
        here = self.ops.settings
        there = here.state_dir.parent / _THERE
        there.mkdir(mode=0o700)
        keys = here.state_dir / "keys"
        keys.mkdir(mode=0o700, exist_ok=True)
        (there / "keys").symlink_to(keys)
        return VMOps(Settings(state_dir=there, owner=here.owner, backend_url=here.backend()))
