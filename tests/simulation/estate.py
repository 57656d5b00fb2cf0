"""A few VMs in one world: calls, waits, faults and kills."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.azure import Azure
from tests.chaos.drifts import DRIFTS
from tests.chaos.scene import Scene
from tests.chaos.script import POWERED
from tests.chaos.spoiling import is_spoilt
from tests.simulation.hosts import Hosts
from tests.simulation.model import Vm
from tests.simulation.strangers import CLAIMING
from tests.simulation.wire import Garbled
from tests.simulation.world import world
from vmops import Settings, Status, VMOps
from vmops.core.errors import CloudError
from vmops.core.failures import FailureKind
from vmops.local import inspection
from vmops.local.arm.faults.catalogue import FAULTS, INCIDENTS
from vmops.protocol import HANDLE, Answer

SHARED = "shared"
PATIENT = 1800.0
_THROTTLED = 1200.0
"""Seconds for which Compute may throttle after too many requests."""

_AT_REST = 60.0
"""Seconds within which Azure completes a change of a security group, and accepts the next."""

_CALLS = 3
"""Calls that may fail in a row without any active fault; more are a failure of the test."""

_API = "api-version=2024-07-01"
_BEGUN = {Status.PENDING, Status.SUCCEEDED, Status.FAILED}


class Estate(Hosts):
    """The VMs of one world, with calls, faults and kills."""

    def begin(self, vm: Vm, verb: str) -> Answer:
        """Call a verb that starts something."""
        answer: Answer = getattr(self.ops, f"vm_{verb}")(vm.params)
        status, result = answer
        self._judge(vm, verb, answer, _BEGUN)
        assert result == {}, f"{verb}: {result}"
        if verb == "provision":
            vm.intended |= vm.scene.intended()
        latest = self._latest(vm)
        if latest and latest.id != vm.operation:
            vm.operation, vm.asked, vm.power = latest.id, vm.scene.intended(), ("", "")
            vm.meddled = vm.restored = False
            vm.hampered = bool(self.world.disk.state) or vm in self._newer or is_spoilt(vm.scene.state_file)
        if verb in POWERED and status is not Status.FAILED:
            vm.power = (str(vm.params.get(HANDLE, "")), verb) if status is Status.PENDING else ("", "")
            vm.meddled = True
        return answer

    def wait(self, vm: Vm, is_setup: bool, patience: float) -> Status:
        """Wait for a deployment; SUCCEEDED means that the intended resources exist, or that none is left."""
        answer = self.ops.wait_vm_deployment(is_setup, {**vm.params, "pollTimeout": patience})
        self._judge(vm, f"wait {is_setup}", answer, _waits(patience))
        latest = self._latest(vm)
        if answer[0] is Status.SUCCEEDED and latest and latest.id == vm.operation and not self._works(vm):
            self._made(vm, latest) if is_setup else self._gone(vm, latest)
        return answer[0]

    def wait_operation(self, vm: Vm, patience: float) -> Status:
        """Wait for the operation of the handle; SUCCEEDED means that the power verb took effect."""
        answer = self.ops.wait_vm_operation({**vm.params, "pollTimeout": patience})
        allowed = _waits(patience) if HANDLE in vm.params else {Status.PENDING}
        self._judge(vm, "wait for the operation", answer, allowed)
        handle, verb = vm.power
        if answer[0] is Status.SUCCEEDED and verb and handle == vm.params.get(HANDLE):
            assert self._runs(vm, POWERED[verb]), f"{verb} succeeded and is not so"
            vm.power = ("", "")
        return answer[0]

    def cancel(self, vm: Vm) -> None:
        """Cancel what is in flight: within its time no worker is left."""
        began = self.world.turns.now
        answer = self.ops.cancel(vm.params)
        blind = {Status.FAILED} if self.world.disk.state or vm.hampered else set()
        self._judge(vm, "cancel", answer, {Status.SUCCEEDED} | blind)
        assert self.world.turns.now - began <= 60
        assert not self._works(vm), "it was cancelled, and somebody works on it"

    def recover(self, vm: Vm) -> None:
        """Call recover."""
        self._judge(vm, "recover", self.ops.recover(vm.params), {Status.SUCCEEDED, Status.FAILED})

    def fault(self, vm: Vm, name: str, when: dict[str, int]) -> None:
        """Activate these faults, and no others."""
        vm.scene.faults(FAULTS[name].rule(name, vm.params["vmName"], **when).plain())
        self.faulty = True
        self.counts["faults"] += 1

    def well(self) -> None:
        """Clear all faults, and undo the changes of others."""
        self.world.disk.mend()
        self.answer_well()
        self.allow()
        self._settle_all()
        self.leave()

    def meddle(self, vm: Vm, name: str) -> None:
        """Let somebody else change a VM that exists and has no operation."""
        if not self._rests(vm) or vm.spec.vm_id.lower() in self.retagged:
            return
        incident = INCIDENTS[name]
        try:
            self._send(vm, incident.method, incident.step, incident.body)
        except CloudError:
            return  # refused by ARM
        vm.meddled, vm.power = True, ("", "")
        self.counts["incidents"] += 1

    def take(self, vm: Vm, verb: str) -> None:
        """Give a VM another owner's tags, then call a verb, which is refused."""
        if not self.retag(vm, "vm", CLAIMING[0]):
            return
        status, _ = self.begin(vm, verb)
        if status is Status.PENDING:
            status = self.wait_operation(vm, PATIENT)
        assert status is not Status.SUCCEEDED, f"{verb} of another's VM succeeded"

    def kill(self) -> None:
        """Kill a running worker with its engine."""
        for process in self.world.turns.workers[:1]:
            self.world.turns.kill(process)
            self._dead()

    def plant(self, vm: Vm) -> None:
        """Create foreign resources in the VM's own group."""
        free = not (self.faulty or self.governed)
        if vm.spec.group_id.lower() in self._existing() and free and "resourceGroup" not in vm.params:
            vm.scene.plant(vm.spec.resource_group)
            self.late.add(vm.spec.group_id.lower())
            self.see_foreign()

    def converge(self, vm: Vm, verb: str) -> None:
        """Clear everything: operations in flight end, then the call succeeds within three attempts."""
        self.well()
        if verb == "provision":
            self.restore()
        vm.params.pop(HANDLE, None)
        told = []
        while self._called(vm, verb) is not Status.SUCCEEDED:
            told.append(str(self.ops.last_failure(vm.params)))
            self._none("dead ends", [f"{verb}: {told}"] if len(told) == _CALLS else [])
            self.counts["called again"] += 1
            self._heed(vm)
        if verb == "provision":
            self._as_declared(vm)
        vm.killed = False
        self.counts["converged"] += 1

    def _heed(self, vm: Vm) -> None:
        """Do what the next step of a failure says."""
        failure = self.ops.last_failure(vm.params)
        if failure and failure.kind is FailureKind.THROTTLED:  # "call again after the time that …"
            self.world.turns.sleep(_THROTTLED)
        if failure and "vmops adopt" in failure.next_step:  # no tag or state proves that it is ours
            status, _ = self.ops.adopt(vm.params)
            assert status is Status.SUCCEEDED, f"adopt: {self.ops.last_failure(vm.params)}"
            self.counts["adopted"] += 1
        if failure and "remove it, or change vmPorts" in failure.next_step:  # nor that a rule is ours
            self.world.turns.sleep(_AT_REST)
            DRIFTS["rule-deleted-by-hand"](vm.scene)

    def _called(self, vm: Vm, verb: str) -> Status:
        status, _ = self.begin(vm, verb)
        return self.wait(vm, verb == "provision", PATIENT) if status is Status.PENDING else status

    def close(self) -> None:
        """Remove everything, and check that nothing is left."""
        self._remove_beside_others()
        for vm in self.vms:
            self.converge(vm, "deprovision")
        self._none("orphans", self._existing().keys() - self.foreign.keys() - self.late)
        self.check()
        state_dir = self.ops.settings.state_dir
        left = [path for name in ("scratch", "stacks") for path in (state_dir / name).glob("*")]
        left += self.vms[0].scene.state_file.parent.glob("*.json")
        assert not left, f"left behind: {left}"

    def _remove_beside_others(self) -> None:
        """Remove everything while others interfere: whatever the outcome, foreign resources are unchanged."""
        if not (self.strangers or self.retagged):
            return
        self.answer_well()
        self._settle_all()
        for vm in self.vms:
            vm.params.pop(HANDLE, None)
            self._called(vm, "deprovision")
            self.check()
        self.counts["removed beside others"] += 1

    def _settle_all(self) -> None:
        """Let all work end without kills."""
        for vm in self.vms:
            for in_flight in (True, False):
                self.wait(vm, in_flight, PATIENT)

    def _send(self, vm: Vm, method: str, step: str, body: dict[str, Any]) -> None:
        path = f"{vm.spec.vm_id}{step}?{_API}"
        garbled, self.world.wire.garbled = (
            self.world.wire.garbled,
            Garbled(b"", (), 0),
        )  # the answer to this request is readable
        try:
            inspection.send(self.ops.settings.state_dir, method, path, body or None)
        finally:
            self.world.wire.garbled = garbled


def _waits(patience: float) -> set[Status]:
    return {Status.SUCCEEDED, Status.FAILED, Status.TIMED_OUT if patience else Status.PENDING}


@contextmanager
def estate(params: list[dict[str, Any]], pace: float, counts: Counter[str]) -> Iterator[Estate]:
    """Give a few VMs in a fresh world, beside foreign resources."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as place, world(Path(place), pace) as made:
        state_dir = Path(place) / "state"
        state_dir.mkdir(mode=0o700)
        ops, azure = VMOps(Settings(state_dir=state_dir, owner="chaos")), Azure(state_dir)
        vms = [Vm(Scene(state_dir, each, azure, ops)) for each in params]
        vms[0].scene.plant("theirs")
        if any("resourceGroup" in each for each in params):
            vms[0].scene.plant(SHARED)
            for vm in vms[1:]:
                vm.scene.planted = vms[0].scene.planted
        whole = Estate(made, vms, counts)
        whole.see_foreign()
        yield whole
