"""A few VMs in one world, with a model of what must exist; every answer and every state is held against it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.azure import Azure, held_locks
from tests.double.world import Death, World, world
from tests.torture.life import POWERED
from tests.torture.scene import Scene
from vmops import Settings, Status, VMOps
from vmops.errors import CloudError
from vmops.failures import Kind
from vmops.local import inspection
from vmops.local.arm.faults.catalogue import FAULTS, INCIDENTS
from vmops.operation import Operation
from vmops.protocol import HANDLE, Answer
from vmops.spec import VmSpec

SHARED = "shared"
PATIENT = 1800.0
_API = "api-version=2024-07-01"
_BEGUN = {Status.PENDING, Status.SUCCEEDED, Status.FAILED}
_SILENT = {"etag", "systemData"}


@dataclass
class Vm:
    """One VM as its caller knows it; ``operation`` is the deployment that was begun last."""

    scene: Scene
    intended: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    operation: str = ""
    power: tuple[str, str] = ("", "")
    meddled: bool = False
    tags: dict[str, str] | None = None
    killed: bool = False

    @property
    def params(self) -> dict[str, Any]:
        return self.scene.params  # type: ignore[return-value]

    @property
    def spec(self) -> VmSpec:
        return self.scene.spec

    @property
    def shared(self) -> set[str]:
        """Give the ids of what it may share with others."""
        roles = {"network", "subnet", "security_group", "group"} if "resourceGroup" in self.params else set()
        return {arm_id.lower() for role, arm_id in self.spec.ids().items() if role in roles}


@dataclass
class Estate:
    """All VMs of one world, and what belongs to others."""

    world: World
    vms: list[Vm]
    counts: Counter[str]
    foreign: dict[str, Any] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    faulty: bool = False

    @property
    def ops(self) -> VMOps:
        return self.vms[0].scene.ops

    # what is asked

    def begin(self, vm: Vm, verb: str) -> Answer:
        """Call a verb that begins something."""
        status, result = answer = getattr(self.ops, f"vm_{verb}")(vm.params)
        self._judge(vm, verb, answer, _BEGUN)
        assert result == {}, f"{verb}: {result}"
        if verb == "provision":
            vm.intended |= vm.scene.intended()
        latest = self._latest(vm)
        if latest and latest.id != vm.operation:
            vm.operation, vm.asked, vm.meddled, vm.power = latest.id, vm.scene.intended(), False, ("", "")
        if verb in POWERED and status is not Status.FAILED:
            vm.power = (str(vm.params.get(HANDLE, "")), verb) if status is Status.PENDING else ("", "")
            vm.meddled = True
        return answer

    def wait(self, vm: Vm, is_setup: bool, patience: float) -> Status:
        """Wait for a deployment; whoever succeeded has made what is intended, or removed everything."""
        answer = self.ops.wait_vm_deployment(is_setup, {**vm.params, "pollTimeout": patience})
        self._judge(vm, f"wait {is_setup}", answer, _waits(patience))
        latest = self._latest(vm)
        if answer[0] is Status.SUCCEEDED and latest and latest.id == vm.operation and not self._works(vm):
            self._made(vm, latest) if is_setup else self._gone(vm, latest)
        return answer[0]

    def wait_operation(self, vm: Vm, patience: float) -> Status:
        """Wait for what the handle names; a power operation that succeeded has done so."""
        answer = self.ops.wait_vm_operation({**vm.params, "pollTimeout": patience})
        allowed = _waits(patience) if HANDLE in vm.params else {Status.PENDING}
        self._judge(vm, "wait for the operation", answer, allowed)
        handle, verb = vm.power
        if answer[0] is Status.SUCCEEDED and verb and handle == vm.params.get(HANDLE):
            assert self._runs(vm, POWERED[verb]), f"{verb} succeeded and is not so"
            vm.power = ("", "")
        return answer[0]

    def cancel(self, vm: Vm) -> None:
        """Cancel what is in flight: within its time nobody works on the VM any more."""
        began = self.world.turns.now
        answer = self.ops.cancel(vm.params)
        self._judge(vm, "cancel", answer, {Status.SUCCEEDED})
        assert self.world.turns.now - began <= 60
        assert not self._works(vm), "it was cancelled, and somebody works on it"

    def recover(self, vm: Vm) -> None:
        """Put right what the dead have left."""
        self._judge(vm, "recover", self.ops.recover(vm.params), {Status.SUCCEEDED, Status.FAILED})

    # what goes wrong

    def fault(self, vm: Vm, name: str, when: dict[str, int]) -> None:
        """Let Azure fail, and no more as it did."""
        vm.scene.faults(FAULTS[name].rule(name, vm.params["vmName"], **when).plain())
        self.faulty = True
        self.counts["faults"] += 1

    def well(self) -> None:
        """Let everything go well again, and everybody have what is theirs."""
        self.vms[0].scene.faults()
        self.faulty, self.world.death = False, Death()
        for vm in self.vms:
            self._give_back(vm)

    def _give_back(self, vm: Vm) -> None:
        """Let somebody give a VM its tags again, if it is there."""
        while vm.tags is not None and self._there(vm):
            if self._rests(vm):
                self._send(vm, "PATCH", "", {"tags": vm.tags})
                vm.tags = None
            self.world.turns.sleep(5)
        vm.tags = None

    def meddle(self, vm: Vm, name: str) -> None:
        """Let somebody else do something to a VM that is there and has nothing done to it."""
        if not self._rests(vm) or vm.tags is not None:
            return
        incident = INCIDENTS[name]
        tags = dict(self._there(vm)["tags"])
        try:
            self._send(vm, incident.method, incident.step, incident.body)
        except CloudError:
            return  # ARM does not let them
        if name == "retagged-behind-our-back":
            vm.tags = tags
        vm.meddled, vm.power = True, ("", "")
        self.counts["incidents"] += 1

    def kill(self) -> None:
        """Kill a worker that is in the middle of its work, and its engine with it."""
        for process in self.world.turns.workers[:1]:
            self.world.turns.kill(process)
            self._dead()

    def spoil(self, vm: Vm, how: str) -> None:
        """Leave the state of a stack as a loss of power may, if one of its engines was killed."""
        path = vm.scene.state_file
        if not vm.killed or self.world.turns.workers or not path.exists():
            return
        match how:
            case "lost with its copies":
                for copy in [*path.parent.glob(f"{path.name}*"), *path.parents[2].glob(f"history/vmops/{path.stem}/*")]:
                    copy.unlink()
            case "lost":
                path.unlink()
            case _:
                path.write_bytes({"empty": b"", "garbage": b"\x00garbage", "cut off": path.read_bytes()[:300]}[how])
        self.counts["states spoilt"] += 1

    def plant(self, vm: Vm) -> None:
        """Let others put something into the VM's own group."""
        if vm.spec.group_id.lower() in self._existing() and not self.faulty and "resourceGroup" not in vm.params:
            vm.scene.plant(vm.spec.resource_group)
            self.late.add(vm.spec.group_id.lower())
            self.see_foreign()

    # what must be

    def see_foreign(self) -> None:
        """Remember what is another's, as it is."""
        planted = {path for vm in self.vms for path in vm.scene.planted}
        self.foreign = {arm_id: body for arm_id, body in self._existing().items() if arm_id in planted}

    def check(self) -> None:
        """Hold the world against the model: nothing foreign changed, nothing there that nobody asked for, no lock."""
        if self.world.death.struck:
            self._dead()
        existing = self._existing()
        changed = [arm_id for arm_id, body in self.foreign.items() if existing.get(arm_id) != body]
        self._none("foreign touched", changed)
        asked = {arm_id for vm in self.vms for arm_id in vm.intended}
        self._none("duplicates", existing.keys() - self.foreign.keys() - asked)
        assert not self.world.turns.bugs, self.world.turns.bugs
        if not self.world.turns.workers:
            self._none("locks left", held_locks(self.ops.settings.state_dir))
            if not any(vm.killed for vm in self.vms):
                self._none("locks left", self.vms[0].scene.engine_locks())

    def converge(self, vm: Vm, verb: str) -> None:
        """Let everything go well: what is in flight ends, and then the same call succeeds."""
        self.well()
        is_setup = verb == "provision"
        vm.params.pop(HANDLE, None)
        for verb_in_flight in (True, False):
            self.wait(vm, verb_in_flight, PATIENT)
        status, _ = self.begin(vm, verb)
        if status is Status.PENDING:
            status = self.wait(vm, is_setup, PATIENT)
        assert status is Status.SUCCEEDED, f"{verb} ended as {status.name}: {self.ops.last_failure(vm.params)}"
        vm.killed = False
        self.counts["converged"] += 1

    def close(self) -> None:
        """Remove everything, and see that nothing is left."""
        for vm in self.vms:
            self.converge(vm, "deprovision")
        self._none("orphans", self._existing().keys() - self.foreign.keys() - self.late)
        self.check()
        state_dir = self.ops.settings.state_dir
        left = [path for name in ("scratch", "stacks") for path in (state_dir / name).glob("*")]
        left += self.vms[0].scene.state_file.parent.glob("*.json")
        assert not left, f"left behind: {left}"

    def _made(self, vm: Vm, operation: Operation) -> None:
        existing = self._existing()
        ours = {arm_id for arm_id in vm.intended if arm_id in existing}
        if not vm.meddled and operation.verb == "provision":
            assert ours - vm.asked - vm.shared == set(), f"too much: {sorted(ours - vm.asked)}"
            assert vm.asked - ours == set(), f"not there: {sorted(vm.asked - ours)}"
            assert self._runs(vm, "running")
            self.counts["made"] += 1

    def _gone(self, vm: Vm, operation: Operation) -> None:
        if operation.verb != "deprovision":
            return  # the VM is not there, and nobody was asked to remove the rest
        left = (vm.intended - vm.shared - self.late) & self._existing().keys()
        assert not left, f"deprovisioned, and there: {sorted(left)}"
        self.counts["removed"] += 1

    def _judge(self, vm: Vm, verb: str, answer: Answer, allowed: set[Status]) -> None:
        """See that a status is one of the verb's own, and that a failure has a name and a next step."""
        status, result = answer
        assert status in allowed, f"{verb} answers {status.name}: {self.ops.last_failure(vm.params)}"
        if status is Status.FAILED:
            failure = self.ops.last_failure(vm.params)
            assert failure is not None
            assert failure.kind not in {Kind.BUG, Kind.ENGINE}, f"{verb}: {failure}"
            assert failure.next_step
        assert status is Status.SUCCEEDED or result == {}

    def _none(self, what: str, found: Any) -> None:
        assert not found, f"{what}: {sorted(map(str, found))}"

    def _dead(self) -> None:
        self.counts["kills"] += 1
        self.world.death = Death()
        for vm in self.vms:
            vm.killed = True

    def _works(self, vm: Vm) -> bool:
        return any(self.ops._store.in_flight(vm.spec.stack, verb) for verb in ("provision", "deprovision"))  # type: ignore[arg-type]

    def _latest(self, vm: Vm) -> Operation | None:
        return self.ops._store.latest(vm.spec.stack)

    def _there(self, vm: Vm) -> Any:
        """Give a VM as it is, whatever Azure is told to refuse."""
        return self._existing().get(vm.spec.vm_id.lower())

    def _runs(self, vm: Vm, power: str) -> bool:
        """Tell whether a VM stands so; nobody can ask while Azure is told to fail."""
        return self.faulty or vm.scene.azure.power(vm.spec.vm_id) == power

    def _rests(self, vm: Vm) -> bool:
        found = self._there(vm)
        return bool(found) and found["properties"]["provisioningState"] in {"Succeeded", "Failed"}

    def _send(self, vm: Vm, method: str, step: str, body: dict[str, Any]) -> None:
        path = f"{vm.spec.vm_id}{step}?{_API}"
        inspection.send(self.ops.settings.state_dir, method, path, body or None)

    def _existing(self) -> dict[str, Any]:
        found = self.vms[0].scene.azure.resources()
        told = {each["id"].lower(): each for each in found if "/securityRules/" not in each["id"]}
        return {
            arm_id: {name: part for name, part in body.items() if name not in _SILENT} for arm_id, body in told.items()
        }


def _waits(patience: float) -> set[Status]:
    return {Status.SUCCEEDED, Status.FAILED, Status.TIMED_OUT if patience else Status.PENDING}


@contextmanager
def estate(params: list[dict[str, Any]], pace: float, counts: Counter[str]) -> Iterator[Estate]:
    """Give a few VMs in a world of their own, beside what belongs to others."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as place, world(Path(place), pace) as made:
        state_dir = Path(place) / "state"
        state_dir.mkdir(mode=0o700)
        ops, azure = VMOps(Settings(state_dir=state_dir, owner="torture")), Azure(state_dir)
        vms = [Vm(Scene(state_dir, each, azure, ops)) for each in params]
        vms[0].scene.plant("theirs")
        if any("resourceGroup" in each for each in params):
            vms[0].scene.plant(SHARED)
            for vm in vms[1:]:
                vm.scene.planted = vms[0].scene.planted
        whole = Estate(made, vms, counts)
        whole.see_foreign()
        yield whole
