"""Random sequences of verbs with faults, changes by others and kills, on a simulated engine.

Here some hundred steps and a few families; `make schedules` runs ten thousand, and every family.
"""

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.__main__ import run
from tests.simulation.disk import READ_ONLY
from tests.simulation.estate import PATIENT, estate
from tests.simulation.families import FAMILIES, difference
from tests.simulation.world import PlannedKill
from vmops import Status

_FEW = (
    "provision: allocation-failed",
    "provision: created-then-504, always",
    "provision: authorization-failed, always",
    "provision: deleted-behind-our-back",
    "start: zonal-allocation-failed",
    "deprovision: throttled",
)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[None]:
    """Use this test's directory for temporary files."""
    before, tempfile.tempdir = tempfile.tempdir, str(tmp_path)
    yield
    tempfile.tempdir = before


@pytest.mark.parametrize("seed", [1001, 1002])
def test_any_sequence_of_calls_matches_the_model(seed: int) -> None:
    """Foreign resources are unchanged, and nothing exists twice or is left.

    Every failure has a kind and a next step.
    """
    run(seed, lives=2)


@pytest.mark.parametrize("number", range(1, 7))
def test_a_provision_recreates_what_a_killed_removal_was_deleting(number: int) -> None:
    """ARM continues the deletions: a resource that the refresh sees may be gone a moment later."""
    with estate([{"vmName": "exp1"}], 1.0, Counter()) as whole:
        (vm,) = whole.vms
        whole.converge(vm, "provision")
        whole.world.planned = PlannedKill("worker", "answered", number)
        assert whole.begin(vm, "deprovision")[0] is Status.PENDING
        assert whole.wait(vm, False, PATIENT) is Status.FAILED
        assert whole.begin(vm, "provision")[0] is Status.PENDING
        assert whole.wait(vm, True, PATIENT) is Status.SUCCEEDED, whole.ops.last_failure(vm.params)


def test_deletions_after_the_engine_follow_azures_pause() -> None:
    """At Azure's pace the deletion of a VM takes a minute, and a request each second would exhaust the rate limit."""
    with estate([{"vmName": "exp1"}], 1.0, Counter()) as whole:
        (vm,) = whole.vms
        whole.converge(vm, "provision")
        whole.fault(vm, "authorization-failed", {"nth": 1})
        assert whole.begin(vm, "deprovision")[0] is Status.PENDING
        assert whole.wait(vm, False, PATIENT) is Status.SUCCEEDED
        answers = [each["status"] for each in vm.scene.azure.journal()]
    assert answers.count(403) == 1
    assert answers.count(429) == 0


def test_an_unrecordable_cancel_fails() -> None:
    """The disk becomes read-only while the records are open; no exception is raised."""
    with estate([{"vmName": "exp1"}], 1.0, Counter()) as whole:
        (vm,) = whole.vms
        assert whole.begin(vm, "provision")[0] is Status.PENDING
        whole.fill(READ_ONLY)
        assert whole.ops.cancel(vm.params) == (Status.FAILED, {})
        whole.converge(vm, "provision")


@pytest.mark.parametrize("name", _FEW)
def test_the_simulated_engine_reports_as_the_real_one(engine: Path, place: None, name: str) -> None:
    """After each step the answers, the requests to ARM and the resources are equal."""
    assert difference(FAMILIES[name]) == []
