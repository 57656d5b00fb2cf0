"""vmops, as a program uses it."""

import time
from pathlib import Path

from vmops import Settings, Status, VMOps
from vmops.protocol import Answer, Params


class Ours:
    """One `VMOps` on a state directory."""

    def __init__(self, state_dir: Path) -> None:
        self.ops = VMOps(Settings(state_dir=state_dir, cloud="local"))
        self.returned = 0.0

    def begin(self, vm: str) -> None:
        """Call vm_provision, which returns at once."""
        self._see(self.ops.vm_provision(_params(vm)), Status.PENDING)

    def begun(self, vm: str) -> None:
        """Wait for the provision that `begin` has started."""
        answer = self.ops.wait_vm_deployment(True, _params(vm))
        self.returned = time.time()
        self._see(answer, Status.SUCCEEDED)

    def up(self, vm: str) -> None:
        """Provision a VM, and wait until it runs."""
        self.begin(vm)
        self.begun(vm)

    def again(self, vm: str) -> None:
        """Provision without a change."""
        self._see(self.ops.vm_provision(_params(vm)), Status.SUCCEEDED)

    def power(self, vm: str, verb: str) -> None:
        """Call a power verb and wait until it is done."""
        params = _params(vm)
        if getattr(self.ops, f"vm_{verb}")(params)[0] is Status.PENDING:
            self._see(self.ops.wait_vm_operation(params), Status.SUCCEEDED)

    def down(self, vm: str) -> None:
        """Deprovision a VM, and wait until it and everything that was made for it is gone."""
        self._see(self.ops.vm_deprovision(_params(vm)), Status.PENDING)
        self._see(self.ops.wait_vm_deployment(False, _params(vm)), Status.SUCCEEDED)

    def _see(self, answer: Answer, expected: Status) -> None:
        if answer[0] is not expected:
            raise SystemExit(f"vmops: {answer[0].name}, not {expected.name}: {self.ops.operations()[0].failure}")


def _params(vm: str) -> Params:
    return {"vmName": vm, "pollTimeout": 3000}
