"""The contract of starting a worker: the worker is the same, whichever way starts it.

A new way is added to `WAYS` and must pass all tests of this module. The fork server's own tests are in
`tests/functional/test_forkserver.py`. No engine is needed: a removal that waits for the VM's lock has read its job.
"""

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

import vmops
from tests.azure import all_of, files_with, killed
from vmops.core import file_lock, host, interpreter
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.core.processes import start_ticks
from vmops.core.settings import Settings
from vmops.core.state_dir import liveness_lock_path, lock_path
from vmops.jobs import admission, start
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.order import JobRequest
from vmops.jobs.store import Store
from vmops.spec.target import Target

ROOT = Path(__file__).parents[2]
SECRET = "Correct-Horse-42"
TARGET = Target.from_params({"vmName": "exp1"})
DIES = """
import os, signal, sys
from pathlib import Path
from tests.contract.test_launch import Launch, WAYS
Launch(WAYS[sys.argv[1]](Path(sys.argv[2]))).begin()
os.kill(os.getpid(), signal.SIGKILL)
"""
LEAVES = """
import socket, sys
from pathlib import Path
from vmops.core import file_lock
from vmops.core.state_dir import gate_path
from vmops.jobs.fork_server import ForkServer
state_dir = Path(sys.argv[1])
door, gate = state_dir / "door", gate_path(state_dir)
gate.parent.mkdir(exist_ok=True)
listener, caller = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
listener.bind(str(door))
listener.listen()
caller.connect(str(door))
caller.close()
server = ForkServer(state_dir, door, listener, 0.0)
print(server._over(), file_lock.is_locked(gate), server._over(), file_lock.is_locked(gate))
"""


def by_a_fork_server(state_dir: Path) -> Settings:
    return Settings(state_dir=state_dir, owner="ada")


def alone(state_dir: Path) -> Settings:
    return Settings(state_dir=state_dir, owner="ada", worker_idle=0)


def where_no_fork_server_can_be(state_dir: Path) -> Settings:
    """Request a fork server whose socket cannot be created."""
    (state_dir / "forkserver").touch()
    return Settings(state_dir=state_dir, owner="ada")


WAYS: dict[str, Callable[[Path], Settings]] = {
    way.__name__: way for way in (by_a_fork_server, alone, where_no_fork_server_can_be)
}


@dataclass
class Launch:
    """A state directory with recorded operations and their workers."""

    settings: Settings
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.settings.state_dir)

    @property
    def lock(self) -> Path:
        """Give the liveness lock of a removal's worker."""
        return liveness_lock_path(self.settings.state_dir, TARGET.stack, Verb.DEPROVISION)

    def begin(self, verb: Verb = Verb.DEPROVISION, *, over: bool = False, **params: Any) -> Operation:
        """Start the worker of a new operation, or of one that is already done, and close its lock."""
        names = (TARGET.stack, "local", TARGET.subscription, TARGET.resource_group, TARGET.vm_name, "ada")
        operation = Operation(f"a-{verb}", verb, *names)
        held = file_lock.acquire(liveness_lock_path(self.settings.state_dir, TARGET.stack, verb))
        assert held is not None
        assert self.store.insert(operation)
        if over:
            assert self.store.transition(
                operation.id, State.FAILED, failure=Failure(FailureKind.INTERRUPTED, "was cancelled")
            )
        start.start_worker(
            self.settings, operation, JobRequest({**TARGET.to_wire(), **params}, "", None, 60.0, False), held
        )
        os.close(held)
        return operation

    def worker(self) -> psutil.Process:
        """Wait until the worker of a removal has started, and give it."""
        begun = poll_until(lambda: self._at(State.RUNNING) or NotYet(0.02), timeout=240)
        assert begun, self.store.latest(TARGET.stack)
        return psutil.Process(begun.pid)

    def ended(self) -> Operation:
        """Wait until the newest operation is done, and give it."""
        ended = poll_until(lambda: self._at(State.FAILED) or NotYet(0.02), timeout=240)
        assert ended, self.store.latest(TARGET.stack)
        return ended

    def free(self) -> bool:
        """Wait until the lock of the removal's worker is free."""
        return poll_until(lambda: NotYet(0.02) if file_lock.is_locked(self.lock) else True, timeout=240) is True

    def died(self) -> Failure:
        """Start a worker that cannot run, wait until its lock is free, and give the recorded reason."""
        begun = self.begin()
        assert self.free()
        failure = admission.mark_if_dead(self.store, self.settings.state_dir, begun).failure
        assert failure is not None
        assert (failure.kind, failure.retryable) == (FailureKind.ENGINE, False), failure
        return failure

    def _at(self, state: State) -> Operation | None:
        found = self.store.latest(TARGET.stack)
        return found if found and found.state is state else None


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def stage(way: str, state_dir: Path) -> Launch:
    return Launch(WAYS[way](state_dir))


