"""Many processes on a few VMs: conflicting calls are refused, answers are about the right VM, and nothing is left."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.crowd import at_once, fight, params_of
from tests.chaos.scene import Scene, scene

pytestmark = pytest.mark.timeout(1200)  # until each process has called each verb


@pytest.fixture
def stage(tmp_path: Path, engine: Path) -> Iterator[Scene]:
    """Give a scene in this test's directory, with other owners' resources in it."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path)
    with scene(params_of("exp0"), 0.005) as stage:
        stage.plant("theirs")
        yield stage
    tempfile.tempdir = before


def test_competing_processes_leave_nothing(stage: Scene) -> None:
    """Every call is answered, a refusal names the other operation, and no answer is about another VM."""
    counts = fight(stage, processes=4, names=["exp0", "exp1"], seconds=10, seed=1)
    assert counts["provision PENDING"] + counts["provision SUCCEEDED"] > 0
    assert {each.rpartition(" ")[0] for each in counts} > {"provision", "deprovision", "stop", "cancel"}


def test_one_process_makes_several_vms_at_once(stage: Scene) -> None:
    """Each VM has its own address and its own outcome."""
    at_once(stage, 4)
