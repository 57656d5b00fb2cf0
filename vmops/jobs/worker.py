"""The worker: a process that runs one deployment, outlives its caller, and records how the deployment ended.

It inherits the VM's lock. Its job, which contains secrets, arrives through a pipe or a socket. It leads its own
session, its environment is an allow-list, and its log is one JSON line per event.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core import host, interpreter, signals
from vmops.core.claim import LOCKED_HERE, VmClaim
from vmops.core.errors import CloudError, EngineMissing, OperationFailed, SpecError, StartFailed, StoreError
from vmops.core.failures import Failure, FailureKind
from vmops.core.file_lock import acquire
from vmops.core.holder import HELD
from vmops.core.log import LOGGER, JsonLines, get_logger
from vmops.core.polling import NotYet, poll_until
from vmops.core.processes import start_ticks
from vmops.core.settings import Settings
from vmops.core.state_dir import MAKE_ROOM, lock_path, log_path
from vmops.jobs import slots
from vmops.jobs.admission import lock_conflict
from vmops.jobs.opened import open_store
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.order import JobRequest
from vmops.jobs.stack_records import StackRecords
from vmops.jobs.store import Store

if TYPE_CHECKING:
    from vmops.spec.target import Target

NAME = "vmops-worker"
"""The name of a worker in the system's process list (Linux only)."""

_LOCK_TIMEOUT = 60.0
"""Seconds to wait for a lock whose holder is about to release it."""

_POLL_INTERVAL = 0.05
"""Seconds between two attempts to take a lock that another process holds."""


def main() -> None:
    """Run the operation named on the command line once it gets a slot; its job arrives on standard input."""
    state_dir, operation_id, lock, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    interpreter.refuse_another(sys.argv[5])
    signals.reset()
    os.umask(0o077)
    order = sys.stdin.buffer.read()
    settings = Settings(state_dir=state_dir)
    store = open_store(settings, settings.ride_out)
    operation = store.get(operation_id)
    if operation and poll_until(
        lambda: slots.try_start(store, state_dir, operation, limit), timeout=slots.QUEUE_TIMEOUT
    ):
        run_job(state_dir, operation_id, lock, order)


def run_job(state_dir: Path, operation_id: str, lock: int, order: bytes) -> None:
    """Run a recorded operation whose ``lock`` is held, unless its record is no longer pending."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(NAME)
    settings = Settings(state_dir=state_dir)
    store = open_store(settings, settings.ride_out)
    operation = store.get(operation_id)
    if operation is None or operation.state is not State.PENDING:
        return
    with _claimed(store, settings, operation) as claim:
        begun = {"started": store.now(), "epoch": claim.epoch, **_own_process()} if claim else {}
        if claim and store.transition(operation_id, State.RUNNING, **begun):
            _run_and_record(store, settings, operation, claim, lock, order)


def _run_and_record(
    store: Store, settings: Settings, operation: Operation, claim: VmClaim, lock: int, order: bytes
) -> None:
    """Execute an operation and record its outcome; record nothing if another worker has taken it over meanwhile."""
    with _logging(log_path(settings.state_dir, operation.stack, operation.id)):
        state, changes = _outcome(lambda: _execute(store, settings, operation, claim, lock, order))
        get_logger().info("ended", state=str(state), failure=str(changes.get("failure", "")))
    failure = changes.get("failure")
    if failure:
        if claim.given_up or failure.kind is FailureKind.FENCED:
            return
        store.note_failure(operation.stack, failure)
        if failure.code == HELD:
            store.let_go(operation.stack, operation.hold)
    store.transition(operation.id, state, within=claim.epoch, ended=store.now(), **changes)


@contextmanager
def _claimed(store: Store, settings: Settings, operation: Operation) -> Iterator[VmClaim | None]:
    """Claim an operation for this worker if hosts share the records; otherwise the lock that it holds is enough."""
    if not store.is_shared:
        yield LOCKED_HERE
        return
    from vmops.jobs.cluster.work import claimed

    with claimed(store, settings, operation) as claim:
        yield claim


def _own_process() -> dict[str, Any]:
    """Identify this worker's process, for its record."""
    pid = os.getpid()
    return {"host": host.name(), "host_id": host.identity(), "pid": pid, "start_ticks": start_ticks(pid) or 0}


def _outcome(work: Any) -> tuple[State, dict[str, Any]]:
    """Call ``work``, and give the final state with its outputs or its failure; exceptions become failures."""
    try:
        return State.SUCCEEDED, {"outputs": work()}
    except OperationFailed as error:
        failure = error.failure
    except CloudError as error:
        failure = failure_from_cloud_error(error)
    except EngineMissing as error:
        failure = Failure(FailureKind.ENGINE, str(error))
    except StartFailed as error:
        failure = Failure(FailureKind.ENGINE, str(error), step=error.step)
    except SpecError as error:
        failure = Failure(FailureKind.INVALID, str(error))
    except (StoreError, OSError) as error:
        failure = Failure(FailureKind.ENGINE, f"the state directory cannot be used: {error}", step=MAKE_ROOM)
    except Exception as error:
        get_logger().exception("bug")
        failure = Failure(FailureKind.BUG, f"{type(error).__name__}: {error}")
    return State.FAILED, {"failure": failure}


