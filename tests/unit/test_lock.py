"""The file lock of a VM: who holds it, and that it is released when the last holder dies."""

import os
import signal
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import Popen

import psutil
import pytest

from tests.unit.processes import ended, go_on, kill, line_of, start
from vmops.core import file_lock

HOLDER = """
from vmops.core import file_lock
held = file_lock.acquire(Path(sys.argv[1]))
assert held is not None
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "locks" / "exp1-0a1b2c3d.lock"


@pytest.fixture
def holder(path: Path) -> Iterator[Popen[str]]:
    """Start another process that holds the lock."""
    process = start(HOLDER + "pause()", path)
    yield process
    kill(process)


@pytest.fixture
def heir(path: Path) -> Iterator[tuple["Popen[str]", psutil.Process]]:
    """Start a process that holds the lock, and a child that has inherited it, like a worker and its engine."""
    code = f"""{HOLDER}
import subprocess
child = subprocess.Popen(["sleep", "600"], pass_fds=(held,))
pause()
print(child.pid, flush=True)
pause()
"""
    process = start(code, path)
    go_on(process)
    child = psutil.Process(int(line_of(process)))
    yield process, child
    kill(process)
    with suppress(psutil.NoSuchProcess):
        child.kill()


def opened(path: Path) -> int:
    """Count this process's descriptors of a file."""
    return [each.path for each in psutil.Process().open_files()].count(str(path))


def test_checking_an_unused_lock_creates_no_file(path: Path) -> None:
    """Looking makes nothing."""
    assert not file_lock.is_locked(path)
    assert not path.exists()


def test_one_holder_at_a_time_within_a_process(path: Path) -> None:
    """Two threads with the same VM are two callers."""
    mine = file_lock.acquire(path)
    assert mine is not None
    assert file_lock.is_locked(path)
    assert file_lock.acquire(path) is None
    os.close(mine)
    assert not file_lock.is_locked(path)


def test_checking_does_not_take_the_lock(path: Path) -> None:
    """It leaves no descriptor either."""
    mine = file_lock.acquire(path)
    assert mine is not None
    assert all(file_lock.is_locked(path) for _ in range(50))
    assert all(file_lock.acquire(path) is None for _ in range(50))
    assert opened(path) == 1
    os.close(mine)
    assert not any(file_lock.is_locked(path) for _ in range(50))
    assert opened(path) == 0


def test_the_lock_file_is_readable_only_by_its_owner(path: Path) -> None:
    """A user who can open it could lock a VM forever."""
    mine = file_lock.acquire(path)
    assert mine is not None
    os.close(mine)
    assert stat.filemode(path.stat().st_mode) == "-rw-------"


def test_a_child_does_not_inherit_the_lock_by_default(path: Path) -> None:
    """A child that a caller starts for itself must not keep a VM locked."""
    mine = file_lock.acquire(path)
    assert mine is not None
    bystander = start("pause()")
    os.close(mine)
    assert not file_lock.is_locked(path)
    kill(bystander)


def test_a_lock_of_another_process_is_seen_and_refused(path: Path, holder: "Popen[str]") -> None:
    """Both a query and an attempt to take it return at once."""
    assert file_lock.is_locked(path)
    assert file_lock.acquire(path) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_lock_is_free_after_its_holders_death(path: Path, holder: "Popen[str]", number: signal.Signals) -> None:
    """The kernel releases it, without a timeout or a stale file."""
    holder.send_signal(number)
    holder.wait()
    assert not file_lock.is_locked(path)


def test_the_lock_is_held_until_the_last_inheritor_dies(path: Path, heir: "tuple[Popen[str], psutil.Process]") -> None:
    """A dead worker's engine keeps the VM locked."""
    worker, engine = heir
    worker.kill()
    worker.wait()
    assert file_lock.is_locked(path)
    assert file_lock.acquire(path) is None
    engine.kill()
    assert file_lock.acquire(path, timeout=60) is not None


def test_acquire_waits_until_the_lock_is_released(path: Path, holder: "Popen[str]") -> None:
    """It returns at the release, not at the timeout."""
    waiter = start(
        "from vmops.core import file_lock\npause()\nprint(file_lock.acquire(Path(sys.argv[1]), timeout=600))", path
    )
    go_on(waiter)
    kill(holder)
    assert int(ended(waiter)) > 2


def test_acquire_gives_up_after_its_timeout(path: Path, holder: "Popen[str]") -> None:
    """It returns None, and leaves no descriptor."""
    assert file_lock.acquire(path, timeout=0.05) is None
    assert opened(path) == 0


def test_one_of_many_racing_processes_gets_the_lock(path: Path) -> None:
    """No other process may start."""
    code = "from vmops.core import file_lock\npause()\n"
    code += "held = file_lock.acquire(Path(sys.argv[1]))\nprint(held is not None)\npause()"
    racers = [start(code, path) for _ in range(6)]
    for racer in racers:
        go_on(racer)
    assert sorted(line_of(racer) for racer in racers) == ["False"] * 5 + ["True"]
    for racer in racers:
        kill(racer)


def test_checks_do_not_delay_acquire(path: Path) -> None:
    """A free lock is taken at the first attempt, however many processes check it."""
    code = """
from vmops.core import file_lock
path = Path(sys.argv[1])
path.parent.mkdir()
path.touch()
pause()
while True:
    file_lock.is_locked(path)
"""
    looker = start(code, path)
    go_on(looker)
    taken = []
    for _ in range(10_000):
        taken.append(file_lock.acquire(path))
        if taken[-1] is not None:
            os.close(taken[-1])
    kill(looker)
    assert taken.count(None) == 0