@pytest.fixture
def vm_lock(state_dir: Path) -> Iterator[None]:
    """Hold the VM's lock, so that a removal waits after it has read its job, until its worker has ended."""
    held = file_lock.acquire(lock_path(state_dir, TARGET.stack))
    assert held is not None
    yield
    poll_until(lambda: NotYet(0.01) if killed(all_of(state_dir)) else True, timeout=60)
    os.close(held)


def test_the_worker_holds_the_lock_without_a_gap_until_its_end(stage: Launch, vm_lock: None) -> None:
    """A lock that is free for a moment lets another operation start; one that stays locked prevents all later ones."""
    stage.begin()
    assert file_lock.is_locked(stage.lock)
    worker = stage.worker()
    assert file_lock.is_locked(stage.lock)
    worker.kill()
    assert stage.free()


def test_a_killed_worker_suggests_that_memory_was_too_small(stage: Launch, vm_lock: None) -> None:
    """In a container nothing else reports it; all other ends of a started worker are in its record."""
    begun = stage.begin()
    stage.worker().kill()
    assert stage.free()
    failure = admission.mark_if_dead(stage.store, stage.settings.state_dir, begun).failure
    assert failure
    assert (failure.kind, failure.retryable) == (FailureKind.INTERRUPTED, True)
    assert failure.message.endswith(" died before it was done (killed; out of memory?)")


def test_a_job_arrives_completely(stage: Launch) -> None:
    """It is longer than the buffer of any pipe, and its last parameter is invalid, as its first one is."""
    stage.begin(Verb.PROVISION, vmSize=7, customData="x" * 300_000, zone=7)
    failure = stage.ended().failure
    assert failure is not None
    assert failure.kind is FailureKind.INVALID
    assert [each.partition(":")[0] for each in failure.message.split("; ")] == ["vmSize", "customData", "zone"]