def _execute(
    store: Store, settings: Settings, operation: Operation, claim: VmClaim, lock: int, wire: bytes
) -> dict[str, Any]:
    from vmops.azure.power import Action
    from vmops.deploy import removal, steps
    from vmops.deploy.circumstances import Circumstances
    from vmops.deploy.context import open_for_change
    from vmops.deploy.fleet import power
    from vmops.deploy.holding import Marking
    from vmops.engine.deadline import enforce_deadline
    from vmops.jobs.holds import terms_of
    from vmops.jobs.ledger import PlaceLedger
    from vmops.spec.target import Target
    from vmops.spec.vm_spec import VmSpec

    try:
        order = JobRequest.from_wire(wire)
    except ValueError:
        raise OperationFailed(
            Failure(FailureKind.INTERRUPTED, "the caller died before it had sent the whole job")
        ) from None
    callers = {"owner": operation.owner, "backend_url": order.backend, "engine": order.engine}
    settings = settings.model_copy(update=callers)
    provides = operation.verb is Verb.PROVISION
    target = VmSpec.from_wire(order.params) if provides else Target.from_wire(order.params)
    terms = terms_of(operation, take_over=order.take_over)
    removes = operation.verb is Verb.DEPROVISION
    if removes:
        terms.check(store, operation.stack, operation.identity.vm_id)
    limits = {"seconds": target.deploy_timeout, "idle_seconds": order.silence}
    records = StackRecords(store, operation.stack)
    locked = _locked_for_removal(store, settings, operation, target, lock) if removes else nullcontext(((lock,), claim))
    with (
        locked as held,
        open_for_change(settings, target, records, held[0], longest=None, claim=held[1]) as site,
        enforce_deadline(site.command, site.stack, **limits),
    ):
        if isinstance(target, VmSpec):
            marking = Marking(terms.mark, partial(terms.permit, store, operation.stack))
            ledger = PlaceLedger(store, operation)
            how = Circumstances(order.doubtful, operation.expires, marking, order.changed, order.replaces, ledger)
            return steps.provision(site, target, how)
        if operation.verb is Verb.POWER:
            return power.switch(site.arm, target, site.claim(target), Action(order.action))
        return removal.deprovision(site, target, interrupted=order.doubtful, held_as=terms.mark)


@contextmanager
def _locked_for_removal(
    store: Store, settings: Settings, operation: Operation, target: "Target", lock: int
) -> Iterator[tuple[tuple[int, ...], VmClaim]]:
    """Take the lock and the claim of a VM for its removal; ``lock`` only shows that the removal is in progress.

    Raises: OperationFailed (locked) if another worker keeps them.
    """
    if not store.is_shared:
        writer = _cancel_provision(store, settings.state_dir, operation.stack, target.deploy_timeout)
        yield (lock, writer), LOCKED_HERE
        return
    from vmops.jobs.cluster.work import claimed_to_remove

    with claimed_to_remove(store, settings, operation, target.deploy_timeout) as claim:
        found = acquire(lock_path(settings.state_dir, operation.stack), _LOCK_TIMEOUT) if claim else None
        if claim is None or found is None:
            raise OperationFailed(lock_conflict(store.in_flight(operation.stack, Verb.PROVISION)))
        yield (lock, found), claim


def _cancel_provision(store: Store, state_dir: Path, stack: str, seconds: float) -> int:
    """End a provision that is in flight, and take the VM's lock from it.

    Raises: OperationFailed (locked) if the lock is not free within ``seconds``.
    """
    from vmops.jobs.cancel import cancel

    def take() -> int | NotYet:
        """End it and try the lock: a provision that was admitted just before may start only now."""
        ended = cancel(store, state_dir, stack, Verb.PROVISION)
        writer = acquire(lock_path(state_dir, stack)) if ended else None
        return NotYet(_POLL_INTERVAL) if writer is None else writer

    writer = poll_until(take, timeout=seconds)
    if writer is None:
        raise OperationFailed(lock_conflict(store.in_flight(stack, Verb.PROVISION)))
    return writer


@contextmanager
def _logging(path: Path) -> Iterator[None]:
    """Write every event of this process to its log, a JSON line each."""
    with path.open("a", buffering=1) as file:
        LOGGER.setLevel(logging.DEBUG)
        LOGGER.propagate = False
        LOGGER.addHandler(JsonLines(file))
        yield


if __name__ == "__main__":
    main()
    os._exit(0)  # an ordinary exit takes half a second, during which the lock would outlive the record
