"""The model of a world with a few VMs: every answer and every state is compared with it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tests.azure import held_locks
from tests.chaos.governance import Lock, Policy
from tests.chaos.scene import Scene
from tests.simulation.declared import differences
from tests.simulation.world import PlannedKill, World
from vmops import Status, VMOps
from vmops.azure.ownership import identity_of
from vmops.core.failures import FailureKind
from vmops.jobs.operation import Operation
from vmops.protocol import Answer
from vmops.spec.vm_spec import VmSpec

_SILENT = {"etag", "systemData"}
_SIZE = VmSpec.model_fields["vm_size"].default


@dataclass
class Vm:
    """One VM as its caller knows it; ``operation`` is the deployment that was started last.

    ``meddled``, ``restored``: since then others have changed it, or have restored what could not be removed.
    ``hampered``: since then an engine could not write or use its state, or the worker is unknown.
    """

    scene: Scene
    intended: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    operation: str = ""
    power: tuple[str, str] = ("", "")
    meddled: bool = False
    restored: bool = False
    killed: bool = False
    hampered: bool = False

    @property
    def params(self) -> dict[str, Any]:
        return self.scene.params

    @property
    def spec(self) -> VmSpec:
        return self.scene.spec

    @property
    def shared(self) -> set[str]:
        """Give the ids of resources that it may share with others."""
        roles = {"network", "subnet", "security_group", "group"} if "resourceGroup" in self.params else set()
        return {arm_id.lower() for role, arm_id in self.spec.ids().items() if role in roles}


@dataclass(frozen=True)
class Retagged:
    """A resource of ours whose tags somebody changed: its tags ``before``, and its present ones.

    With ``claimed`` the tags name another owner, who counts until they are restored.
    """

    before: dict[str, str]
    after: dict[str, Any]
    claimed: bool

    def is_still(self, found: dict[str, Any] | None) -> bool:
        """Tell whether a resource exists with these tags and this identity."""
        was = (self.after.get("tags"), identity_of(self.after))
        return found is not None and (found.get("tags"), identity_of(found)) == was


@dataclass
class Model:
    """All VMs of one world, and the foreign resources; ``late`` are groups of ours with foreign resources.

    ``strangers`` are ids of ours under which a foreign resource exists for a while, with what came with it; ``staying``
    are other foreign resources. ``retagged`` are resources of ours with changed tags.
    """

    world: World
    vms: list[Vm]
    counts: Counter[str]
    foreign: dict[str, Any] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)
    strangers: dict[str, set[str]] = field(default_factory=dict)
    staying: set[str] = field(default_factory=set)
    retagged: dict[str, Retagged] = field(default_factory=dict)
    faulty: bool = False
    _rules: dict[str, tuple[Lock | Policy, Scene]] = field(default_factory=dict)
    _newer: list[Vm] = field(default_factory=list)

    @property
    def ops(self) -> VMOps:
        return self.vms[0].scene.ops

    def see_foreign(self) -> None:
        """Record the foreign resources as they are."""
        planted = {path for vm in self.vms for path in vm.scene.planted}
        theirs = planted.union(self.staying, *self.strangers.values())
        self.foreign = {arm_id: body for arm_id, body in self._existing().items() if arm_id in theirs}

    @property
    def claimed(self) -> set[str]:
        """Give the ids of resources that were ours and have another owner's tags, with their children."""
        given = [arm_id for arm_id, change in self.retagged.items() if change.claimed]
        lies_in = lambda each: any(each.startswith(f"{arm_id}/") for arm_id in given)  # noqa: E731
        return {*given, *filter(lies_in, self._existing())}

    def check(self) -> None:
        """Compare the world with the model.

        Foreign resources are unchanged, nothing unrequested exists, and no lock is held.
        """
        if self.world.planned.struck:
            self._dead()
        existing = self._existing()
        changed = [arm_id for arm_id, body in self.foreign.items() if existing.get(arm_id) != body]
        given = {arm_id: change for arm_id, change in self.retagged.items() if change.claimed}
        taken = [arm_id for arm_id, change in given.items() if not change.is_still(existing.get(arm_id))]
        self._none("foreign touched", [*changed, *taken])
        asked = {arm_id for vm in self.vms for arm_id in vm.intended}
        self._none("duplicates", existing.keys() - self.foreign.keys() - asked)
        assert not self.world.turns.bugs, self.world.turns.bugs
        if not self.world.turns.workers:
            self._none("locks left", held_locks(self.ops.settings.state_dir))
            if not any(vm.killed for vm in self.vms):
                self._none("locks left", self.vms[0].scene.engine_locks())

    def _made(self, vm: Vm, operation: Operation) -> None:
        existing = {arm_id: body for arm_id, body in self._existing().items() if not _is_deleting(body)}
        ours = (vm.intended & existing.keys()) - self.foreign.keys() - self.claimed
        if not vm.meddled and operation.verb == "provision":
            assert ours - vm.asked - vm.shared == set(), f"too much: {sorted(ours - vm.asked)}"
            assert vm.asked - ours == set(), f"not there: {sorted(vm.asked - ours)}"
            assert self._runs(vm, "running")
            size = existing[vm.spec.vm_id.lower()]["properties"]["hardwareProfile"]["vmSize"]
            assert size == operation.given.get("vmSize", _SIZE), f"provisioned, and its size is {size}"
            self.counts["made"] += 1

    def _as_declared(self, vm: Vm) -> None:
        """Check that a VM is as requested, except for drift that returned after a repair and was reported."""
        latest = self._latest(vm)
        named = " ".join(latest.outputs.get("returned", ())) if latest else ""
        existing = {each["id"].lower(): each for each in vm.scene.azure.resources()}
        found = [each for each in differences(vm.spec, existing) if each not in named]
        assert not found, f"provisioned, and otherwise than asked for: {found}"

    def _gone(self, vm: Vm, operation: Operation) -> None:
        if operation.verb != "deprovision" or vm.restored:
            return  # only the VM was to be gone, not its other resources
        left = (vm.intended - vm.shared - self.late - self.foreign.keys() - self.claimed) & self._existing().keys()
        assert not left, f"deprovisioned, and there: {sorted(left)}"
        self.counts["removed"] += 1

    def _judge(self, vm: Vm, verb: str, answer: Answer, allowed: set[Status]) -> None:
        """Check that a status is one of the verb's own, and that a failure has a kind and a next step."""
        status, result = answer
        assert status in allowed, f"{verb} answers {status.name}: {self.ops.last_failure(vm.params)}"
        if status is Status.FAILED:
            failure = self.ops.last_failure(vm.params)
            assert failure is not None
            bugs = {FailureKind.BUG} if vm.hampered else {FailureKind.BUG, FailureKind.ENGINE}
            assert failure.kind not in bugs, f"{verb}: {failure}"
            assert failure.next_step
        assert status is Status.SUCCEEDED or result == {}

    def _none(self, what: str, found: Any) -> None:
        self.counts[what] += len(found)
        assert not found, f"{what}: {sorted(map(str, found))}"

    def _dead(self) -> None:
        self.counts["kills"] += 1
        self.world.planned = PlannedKill()
        for vm in self.vms:
            vm.killed = True

    def _works(self, vm: Vm) -> bool:
        return any(self.ops._store.in_flight(vm.spec.stack, verb) for verb in ("provision", "deprovision"))  # type: ignore[arg-type]

    def _latest(self, vm: Vm) -> Operation | None:
        return self.ops._store.latest(vm.spec.stack)

    def _there(self, vm: Vm) -> Any:
        """Give a VM as it is, bypassing all faults."""
        return self._existing().get(vm.spec.vm_id.lower())

    def _runs(self, vm: Vm, power: str) -> bool:
        """Tell whether a VM has a power state; unknown while Azure fails or throttles."""
        if self.faulty:
            return True
        while vm.scene.azure.vm(vm.spec.vm_id) is None:
            assert self._there(vm), "it is gone"
            self.world.turns.sleep(10)
        return vm.scene.azure.power(vm.spec.vm_id) == power

    def _rests(self, vm: Vm) -> bool:
        found = self._there(vm)
        rests = bool(found) and found["properties"]["provisioningState"] in {"Succeeded", "Failed"}
        return rests and vm.spec.vm_id.lower() not in self.foreign

    def _existing(self) -> dict[str, Any]:
        found = self.vms[0].scene.azure.resources()
        told = {each["id"].lower(): each for each in found if "/securityRules/" not in each["id"]}
        return {
            arm_id: {name: part for name, part in body.items() if name not in _SILENT} for arm_id, body in told.items()
        }


def _is_deleting(body: dict[str, Any]) -> bool:
    """Tell whether Azure is still deleting something, whatever it answered."""
    return bool(body.get("properties", {}).get("provisioningState") == "Deleting")
