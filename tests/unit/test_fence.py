"""Of what a dead worker left, all is ended that holds the VM's lock; nothing else is, whatever its number."""

import dataclasses
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import Popen

import psutil
import pytest

from tests.unit.processes import kill, start
from vmops.core import file_lock
from vmops.jobs.fence import fence, worker
from vmops.jobs.operation import Operation, State, Verb

LEADER = """
import fcntl, subprocess
os.setsid()
held = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(held, fcntl.LOCK_EX)
holds = (held,) if sys.argv[2] == "True" else ()
subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], pass_fds=holds, stdout=subprocess.DEVNULL)
pause()
"""


class Worker:
    """A process that leads a session, with another in it; both hold the lock, or the first one does."""

    def __init__(self, path: Path, *, both: bool) -> None:
        self.path = path
        self._process: Popen[str] = start(LEADER, path, both)
        (self.engine,) = psutil.Process(self._process.pid).children()
        self.operation = Operation(
            *("id", Verb.PROVISION, "exp1-0", "local", "0", "group", "exp1", "ada"),
            state=State.RUNNING,
            host=socket.gethostname(),
            pid=self._process.pid,
            started=time.time(),
        )

    def die(self) -> None:
        kill(self._process)

    def end(self) -> None:
        self.die()
        with suppress(psutil.NoSuchProcess):
            self.engine.kill()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[bool], Worker]]:
    """Give what starts a worker; all of it ends with the test."""
    workers: list[Worker] = []

    def begin(both: bool) -> Worker:
        workers.append(Worker(tmp_path / "lock", both=both))
        return workers[-1]

    yield begin
    for each in workers:
        each.end()


def test_what_a_dead_worker_left_is_killed_and_the_lock_is_free(started: Callable[[bool], Worker]) -> None:
    """Its engine may hang: it is not asked."""
    left = started(True)
    left.die()
    assert file_lock.held(left.path)
    assert fence(left.operation, left.path) == [left.engine.pid]
    assert left.engine.wait(timeout=30) is None or not left.engine.is_running()
    assert not file_lock.held(left.path)


def test_a_living_worker_keeps_its_engine(started: Callable[[bool], Worker]) -> None:
    """Also one that looks younger than its record, because a clock was set: it has the lock open."""
    busy = started(True)
    assert fence(busy.operation, busy.path) == []
    assert fence(dataclasses.replace(busy.operation, started=1.0), busy.path) == []
    assert busy.engine.is_running()


@pytest.mark.parametrize("change", [{"host": "another-host"}, {"state": State.FAILED}, {"state": State.PENDING}])
def test_nothing_is_killed_by_a_record_that_says_nothing_of_this_host(
    started: Callable[[bool], Worker], change: dict[str, str]
) -> None:
    """Of another host, already over, or without a number."""
    left = started(True)
    left.die()
    assert fence(dataclasses.replace(left.operation, **change), left.path) == []  # type: ignore[arg-type]
    assert left.engine.is_running()


def test_a_session_that_does_not_hold_the_lock_is_another(started: Callable[[bool], Worker]) -> None:
    """After a boot the same number may lead a session of somebody else's."""
    left = started(False)
    left.die()
    assert fence(left.operation, left.path) == []
    assert left.engine.is_running()


def test_a_younger_process_of_a_workers_number_is_no_worker(started: Callable[[bool], Worker], tmp_path: Path) -> None:
    """It is never signalled in the worker's place."""
    other = started(True)
    older = dataclasses.replace(other.operation, started=1.0)
    assert worker(older, tmp_path / "another-lock") is None
    assert worker(other.operation, other.path) is not None
