"""Admission: one writer for each VM, decided by locks, records, and whether the recorded worker is alive.

A provision holds the VM's lock from its admission on. A deprovision is admitted even while a provision runs. It holds a
lock of its own, which blocks later admissions. Its worker ends the provision and then takes the VM's lock.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from vmops.core import file_lock
from vmops.core.claim import LOCKED_HERE, VmClaim
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.core.settings import Settings
from vmops.core.state_dir import liveness_lock_path, lock_path
from vmops.core.times import format_utc
from vmops.jobs import fence
from vmops.jobs.death import cause_of_death, interrupted
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store

_LOCK_TIMEOUT = 5.0
"""Seconds to wait for the lock of an operation that is done: its worker is about to exit."""

_WRITERS = (Verb.PROVISION, Verb.POWER)
"""Verbs that hold the VM's lock itself."""


@dataclass(frozen=True)
class Admitted:
    """The operation's liveness lock is held, and its record is written.

    ``before`` is the previous record of the VM.
    """

    lock: int
    before: Operation | None


def admit(
    store: Store, state_dir: Path, operation: Operation, check: Callable[[], object] = lambda: None
) -> Admitted | Operation | None:
    """Write the record of a new operation, and take its lock.

    A record whose worker is dead is closed first. ``check`` is called just before the record is written, with the lock
    held; its exceptions propagate.

    Returns: the admission; the operation in flight that prevents it; or None if the lock is held and no record names
    its holder.
    """
    found = poll_until(lambda: _attempt(store, state_dir, operation, check), timeout=_LOCK_TIMEOUT)
    return cast(Admitted | Operation | None, found)


def mark_if_dead(store: Store, state_dir: Path, operation: Operation) -> Operation:
    """Record an operation as interrupted if it is not done and its worker is dead; give its present record.

    Processes that the worker left running are killed first. A living worker whose lock is free is not dead: the lock
    file was deleted.
    """
    if store.is_shared:
        return store.get(operation.id) or operation  # the hosts' agents requeue the jobs of dead workers
    path = liveness_lock_path(state_dir, operation.stack, operation.verb)
    free = not file_lock.is_locked(path)
    now = store.get(operation.id) or operation
    if now.over or (free and fence.outlives_lock(now, path)):
        return now
    if fence.kill_orphans(now, path):
        free = bool(poll_until(lambda: not file_lock.is_locked(path) or NotYet(0.01), timeout=_LOCK_TIMEOUT))
    if not free:
        return now
    _mark(store, now, cause_of_death(state_dir, now))
    return store.get(operation.id) or now


@contextmanager
def vm_lock(store: Store, settings: Settings, stack: str) -> Iterator[tuple[int, VmClaim]]:
    """Hold the lock and the claim of a VM without operations in flight, for work that is no deployment.

    Raises: OperationFailed (locked), naming who works on the VM.
    """

    def in_the_way() -> OperationFailed:
        return OperationFailed(lock_conflict(store.in_flight(stack, Verb.PROVISION)))

    with file_lock.holding(lock_path(settings.state_dir, stack), _LOCK_TIMEOUT, in_the_way) as held:
        if not store.is_shared:
            yield held, LOCKED_HERE
            return
        from vmops.jobs.cluster.at_rest import claimed_at_rest

        with claimed_at_rest(store, settings, stack) as claim:
            if claim is None:
                raise in_the_way()
            yield held, claim


def mark_interrupted(store: Store, operation: Operation, how: str, origin: State | None = None) -> None:
    """Record that an operation has no worker any more; with an ``origin``, only if that is its present state."""
    _mark(store, operation, interrupted(operation, how), origin)


def lock_conflict(holder: Operation | None) -> Failure:
    """Give the failure that names who works on a VM, on what, and since when."""
    if holder is None:
        return Failure(FailureKind.LOCKED, "another process holds the VM's lock")
    since = format_utc(holder.created)
    worker = f", pid {holder.pid} on {holder.host}" if holder.pid else ""
    return Failure(
        FailureKind.LOCKED, f"{holder.owner} has a {holder.verb} of {holder.vm_name} in flight since {since}{worker}"
    )


def _mark(store: Store, operation: Operation, failure: Failure, origin: State | None = None) -> None:
    store.transition(operation.id, State.FAILED, origin=origin, ended=store.now(), failure=failure)


def _attempt(
    store: Store, state_dir: Path, operation: Operation, check: Callable[[], object]
) -> Admitted | Operation | NotYet:
    stack, verb = operation.stack, operation.verb
    removing = store.in_flight(stack, Verb.DEPROVISION)
    if verb is not Verb.DEPROVISION and file_lock.is_locked(liveness_lock_path(state_dir, stack, Verb.DEPROVISION)):
        return removing or NotYet(0.01)
    held = file_lock.acquire(liveness_lock_path(state_dir, stack, verb))
    other = store.in_flight(stack, verb)
    if held is None:
        other = other or next(filter(None, (store.in_flight(stack, each) for each in _WRITERS)), None)
        fenced = other and fence.kill_orphans(other, liveness_lock_path(state_dir, stack, verb))
        return NotYet(0.01) if fenced or not other else other
    with ExitStack() as unless_admitted:
        unless_admitted.callback(os.close, held)
        for left in filter(None, (removing, other)):
            path = liveness_lock_path(state_dir, stack, left.verb)
            if fence.outlives_lock(left, path):
                return left
            fence.kill_orphans(left, path)
            _mark(store, left, cause_of_death(state_dir, left))
        before = store.latest(stack)
        check()
        if store.insert(operation):
            unless_admitted.pop_all()
            return Admitted(held, before)
    return NotYet(0.01)
