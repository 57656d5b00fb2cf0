"""Kills at any moment: the same call converges, and a deprovision then leaves nothing.

Here each boundary is struck once; `make torture` draws many more lives and moments.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure import Azure
from tests.chaos.life import Figures, play
from tests.chaos.moments import Moment
from tests.chaos.script import Kill, Script, Step
from vmops import Status, VMOps

pytestmark = pytest.mark.timeout(1200)  # some twenty deployments in one life

SHARED = {"vmName": "exp1", "resourceGroup": "shared"}
SECRETIVE = {
    "vmName": "exp1",
    "authenticationType": "password",
    "adminPasswordOrKey": "Secret-5ecret-x",
    "customData": "#!/bin/sh",
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, engine: Path) -> Iterator[None]:
    """Use this test's directory."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path)
    yield
    tempfile.tempdir = before


def met(verb: str, *kills: str) -> Step:
    """Give a step, with its kills as TARGET MOMENT NUMBER."""
    return Step(verb, tuple(Kill(target, Moment(name, int(number))) for target, name, number in map(str.split, kills)))


# Each moment occurs whatever progress the engine has made before. Calls that are delayed when the engine is killed are
# carried out then (a network, a security group and an address), so that only the interface and the VM surely remain.
LIVES = {
    "a worker, by its record": Script(
        (
            met(
                "provision", "worker running 1", "worker engine-locked 1", "worker engine-unlocked 1", "worker ended 1"
            ),
            met("deprovision", "worker running 1", "worker engine-locked 1", "worker removed 1", "worker ended 1"),
        )
    ),
    "a worker, by its calls": Script(
        (
            met("provision", "worker sent 4", "worker carried-out 1", "worker poll 1"),
            met("deprovision", "worker sent 2", "worker carried-out 1", "worker lost 1", "worker poll 1"),
        ),
        SECRETIVE,
    ),
    "a worker, between its calls": Script(
        (
            met("provision", "worker checkpoint 3", "worker lost 2"),
            met("deprovision", "worker checkpoint 2", "worker engine-unlocked 1", "worker removing 1"),
        ),
        late=True,
    ),
    "an engine": Script(
        (
            met("provision", "engine engine-locked 1", "engine sent 2", "engine carried-out 1", "engine lost 1"),
            met("deprovision", "engine engine-locked 1"),
            met("provision", "engine checkpoint 2", "engine poll 1"),
            met("deprovision", "engine carried-out 1"),
            met("provision"),
            met("deprovision", "engine checkpoint 2"),
        ),
        SECRETIVE,
    ),
    "both, at writes": Script(
        (
            met("provision", "both engine-locked 1", "both poll 1", "both sent 1", "both carried-out 2"),
            met("deprovision", "both engine-locked 1", "both sent 1", "both carried-out 1", "both checkpoint 1"),
        ),
        SHARED,
    ),
    "both, with answers lost": Script(
        (met("provision", "both checkpoint 3", "both lost 3"), met("deprovision", "both lost 2", "both poll 1")),
        SHARED,
        preview=True,
    ),
    "both, in a network of another's": Script(
        (
            met("provision", "both sent 3", "both checkpoint 1"),
            met("deprovision", "both carried-out 1"),
            met("provision", "both carried-out 2"),
            met("deprovision", "worker running 1"),
        ),
        {**SHARED, "virtualNetworkName": "net"},
    ),
    "a state that was lost with them": Script(
        (
            met("provision", "state sent 2", "state checkpoint 1", "state carried-out 1"),
            met("deprovision", "state poll 1", "state running 1"),
        ),
        SECRETIVE,
    ),
    "a caller, and what starts workers": Script(
        (
            met("provision", "caller admitted 1", "forkserver recorded 1", "caller recorded 1"),
            met("deprovision", "caller admitted 1", "forkserver recorded 1", "caller recorded 1"),
            met("provision", "caller sent 3"),
            met("deprovision", "caller lost 1"),
        )
    ),
    "the local Azure, while a VM is made and removed": Script(
        (
            met("provision", "azure sent 6"),
            met("deprovision", "azure sent 2"),
            met("provision", "azure carried-out 6"),
            met("deprovision", "azure poll 1"),
            met("provision", "azure recorded 1"),
            met("deprovision", "azure checkpoint 2"),
        ),
        SHARED,
    ),
    "a caller, or the local Azure, while a VM is switched": Script(
        (
            met("provision"),
            met("stop", "caller sent 1", "caller carried-out 1", "azure lost 1", "azure poll 1"),
            met("start", "caller lost 1", "caller poll 1", "azure sent 1"),
            met("restart", "caller carried-out 1", "azure carried-out 1", "azure poll 1"),
            met("deprovision"),
        ),
        pace=0.015,
    ),
}


@pytest.mark.parametrize("name", LIVES)
def test_a_repeated_call_converges_after_a_kill(name: str) -> None:
    """Each kill strikes. There is no orphan, second VM, lock, process or file, and foreign resources are unchanged."""
    figures, said = Figures(), list[str]()
    play(LIVES[name], figures, said.append)
    planned = [f"{step.verb}: {kill}" for step in LIVES[name].steps for kill in step.kills]
    assert [each.rpartition("-")[0] for each in said] == [each.rpartition("-")[0] for each in planned]
    assert not [each for each in said if "missed" in each]
    assert figures.counts["kills"] == len(planned)


def test_a_killed_caller_does_not_stop_its_deployment(azure: Azure, ops: VMOps, state_dir: Path) -> None:
    """The worker survives its caller."""
    program = "import vmops, os, signal; vmops.VMOps().vm_provision({'vmName': 'exp1'}); os.kill(os.getpid(), 9)"
    died = subprocess.run([sys.executable, "-c", program], check=False, timeout=120)
    assert died.returncode == -9
    assert ops.wait_vm_deployment(True, {"vmName": "exp1"})[0] is Status.SUCCEEDED
