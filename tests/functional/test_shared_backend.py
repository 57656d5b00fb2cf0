"""A backend that several hosts share: it is read in bounded time, whatever it is."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests import postgres
from tests.azure import Azure
from tests.functional.doors import CLI, ended, start
from tests.postgres import Postgres
from vmops import Settings, Status, VMOps
from vmops.core.errors import Failed
from vmops.core.failures import Kind
from vmops.core.polling import Later, wait
from vmops.deploy.context import open_backend
from vmops.protocol import Params

_LONGEST = 120
"""Seconds for what takes one: it hangs if it takes as long, however slow the machine."""

ENDLESS = """#!/bin/sh
[ "$1" = version ] && exec echo v3.258.0
tail -f "$0" > /dev/null &
wait
"""
"""An engine that never answers, and that starts another process, which has one of its pipes too."""


@pytest.fixture
def endless(tmp_path: Path) -> Path:
    """Give such an engine."""
    program = tmp_path / "pulumi"
    program.write_text(ENDLESS)
    program.chmod(0o700)
    return program


def working(program: Path) -> list[str]:
    """Name the processes that an engine consists of."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if str(program) in process.cmdline():
                found.append(f"{process.name()} {process.pid}")
    return found


def over(program: Path) -> bool:
    """Wait until no process is left of an engine that was killed."""
    return bool(wait(lambda: not working(program) or Later(0.01), timeout=_LONGEST))


@pytest.fixture(scope="session")
def server() -> Iterator[Postgres]:
    with postgres.running() as server:
        yield server


@pytest.fixture
def database(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the URL of a database of PostgreSQL that is empty; every process of ours may log in to it."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server.database()


def test_a_sweep_of_many_stacks_in_postgres_ends(
    engine: Path, state_dir: Path, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that lists them over several connections at once waits for itself as soon as there are four."""
    monkeypatch.setenv("VMOPS_BACKEND_URL", database)
    with open_backend(Settings()) as backend:
        backend.stacks()
        for number in range(5):
            backend.command.run(["stack", "init", "--no-select", f"exp{number}-0"], str(backend.directory), {})
    done = subprocess.run([*CLI, "sweep", "--dry-run"], capture_output=True, text=True, timeout=_LONGEST, check=False)
    assert (done.returncode, done.stderr) == (0, "no VM has outlived its time\n")


def test_a_read_of_the_backend_that_never_ends_is_ended(state_dir: Path, endless: Path) -> None:
    """With all that the engine has started, also what keeps its pipes open; and it is said what was read."""
    settings = Settings(state_dir=state_dir, engine=str(endless), engine_silence=1)
    with open_backend(settings) as backend:
        with pytest.raises(Failed, match="`stack ls` did not end within 1 seconds") as ended:
            backend.stacks()
        assert ended.value.failure.kind is Kind.TIMEOUT
        with pytest.raises(Failed, match="`stack export` of exp1-0 did not end"):
            backend.declared("exp1-0")
    assert over(endless)


def test_no_call_waits_for_ever_for_the_backend(azure: Azure, state_dir: Path, endless: Path) -> None:
    """Of whoever asks in a process of his own, each command of the engine ends."""
    ops, params = VMOps(Settings(state_dir=state_dir, engine=str(endless), engine_silence=1)), {"vmName": "exp1"}
    assert ops.wait_vm_deployment(True, params) == (Status.FAILED, {})
    assert told(ops, params) == (Kind.TIMEOUT, "stack export")
    assert ops.recover(params) == (Status.FAILED, {})
    assert told(ops, params) == (Kind.TIMEOUT, "stack export")
    with pytest.raises(Failed, match=r"`stack init exp1-[0-9a-f]{8}` did not end"):
        ops.plan(params)
    assert over(endless)


def told(ops: VMOps, params: Params) -> tuple[Kind, str]:
    """Give the kind of the last failure, and which command of the engine it is about."""
    failure = ops.last_failure(params)
    assert failure
    return failure.kind, failure.message.partition("`")[2].partition("`")[0]


def test_who_breaks_off_a_read_leaves_no_engine(
    state_dir: Path, endless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in a shell reaches the engine by us only: it is in a group of its own."""
    monkeypatch.setenv("VMOPS_ENGINE", str(endless))
    sweep = start([*CLI, "sweep"])
    assert wait(lambda: any("tail" in each for each in working(endless)) or Later(0.01), timeout=_LONGEST)
    sweep.send_signal(signal.SIGINT)
    assert ended(sweep)[0] == 130
    assert over(endless)
