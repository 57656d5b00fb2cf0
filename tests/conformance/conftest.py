"""A simulated cloud for each test, at Azure's own pace, on a clock that the test moves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.arm import Arm
from vmops.local.arm.state.clock import ManualClock


@pytest.fixture
def arm(tmp_path: Path) -> Iterator[Arm]:
    """Give a client of a fresh cloud."""
    with Arm(tmp_path / "cloud.db", ManualClock()) as client:
        yield client
