"""Whatever is killed in the middle, the same call converges, and a deprovision then leaves nothing.

Here, each boundary once; `make torture` draws many more lives, and moments in between.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.azure import Azure
from tests.torture.life import Figures, play
from tests.torture.moments import Moment
from tests.torture.script import Kill, Script, Step
from vmops import Status, VMOps

SHARED = {"vmName": "exp1", "resourceGroup": "shared"}
SECRETIVE = {
    "vmName": "exp1",
    "authenticationType": "password",
    "adminPasswordOrKey": "Secret-5ecret-x",
    "customData": "#!/bin/sh",
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, engine: Path) -> Iterator[None]:
    """Let the lives be lived in this test's directory."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path)
    yield
    tempfile.tempdir = before


def met(verb: str, *kills: tuple[str, str, int]) -> Step:
    """Give a step from what is killed in it, at which moment, the how-manieth."""
    return Step(verb, tuple(Kill(victim, Moment(name, number)) for victim, name, number in kills))


LIVES = {
    "a worker, by its record": Script(
        (
            met("provision", ("worker", "running", 1), ("worker", "sent", 4)),
            met("deprovision", ("worker", "running", 1), ("worker", "sent", 2)),
        )
    ),
    "an engine, by its lock": Script(
        (
            met("provision", ("engine", "engine-locked", 1), ("engine", "checkpoint", 6)),
            met("deprovision", ("engine", "engine-locked", 1), ("engine", "engine-unlocked", 1)),
        ),
        SECRETIVE,
    ),
    "both, at the checkpoints": Script(
        (
            met("provision", ("both", "checkpoint", 3), ("both", "checkpoint", 12)),
            met("deprovision", ("both", "checkpoint", 2), ("both", "removed", 1)),
        ),
        preview=True,
    ),
    "both, with answers lost": Script(
        (met("provision", ("both", "lost", 1), ("both", "lost", 7)), met("deprovision", ("both", "lost", 1))), SHARED
    ),
    "both, at the polls": Script(
        (met("provision", ("both", "poll", 2), ("both", "answered", 7)), met("deprovision", ("both", "poll", 1))),
        pace=0.015,
        late=True,
    ),
    "a state that was lost with them": Script(
        (met("provision", ("state", "checkpoint", 10)), met("deprovision", ("state", "checkpoint", 3))), SECRETIVE
    ),
    "a caller": Script(
        (
            met("provision", ("caller", "pending", 1), ("caller", "locked", 1)),
            met("stop", ("caller", "sent", 1)),
            met("start", ("caller", "answered", 1)),
            met("restart", ("caller", "lost", 1)),
            met("deprovision", ("caller", "pending", 1), ("caller", "after", 20)),
        )
    ),
    "the local Azure": Script(
        (
            met("provision", ("azure", "sent", 6)),
            met("stop", ("azure", "sent", 1)),
            met("start", ("azure", "answered", 1)),
            met("restart", ("azure", "poll", 1)),
            met("deprovision", ("azure", "sent", 2)),
        ),
        SHARED,
        pace=0.015,
    ),
}


@pytest.mark.parametrize("name", LIVES)
def test_the_same_call_converges_and_nothing_is_left(name: str) -> None:
    """No orphan, no second VM, no lock, process or temporary file; what is another's is as it was."""
    figures, said = Figures(), list[str]()
    play(LIVES[name], figures, said.append)
    assert figures.counts["kills"] > 0, said


def test_a_callers_death_changes_nothing(azure: Azure, ops: VMOps, state_dir: Path) -> None:
    """The worker outlives its caller."""
    program = "import vmops, os, signal; vmops.VMOps().vm_provision({'vmName': 'exp1'}); os.kill(os.getpid(), 9)"
    died = subprocess.run([sys.executable, "-c", program], check=False, timeout=60)
    assert died.returncode == -9
    assert ops.wait_vm_deployment(True, {"vmName": "exp1"})[0] is Status.SUCCEEDED
