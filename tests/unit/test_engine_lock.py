"""An engine's lock is broken only when whoever took it is provably dead."""

import os
import socket
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.engine.backend.lock_holder import refuse_living_holder

NOBODY = 2**22 + 1
"""No process has this number. Source: proc(5), pid_max is at most 2^22."""


def refused_by(pid: int, host: str = "", since: datetime | None = None) -> str:
    """Give the engine's words for a lock that is held."""
    taken = (since or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
    holder = f"me@{host or socket.gethostname()} (pid {pid})"
    return f"error: the stack is currently locked by 1 lock(s)\n  a.json: created by {holder} at {taken}"


def test_a_zombie_holds_nothing() -> None:
    """A process that has ended and that nobody has asked for yet is as dead as one that is gone."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    zombie = psutil.Process(dead.pid)
    assert poll_until(lambda: zombie.status() == psutil.STATUS_ZOMBIE or NotYet(0.01), timeout=30)
    refuse_living_holder(refused_by(dead.pid))
    dead.wait()
    refuse_living_holder(refused_by(dead.pid))


def test_a_younger_process_of_the_same_number_is_another() -> None:
    """Numbers are used again: a process that began after the lock was taken did not take it."""
    before = datetime.fromtimestamp(psutil.Process().create_time(), UTC) - timedelta(minutes=1)
    refuse_living_holder(refused_by(os.getpid(), since=before))


@pytest.mark.parametrize(("pid", "host"), [(os.getpid(), ""), (NOBODY, "another-host")], ids=["here", "elsewhere"])
def test_the_lock_of_the_living_stays(pid: int, host: str) -> None:
    """Of a process that lives, and of any on another host, the lock is not broken, and the holder is named."""
    with pytest.raises(OperationFailed, match=rf"locked by me on \S+ \(pid {pid}\) since ") as refusal:
        refuse_living_holder(refused_by(pid, host))
    assert refusal.value.failure.kind is FailureKind.LOCKED


def test_a_lock_that_nobody_can_read_stays() -> None:
    """What the engine says in other words than those that are known is no proof of anybody's death."""
    with pytest.raises(OperationFailed, match="locked by another engine"):
        refuse_living_holder("error: the stack is locked")
