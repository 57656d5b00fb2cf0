"""Workers that nobody forks wait in turn, and the more of them wait, the less often each of them looks."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vmops.core import file_lock
from vmops.core.polling import NotYet
from vmops.core.settings import Settings
from vmops.core.state_dir import liveness_lock_path
from vmops.jobs import slots
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store
from vmops.ops.deployments import Deployments

NAMES = [f"exp{number}" for number in range(40)]


class Queue:
    """Operations that wait, the oldest first, each with the lock that tells that it lives; there is one slot."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir, self.store = state_dir, Store(state_dir)
        self.operations: dict[str, Operation] = {}
        self.locks: dict[str, int] = {}
        for name in NAMES:
            operation = Operation(name, Verb.PROVISION, name, "local", "0", f"vmops-{name}", name, "ada")
            held = file_lock.acquire(liveness_lock_path(state_dir, name, Verb.PROVISION))
            assert held is not None
            assert self.store.insert(operation)
            self.operations[name], self.locks[name] = operation, held

    def turn(self, name: str) -> bool | NotYet:
        return slots.try_start(self.store, self.state_dir, self.operations[name], 1)

    def die(self, name: str) -> None:
        os.close(self.locks.pop(name))


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[Queue]:
    made = Queue(tmp_path)
    yield made
    for name in list(made.locks):
        made.die(name)


def test_the_first_that_lives_begins(queue: Queue) -> None:
    """Who died or was cancelled stands in nobody's way."""
    queue.die("exp0")
    assert queue.store.transition("exp1", State.FAILED)
    assert isinstance(queue.turn("exp3"), NotYet)
    assert queue.turn("exp2") is True


def test_what_was_cancelled_begins_in_vain(queue: Queue) -> None:
    """It needs no slot for that."""
    assert queue.turn("exp0") is True
    assert queue.store.transition("exp5", State.FAILED)
    assert queue.turn("exp5") is True


def test_who_has_many_before_it_looks_the_less_often(queue: Queue) -> None:
    """Or a hundred that wait would keep the machine busy with looking; but nobody stops looking."""
    assert queue.turn("exp0") is True
    assert queue.turn("exp1") == NotYet(0.2)
    assert queue.turn("exp4") == NotYet(0.5)
    assert queue.turn("exp39") == NotYet(1.0)


def test_a_caller_looks_less_often_at_what_does_not_begin(queue: Queue) -> None:
    """It looks at once for what is about to begin, and never stops looking."""
    deployments = Deployments(Settings(state_dir=queue.state_dir), queue.store, lambda _: pytest.fail("ARM was asked"))
    seen = deployments.poll(queue.operations["exp3"])
    assert isinstance(seen, NotYet)
    assert [seen.after(looks) for looks in (1, 2, 100)] == [0.05, pytest.approx(0.075), 0.5]
