"""The queue of workers without a fork server: order, and poll intervals."""

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
    """Queued operations, the oldest first, each with the lock of its worker; there is one slot."""

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


def test_the_first_living_operation_starts(queue: Queue) -> None:
    """Dead and cancelled ones are skipped."""
    queue.die("exp0")
    assert queue.store.transition("exp1", State.FAILED)
    assert isinstance(queue.turn("exp3"), NotYet)
    assert queue.turn("exp2") is True


def test_a_cancelled_operation_is_let_through(queue: Queue) -> None:
    """It needs no slot, and is refused afterwards."""
    assert queue.turn("exp0") is True
    assert queue.store.transition("exp5", State.FAILED)
    assert queue.turn("exp5") is True


def test_poll_interval_grows_with_queue_position(queue: Queue) -> None:
    """Otherwise a hundred queued operations would load the machine with polls; the interval stays limited."""
    assert queue.turn("exp0") is True
    assert queue.turn("exp1") == NotYet(0.2)
    assert queue.turn("exp4") == NotYet(0.5)
    assert queue.turn("exp39") == NotYet(1.0)


def test_a_callers_poll_interval_grows_while_queued(queue: Queue) -> None:
    """An operation that is about to start is polled at once, and the interval stays limited."""
    deployments = Deployments(Settings(state_dir=queue.state_dir), queue.store, lambda _: pytest.fail("ARM was asked"))
    seen = deployments.poll(queue.operations["exp3"])
    assert isinstance(seen, NotYet)
    assert [seen.interval(checks) for checks in (1, 2, 100)] == [0.05, pytest.approx(0.075), 0.5]
