"""The scene of a fleet that is killed: an external group, with a foreign VM that has a member's name."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.killing import PATIENCE
from tests.chaos.scene import Scene, scene
from vmops import Settings, Status, VMOps
from vmops.core import keys
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.store import Store
from vmops.protocol import Params
from vmops.spec import fleet
from vmops.spec.names import arm_type
from vmops.spec.vm_spec import VmSpec

FLEET, STRANGER, GROUP = "exp1", "exp1-3", "shared"
D4, A4 = "Standard_D4s_v5", "Standard_D4as_v5"
PACE = 0.002
_VM = "Microsoft.Compute/virtualMachines"
_VOLATILE = ("etag", "systemData")


@dataclass(frozen=True)
class Phase:
    """The call of a phase: the number of VMs ``before``, the request, and the places with ``room``.

    Without VMs before there is no fleet; ``ready`` VMs run afterwards, of which ``stay`` ran before.
    """

    asked: Mapping[str, Any]
    ready: int
    before: int = 0
    room: tuple[Mapping[str, Any], ...] = ()

    @property
    def params(self) -> Params:
        return {**COMMON, **self.asked}


COMMON: Params = {
    "vmName": FLEET,
    "vmSize": D4,
    "resourceGroup": GROUP,
    "pollInterval": 0.05,
    "pollTimeout": PATIENCE,
}
PHASES: Mapping[str, Phase] = {
    "first place": Phase({"vmCount": 2}, 2),
    "after a move": Phase({"vmCount": 2, "zone": "1,2"}, 2, room=({"size": D4, "zone": "1", "left": 1},)),
    "trimming": Phase(
        {"vmCount": 2, "minCount": 1, "vmSize": f"{D4},{A4}"},
        1,
        room=({"size": D4, "left": 1}, {"size": A4, "left": 0}),
    ),
    "scale up": Phase({"vmCount": 3}, 3, before=2),
    "scale down": Phase({"vmCount": 2}, 2, before=3),
}


@dataclass
class FleetScene:
    """A fleet, and the foreign resources, by id as Azure showed them first."""

    stage: Scene
    others: dict[str, Any] = field(default_factory=dict)

    @property
    def ops(self) -> VMOps:
        return self.stage.ops

    @property
    def store(self) -> Store:
        return self.stage.store

    def plant(self) -> None:
        """Create foreign disks beside the fleet, and a foreign VM with the name of its fourth member."""
        self.stage.plant(GROUP)
        theirs = VMOps(Settings(state_dir=self.stage.state_dir, owner="somebody", workers=1))
        params: Params = {"vmName": STRANGER, "resourceGroup": GROUP, "pollInterval": 0.05, "pollTimeout": PATIENCE}
        assert theirs.vm_provision(params)[0] is Status.PENDING
        assert theirs.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED
        self.others = self._all()

    def touched(self) -> list[str]:
        """Name foreign resources that have changed."""
        now = self._all()
        return [arm_id for arm_id, was in self.others.items() if now.get(arm_id) != was]

    def ours(self) -> set[str]:
        """Give the ids of all existing resources that are not foreign."""
        return self._all().keys() - self.others.keys()

    def intended(self, params: Params) -> set[str]:
        """Give the ids of all resources that the fleet should have, for its existing members, and its network."""
        spec = VmSpec.from_params(params, self.ops.settings.defaults())
        numbers = {spec.identity.member(arm_id) for arm_id in self.ours() if arm_type(arm_id) == _VM.lower()}
        members = fleet.members(spec, [number for number in numbers if number is not None])
        return {arm_id.lower() for each in members for role, arm_id in each.ids().items() if role != "group"}

    def running(self) -> dict[str, str]:
        """Give Azure's own id of each running VM of ours, by its name."""
        found = [each for each in self.stage.azure.resources() if each["type"] == _VM]
        made = [each for each in found if each["properties"]["provisioningState"] == "Succeeded"]
        ours = [each for each in made if each["id"].lower() not in self.others]
        return {
            each["name"]: each["properties"]["vmId"] for each in ours if self.stage.azure.power(each["id"]) == "running"
        }

    def settle(self) -> None:
        """Wait until no VM has an operation."""

        def look() -> bool | NotYet:
            found = [each for each in self.stage.azure.resources() if each["type"] == _VM]
            states = {each["properties"]["provisioningState"] for each in found}
            return states <= {"Succeeded", "Failed"} or NotYet(0.02)

        assert poll_until(look, timeout=PATIENCE)

    def prepare(self, phase: Phase) -> None:
        """Bring the fleet to the start of a phase, without kills."""
        if phase.before:
            self.make_room(())
            self.end({**COMMON, "vmCount": phase.before})
        else:
            self.remove()
            self.make_room(phase.room)
            keys.ssh_public_key(self.stage.state_dir, self.stage.stack)  # without a key the caller reads the VM first
        self.ops.refusals({}, forget=True)

    def make_room(self, room: tuple[Mapping[str, Any], ...]) -> None:
        """Limit the capacity in these places; others are unlimited."""
        self.stage.azure.put("/_local/capacity", [dict(each) for each in room])

    def remove(self) -> None:
        """Remove the fleet: nothing is left, and foreign resources are unchanged."""
        params: Params = {"vmName": FLEET, "resourceGroup": GROUP, "pollInterval": 0.05, "pollTimeout": PATIENCE}
        if self.ops.vm_deprovision(params)[0] is Status.PENDING:
            assert self.ops.wait_vm_deployment(False, params)[0] is Status.SUCCEEDED, self.ops.last_failure(params)
        assert self.ours() == set(), f"removed, and left: {sorted(self.ours())}"

    def end(self, params: Params) -> dict[str, Any]:
        """Provision, which must succeed, and give the result."""
        given = dict(params)
        begun = self.ops.vm_provision(given)[0]
        status, result = self.ops.wait_vm_deployment(True, given)
        assert begun in (Status.PENDING, Status.SUCCEEDED), self.ops.last_failure(params)
        assert status is Status.SUCCEEDED, self.ops.last_failure(params)
        return result

    def _all(self) -> dict[str, Any]:
        found = self.stage.azure.resources()
        return {
            each["id"].lower(): {name: value for name, value in each.items() if name not in _VOLATILE}
            for each in found
            if "/securityrules/" not in each["id"].lower()
        }


@contextmanager
def fleet_scene() -> Iterator[FleetScene]:
    """Create a scene for a fleet, with foreign resources."""
    with scene(dict(COMMON), PACE, workers=1) as stage:
        there = FleetScene(stage)
        there.plant()
        yield there
