"""Kills while a VM moves between places: the same call converges, a VM that ran stays, and nothing is left."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.freeze import frozen
from tests.chaos.kill_targets import kill_targets, strike
from tests.chaos.killing import PATIENCE, rest
from tests.chaos.moments import Moment
from tests.chaos.scene import Scene, scene
from tests.chaos.script import Kill
from vmops import Status
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.deploy.placed import Placed
from vmops.protocol import Params

pytestmark = pytest.mark.timeout(1200)  # a dozen deployments in one life

D4, A4 = "Standard_D4s_v5", "Standard_D4as_v5"
WISH: Params = {
    "vmName": "exp1",
    "vmSize": D4,
    "resourceGroup": "shared",
    "pollInterval": 0.05,
    "pollTimeout": PATIENCE,
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, engine: Path) -> Iterator[None]:
    """Use this test's directory."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path)
    yield
    tempfile.tempdir = before


def room(stage: Scene, *full: dict[str, Any]) -> None:
    stage.azure.put("/_local/capacity", [{"size": D4, "left": 0, **each} for each in full])


def cut(stage: Scene, target: str, call: str, *, done: bool) -> None:
    """Provision, and kill when a call is sent, or after it was carried out (``done``) and before its answer."""
    method, _, path = call.partition(" ")
    meant = {"method": method, "path": f"*/{path}", "nth": 1, "effect": {"do": "delay", "answer": done}}
    kill = Kill(target, Moment("carried-out" if done else "sent"))
    stage.params.pop("asyncResultsUrl", None)
    with frozen(stage) as held:
        held.keep(meant)
        assert stage.ops.vm_provision(stage.params)[0] is Status.PENDING
        begun = stage.store.latest(stage.stack)
        assert begun

        def come() -> bool:
            return bool(stage.kept())

        def look() -> bool | NotYet:
            now = stage.store.get(begun.id)
            over = now is None or now.over
            if come():
                return strike(stage, kill, kill_targets(stage, kill, None), come)
            return False if over else NotYet(0.005)

        assert poll_until(look, timeout=PATIENCE), f"{call} did not come: {stage.ops.last_failure(stage.params)}"
    rest(stage)


def ended(stage: Scene, *, is_setup: bool = True) -> Status:
    stage.params.pop("asyncResultsUrl", None)
    begin = stage.ops.vm_provision if is_setup else stage.ops.vm_deprovision
    begun = begin(stage.params)[0]
    return stage.ops.wait_vm_deployment(is_setup, stage.params)[0] if begun is Status.PENDING else begun


def intended(stage: Scene) -> set[str]:
    """Give the ids of all resources that the VM should have where it was tried last, without the external group."""
    latest = stage.store.latest(stage.stack)
    assert latest
    spec = Placed.from_dict(latest.places["exp1"]).of(stage.spec)
    return {each.lower() for role, each in spec.ids().items() if role != "group"}


MOVED = (
    ("both", "PUT networkInterfaces/exp1-nic", False),
    ("both", "PUT virtualMachines/exp1", True),
    ("worker", "PUT virtualNetworks/exp1-vnet-eastus", False),
    ("engine", "PUT subnets/exp1-subnet-eastus", True),
    ("both", "PUT networkInterfaces/exp1-nic-eastus", True),
)


def test_a_moving_vm_converges_after_a_kill(engine: Path) -> None:
    """Before and after the move; once it has run, it stays the same VM."""
    with scene({**WISH, "location": "westus2,eastus"}, 0.005, workers=1) as stage:
        stage.plant("shared")
        room(stage, {"location": "westus2"})
        for target, call, done in MOVED:
            cut(stage, target, call, done=done)
        cut(stage, "both", "PUT virtualMachines/exp1", done=True)
        stage.come_to_rest(PATIENCE)
        ran = stage.vm()["properties"]["vmId"]
        cut(stage, "both", "DELETE networkInterfaces/exp1-nic", done=False)
        assert ended(stage) is Status.SUCCEEDED, stage.ops.last_failure(stage.params)
        assert (stage.vm()["properties"]["vmId"], stage.vm()["location"]) == (ran, "eastus")
        assert stage.ours() == intended(stage)
        assert stage.touched() == []
        assert ended(stage, is_setup=False) is Status.SUCCEEDED
        assert (stage.ours(), stage.touched(), stage.debris()) == (set(), [], [])


def test_a_shrinking_fleet_converges_after_a_kill(engine: Path) -> None:
    """No place has capacity: a kill while everything is removed leaves nothing."""
    with scene({**WISH, "vmSize": f"{D4},{A4}"}, 0.005, workers=1) as stage:
        stage.plant("shared")
        room(stage, {}, {"size": A4})
        cut(stage, "both", "DELETE networkInterfaces/exp1-nic", done=False)
        cut(stage, "worker", "DELETE publicIPAddresses/exp1-ip", done=True)
        assert ended(stage) is Status.FAILED
        failure = stage.ops.last_failure(stage.params)
        assert failure
        assert failure.kind is FailureKind.CAPACITY
        assert (stage.ours(), stage.touched(), stage.debris()) == (set(), [], [])
