"""Fixtures for all tests: the real engine, and a state directory with a local Azure that ends with the test."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.azure import all_of, killed
from tests.postgres import Postgres, running
from vmops.core.errors import EngineMissing
from vmops.core.polling import NotYet, poll_until
from vmops.engine.install import locate
from vmops.local import daemon

for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(number) is signal.SIG_IGN:  # as in a script's background job, or under nohup
        signal.signal(number, handler)

hypothesis.settings.register_profile(  # no test asserts durations, and every run uses the same examples
    "vmops", deadline=None, derandomize=True, database=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("vmops")

NO_GUESTS = {"VMOPS_LOCAL_GUESTS": "none"}
"""VMs have no guests, except in tests of guests."""
os.environ |= NO_GUESTS


@pytest.fixture(scope="session")
def engine() -> Path:
    """Give the engine that ``make test`` has installed; with REQUIRE_ENGINE its absence is a failure."""
    try:
        return locate.path()
    except EngineMissing as missing:
        (pytest.fail if os.environ.get("REQUIRE_ENGINE") else pytest.skip)(str(missing))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """Give a running PostgreSQL."""
    with running() as server:
        yield server


@pytest.fixture
def state_name() -> str:
    """Give the name of the state directory; modules that test paths override it."""
    return "state"


@pytest.fixture
def state_dir(tmp_path: Path, state_name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a new state directory, set in the environment; all of its processes are ended afterwards."""
    directory = tmp_path / state_name
    directory.mkdir(mode=0o700)
    monkeypatch.setenv("VMOPS_STATE_DIR", str(directory))
    for name in [name for name in os.environ if name.startswith("VMOPS_") and name != "VMOPS_STATE_DIR"]:
        monkeypatch.delenv(name)
    for name, value in NO_GUESTS.items():
        monkeypatch.setenv(name, value)
    yield directory
    # first the processes that would start the local Azure again
    poll_until(lambda: NotYet(0.01) if killed(all_of(directory)) else True, timeout=60)
    daemon.stop(directory)
