"""The claims of one worker: to its operation, and to the VM, once an earlier provision of it has ended."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from vmops.core.polling import NotYet, poll_until
from vmops.core.processes import send, session
from vmops.core.settings import Settings
from vmops.jobs.admission import mark_interrupted
from vmops.jobs.cluster import claims
from vmops.jobs.cluster.claims import HeldClaim
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store


@contextmanager
def claimed(store: Store, settings: Settings, operation: Operation) -> Iterator[HeldClaim | None]:
    """Claim an operation for this worker; None if another works on it, or on what it would write.

    A worker that loses its claim kills itself and its engine at once; one that is asked to end gets the signal for
    that.
    """
    patience = 0.0 if operation.verb is Verb.DEPROVISION else 2 * settings.claim_seconds
    with _held(store, settings, claims.liveness(operation), operation, patience) as claim:
        yield claim


@contextmanager
def claimed_to_remove(
    store: Store, settings: Settings, operation: Operation, seconds: float
) -> Iterator[HeldClaim | None]:
    """Claim a VM for its removal, within ``seconds``; a provision in flight is ended first."""
    if not poll_until(partial(ended, store, operation.stack, Verb.PROVISION), timeout=seconds):
        yield None
        return
    with _held(store, settings, operation.stack, operation, seconds) as claim:
        yield claim


def ended(store: Store, stack: str, verb: Verb) -> bool | NotYet:
    """End the operation of this kind that is in flight; True once there is none.

    A queued operation leaves the queue, a running one is asked to end, and one without a worker is marked interrupted.
    """
    operation = store.in_flight(stack, verb)
    if operation is None:
        return True
    if operation.state is State.PENDING:
        mark_interrupted(store, operation, "was cancelled before its turn", State.PENDING)
        return NotYet(0.01)
    claims.ask_to_end(store.shared(), operation.id)
    if not claims.is_worked_on(store.shared(), operation.id):
        mark_interrupted(store, operation, "died before it was over, and was cancelled", State.RUNNING)
    return NotYet(0.05, max_interval=0.5)


@contextmanager
def _held(
    store: Store, settings: Settings, name: str, operation: Operation, patience: float
) -> Iterator[HeldClaim | None]:
    with claims.held(
        store.shared(), settings, name, operation.id, patience=patience, lost=_die, told_to_end=_end
    ) as claim:
        yield claim


def _die() -> None:
    """Kill this process and all that it has started: another works in its place."""
    for each in session(os.getpid()):
        send(each, signal.SIGKILL)
    os._exit(1)


def _end() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
