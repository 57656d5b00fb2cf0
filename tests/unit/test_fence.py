"""After the death of a worker, all processes that hold the VM's lock are killed, and no others."""

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
from vmops.core import file_lock, host
from vmops.core.polling import NotYet, poll_until
from vmops.core.processes import process_start_time, start_ticks
from vmops.jobs.fence import find_worker, kill_orphans
from vmops.jobs.operation import Operation, State, Verb

ENGINE = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
print("ready", flush=True)
signal.sigwait({signal.SIGTERM})
open(sys.argv[1], "x").close()
"""
LEADER = """
import fcntl, subprocess
os.setsid()
held = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
fcntl.flock(held, fcntl.LOCK_EX)
holds = (held,) if sys.argv[2] == "True" else ()
engine = subprocess.Popen([sys.executable, "-c", *sys.argv[3:]], pass_fds=holds, stdout=subprocess.PIPE)
engine.stdout.readline()
pause()
"""


class Worker:
    """A process that leads a session with another process in it; both hold the lock, or only the first."""

    def __init__(self, path: Path, *, both: bool) -> None:
        self.path, self._answer = path, path.with_name("answer")
        self._process: Popen[str] = start(LEADER, path, both, ENGINE, self._answer)
        (self.engine,) = psutil.Process(self._process.pid).children()
        self.operation = Operation(
            *("id", Verb.PROVISION, "exp1-0", "local", "0", "group", "exp1", "ada"),
            state=State.RUNNING,
            host="lab7",
            host_id=host.identity(),
            pid=self._process.pid,
            start_ticks=start_ticks(self._process.pid) or 0,
            started=time.time(),
        )
        self.of_before = dataclasses.replace(
            self.operation, host=socket.gethostname(), host_id="", start_ticks=0, started=1.0
        )

    def die(self, *, unasked: bool = False) -> None:
        """Kill it; with ``unasked``, without reaping it, so that the dead keep their numbers."""
        if not unasked:
            return kill(self._process)
        self._process.kill()
        zombie = psutil.Process(self._process.pid)
        assert poll_until(lambda: zombie.status() == psutil.STATUS_ZOMBIE or NotYet(0.01), timeout=240)
        return None

    def engine_answers(self) -> bool:
        """Tell whether the engine answers SIGTERM; it does unless it was killed."""
        with suppress(psutil.NoSuchProcess):
            self.engine.terminate()
        assert poll_until(lambda: process_start_time(self.engine.pid) is None or NotYet(0.01), timeout=240)
        return self._answer.exists()

    def end(self) -> None:
        self.die()
        with suppress(psutil.NoSuchProcess):
            self.engine.kill()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[[bool], Worker]]:
    """Give a function that starts a worker; all of it ends with the test."""
    workers: list[Worker] = []

    def begin(both: bool) -> Worker:
        workers.append(Worker(tmp_path / "lock", both=both))
        return workers[-1]

    yield begin
    for each in workers:
        each.end()


@pytest.mark.parametrize("recorded", [lambda left: left.operation, lambda left: left.of_before], ids=["", "of before"])
@pytest.mark.parametrize("unasked", [False, True])
def test_the_orphans_of_a_dead_worker_are_killed(
    started: Callable[[bool], Worker],
    caplog: pytest.LogCaptureFixture,
    unasked: bool,
    recorded: Callable[[Worker], Operation],
) -> None:
    """Its engine is killed without a signal before, and the log names the operation."""
    left = started(True)
    left.die(unasked=unasked)
    assert file_lock.is_locked(left.path)
    assert kill_orphans(recorded(left), left.path) == [left.engine.pid]
    assert caplog.messages == [f"fenced operation='id' killed=[{left.engine.pid}]"]
    assert not left.engine_answers()
    assert not file_lock.is_locked(left.path)


def test_a_living_worker_keeps_its_engine(started: Callable[[bool], Worker]) -> None:
    """Also if the clock was set meanwhile."""
    busy = started(True)
    assert kill_orphans(busy.operation, busy.path) == []
    assert kill_orphans(busy.of_before, busy.path) == []
    assert busy.engine_answers()


@pytest.mark.parametrize("change", [{"host_id": "another"}, {"state": State.FAILED}, {"state": State.PENDING}])
def test_a_record_without_a_process_of_this_host_kills_nothing(
    started: Callable[[bool], Worker], change: dict[str, str]
) -> None:
    """It is of another host with the same name, has ended, or has no process number."""
    left = started(True)
    left.die()
    assert kill_orphans(dataclasses.replace(left.operation, **change), left.path) == []  # type: ignore[arg-type]
    assert kill_orphans(dataclasses.replace(left.of_before, host="another"), left.path) == []
    assert left.engine_answers()


def test_a_session_without_the_lock_is_not_killed(started: Callable[[bool], Worker]) -> None:
    """After a boot its number may belong to another session."""
    left = started(False)
    left.die()
    assert kill_orphans(left.operation, left.path) == []
    assert left.engine_answers()


def test_holders_of_a_deleted_lock_file_are_killed(started: Callable[[bool], Worker]) -> None:
    """The new lock file does not show them."""
    left = started(True)
    left.path.unlink()
    left.die()
    assert kill_orphans(left.operation, left.path) == [left.engine.pid]
    assert not left.engine_answers()


def test_a_worker_is_identified_by_its_start_time(started: Callable[[bool], Worker], tmp_path: Path) -> None:
    """Independently of the clock and of the lock file; a reused number is another process."""
    busy = started(True)
    unseen = tmp_path / "another-lock"
    found = find_worker(dataclasses.replace(busy.operation, started=1.0), unseen)
    assert found is not None
    assert found.pid == busy.operation.pid
    younger = dataclasses.replace(busy.operation, start_ticks=busy.operation.start_ticks - 1)
    assert find_worker(younger, busy.path) is None


def test_a_worker_without_a_recorded_start_is_identified_by_its_lock(
    started: Callable[[bool], Worker], tmp_path: Path
) -> None:
    """A process that only has its number is never signalled."""
    busy = started(True)
    found = find_worker(busy.of_before, busy.path)
    assert found is not None
    assert found.pid == busy.operation.pid
    assert find_worker(busy.of_before, tmp_path / "another-lock") is None
    assert find_worker(dataclasses.replace(busy.of_before, started=time.time()), tmp_path / "another-lock") is None


def test_a_worker_of_another_host_is_not_found(started: Callable[[bool], Worker]) -> None:
    """Even with the same host name and process number."""
    busy = started(True)
    assert (
        find_worker(dataclasses.replace(busy.operation, host_id="another", host=socket.gethostname()), busy.path)
        is None
    )
    assert find_worker(dataclasses.replace(busy.of_before, host="another"), busy.path) is None


def test_a_queued_operation_has_no_worker(started: Callable[[bool], Worker]) -> None:
    """A record that is queued says nothing of a process."""
    queued = dataclasses.replace(started(True).of_before, pid=0, host="", state=State.PENDING)
    assert find_worker(queued, Path("lock")) is None