def test_a_secret_is_in_no_argument_environment_or_file(
    stage: Launch, vm_lock: None, state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the job's nor one of the caller's environment, because other users can read all three."""
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", SECRET)
    stage.begin(adminPasswordOrKey=SECRET)
    worker = stage.worker()
    processes = [process for _, process in all_of(state_dir)]
    assert worker in processes
    assert [each for each in processes if SECRET in " ".join([*each.cmdline(), *each.environ().values()])] == []
    assert files_with(TARGET.stack, state_dir) != []
    assert files_with(SECRET, state_dir) == []


def test_it_leads_a_session_of_its_own(stage: Launch, vm_lock: None) -> None:
    """The session identifies its orphans, and a closing terminal does not signal it."""
    stage.begin()
    worker = stage.worker()
    assert os.getsid(worker.pid) == worker.pid


def test_its_record_says_where_it_runs(stage: Launch, vm_lock: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record identifies this process on this host, and shows the host's configured name."""
    monkeypatch.setenv("VMOPS_HOST", "lab7")
    operation = stage.begin()
    worker = stage.worker()
    recorded = stage.store.get(operation.id)
    assert recorded is not None
    assert (recorded.host, recorded.host_id) == ("lab7", host.identity())
    assert recorded.start_ticks == start_ticks(worker.pid)


def test_its_caller_may_die(way: str, state_dir: Path, vm_lock: None) -> None:
    """A started worker does not need its caller, which may be killed on the next line."""
    caller = subprocess.run([sys.executable, "-c", DIES, way, state_dir], cwd=ROOT, check=False, timeout=240)
    assert caller.returncode == -signal.SIGKILL
    stage = Launch(by_a_fork_server(state_dir))
    stage.worker()
    assert file_lock.is_locked(stage.lock)


def test_it_runs_the_code_of_its_caller(way: str, state_dir: Path, vm_lock: None, tmp_path: Path) -> None:
    """Wherever the caller found it: here its interpreter has no vmops, and finds it by ``PYTHONPATH``."""
    place = tmp_path / "target"
    shutil.copytree(ROOT / "vmops", place / "vmops")
    (place / "tests").symlink_to(ROOT / "tests")
    told = os.pathsep.join([str(place), sysconfig.get_path("purelib")])
    environment = {**os.environ, "PYTHONPATH": told}
    caller = [str(Path(sys.executable).resolve()), "-c", DIES, way, str(state_dir)]
    assert subprocess.run(caller, cwd=tmp_path, env=environment, check=False, timeout=240).returncode == -signal.SIGKILL
    Launch(by_a_fork_server(state_dir)).worker()


def test_a_worker_with_another_vmops_exits(stage: Launch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A Python with another version of vmops, or one in another place, fails with that reason."""
    monkeypatch.setattr(interpreter, "PACKAGE", tmp_path / "vmops")
    failure = stage.died()
    assert failure.message.startswith(
        f"the worker of this deprovision could not start: {sys.executable} runs vmops {vmops.__version__} of "
        f"{ROOT}/vmops, but its caller runs vmops {vmops.__version__} {tmp_path}/vmops"
    )


def test_a_worker_that_dies_before_it_starts_has_its_output_as_reason(
    stage: Launch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same call is not suggested, because it would fail again."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho 'libpython3.11.so.1.0: cannot open shared object file' >&2\nexit 127\n")
    python.chmod(0o755)
    monkeypatch.setenv("VMOPS_PYTHON", str(python))
    failure = stage.died()
    assert failure.message == (
        "the worker of this deprovision could not start: libpython3.11.so.1.0: cannot open shared object file"
    )
    assert ".out'" in failure.next_step


def test_the_systems_loader_finds_what_its_caller_finds(
    stage: Launch, vm_lock: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without that an interpreter whose shared library is elsewhere does not start."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(tmp_path))
    stage.begin()
    assert stage.worker().environ()["LD_LIBRARY_PATH"] == str(tmp_path)


@pytest.mark.skipif(not Path("/proc").exists(), reason="no /proc shows what another process ignores here")
def test_signals_mean_what_they_mean_to_a_new_program(way: str, state_dir: Path, vm_lock: None, tmp_path: Path) -> None:
    """Signals that its caller has blocked or ignored reach it: `deployTimeout` and a cancel are signals."""
    deaf = "import signal; signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())\n"
    deaf += "for number in (2, 1, 14, 15, 17): signal.signal(number, signal.SIG_IGN)\n"
    caller = subprocess.run([sys.executable, "-c", deaf + DIES, way, state_dir], cwd=ROOT, check=False, timeout=240)
    assert caller.returncode == -signal.SIGKILL
    worker = Launch(by_a_fork_server(state_dir)).worker()
    told = dict(line.split(":\t") for line in Path(f"/proc/{worker.pid}/status").read_text().splitlines())
    assert int(told["SigBlk"], 16) == 0
    assert [number.name for number in signal.Signals if int(told["SigIgn"], 16) >> (number - 1) & 1] == [
        "SIGPIPE",
        "SIGXFSZ",
    ]


def test_an_operation_that_was_cancelled_in_the_queue_does_not_run(stage: Launch) -> None:
    """A cancelled operation in the queue has no worker yet; the worker that starts later exits at once."""
    operation = stage.begin(over=True)
    before = stage.store.get(operation.id)
    assert stage.free()
    assert stage.store.get(operation.id) == before


def test_there_is_a_fork_server_where_it_is_wanted_and_can_be(
    stage: Launch, way: str, vm_lock: None, state_dir: Path
) -> None:
    """If no fork server can be started, the worker is started without one, and that is no failure."""
    stage.begin()
    stage.worker()
    kinds = sorted(kind for kind, _ in all_of(state_dir))
    assert kinds == ["forkserver", "worker"] if way == "by_a_fork_server" else kinds == ["worker"]


def test_a_fork_server_that_meets_a_caller_as_it_leaves_stays(state_dir: Path) -> None:
    """It holds the gate no longer than it takes to see that, or later callers would find it closed."""
    told = subprocess.check_output([sys.executable, "-c", LEAVES, state_dir], cwd=ROOT, text=True, timeout=240)
    assert told == "False False True False\n"
