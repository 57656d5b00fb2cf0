"""The lock of a VM: who holds it, and that it dies with the last of them."""

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
    """Another process that holds the lock."""
    process = start(HOLDER + "pause()", path)
    yield process
    kill(process)


@pytest.fixture
def heir(path: Path) -> Iterator[tuple["Popen[str]", psutil.Process]]:
    """A process that holds the lock, and a child that has inherited it, as a worker and its engine do."""
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
    """Count the descriptors that this process has of a file."""
    return [each.path for each in psutil.Process().open_files()].count(str(path))


def test_a_lock_that_was_never_taken_is_free(path: Path) -> None:
    """Looking makes nothing."""
    assert not file_lock.is_locked(path)
    assert not path.exists()


def test_one_holds_it_until_it_is_given_back(path: Path) -> None:
    """In one process too: two threads with the same VM are two callers."""
    mine = file_lock.acquire(path)
    assert mine is not None
    assert file_lock.is_locked(path)
    assert file_lock.acquire(path) is None
    os.close(mine)
    assert not file_lock.is_locked(path)


def test_looking_at_it_takes_nothing(path: Path) -> None:
    """A waiter asks every few milliseconds, and must never keep out a worker or leave a descriptor behind."""
    mine = file_lock.acquire(path)
    assert mine is not None
    assert all(file_lock.is_locked(path) for _ in range(50))
    assert all(file_lock.acquire(path) is None for _ in range(50))
    assert opened(path) == 1
    os.close(mine)
    assert not any(file_lock.is_locked(path) for _ in range(50))
    assert opened(path) == 0


def test_the_lock_file_is_for_its_owner_only(path: Path) -> None:
    """Whoever can open it can hold a VM for ever."""
    mine = file_lock.acquire(path)
    assert mine is not None
    os.close(mine)
    assert stat.filemode(path.stat().st_mode) == "-rw-------"


def test_it_is_not_inherited_unless_handed_on(path: Path) -> None:
    """A child that a caller starts for itself must not keep a VM locked."""
    mine = file_lock.acquire(path)
    assert mine is not None
    bystander = start("pause()")
    os.close(mine)
    assert not file_lock.is_locked(path)
    kill(bystander)


def test_another_process_is_seen_to_hold_it(path: Path, holder: "Popen[str]") -> None:
    """The one who asks, and the one who wants it, both learn at once."""
    assert file_lock.is_locked(path)
    assert file_lock.acquire(path) is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_is_free_when_its_holder_is_dead(path: Path, holder: "Popen[str]", number: signal.Signals) -> None:
    """The kernel gives it back: no time-out, no stale file, nothing to clean up."""
    holder.send_signal(number)
    holder.wait()
    assert not file_lock.is_locked(path)


def test_it_is_held_until_the_last_who_inherited_it_is_dead(
    path: Path, heir: "tuple[Popen[str], psutil.Process]"
) -> None:
    """A worker that dies leaves its engine: the VM stays locked until that one is gone too."""
    worker, engine = heir
    worker.kill()
    worker.wait()
    assert file_lock.is_locked(path)
    assert file_lock.acquire(path) is None
    engine.kill()
    assert file_lock.acquire(path, timeout=60) is not None


def test_it_can_be_waited_for(path: Path, holder: "Popen[str]") -> None:
    """Whoever waits gets it when it comes free, not at the end of the timeout."""
    waiter = start(
        "from vmops.core import file_lock\npause()\nprint(file_lock.acquire(Path(sys.argv[1]), timeout=600))", path
    )
    go_on(waiter)
    kill(holder)
    assert int(ended(waiter)) > 2


def test_waiting_for_it_ends(path: Path, holder: "Popen[str]") -> None:
    """A lock that stays held is an answer, not an error; nothing of the attempt stays behind."""
    assert file_lock.acquire(path, timeout=0.05) is None
    assert opened(path) == 0


def test_of_processes_that_want_it_at_once_one_gets_it(path: Path) -> None:
    """Nobody else may even begin."""
    code = "from vmops.core import file_lock\npause()\n"
    code += "held = file_lock.acquire(Path(sys.argv[1]))\nprint(held is not None)\npause()"
    racers = [start(code, path) for _ in range(6)]
    for racer in racers:
        go_on(racer)
    assert sorted(line_of(racer) for racer in racers) == ["False"] * 5 + ["True"]
    for racer in racers:
        kill(racer)


def test_a_look_keeps_nobody_out(path: Path) -> None:
    """Whoever wants a free lock gets it at the first attempt, however many waiters look at it meanwhile."""
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
