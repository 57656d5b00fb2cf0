"""The execution of one operation as its order says, under its claim and the VM's lock."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmops.core.claim import LOCKED_HERE, VmClaim
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.file_lock import acquire
from vmops.core.polling import NotYet, poll_until
from vmops.core.settings import Settings
from vmops.core.state_dir import lock_path
from vmops.jobs.admission import lock_conflict
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.order import JobRequest
from vmops.jobs.stack_records import StackRecords
from vmops.jobs.store import Store

if TYPE_CHECKING:
    from vmops.deploy.context import DeployContext
    from vmops.jobs.holds import Terms
    from vmops.spec.target import Target

_LOCK_TIMEOUT = 60.0
"""Seconds to wait for a lock whose holder is about to release it."""

_POLL_INTERVAL = 0.05
"""Seconds between two attempts to take a lock that another process holds."""


def execute(
    store: Store, settings: Settings, operation: Operation, claim: VmClaim, lock: int, wire: bytes
) -> dict[str, Any]:
    """Execute an operation as its order says, and give its outputs.

    Raises: OperationFailed, and what else a worker records as a failure.
    """
    from vmops.deploy.context import open_for_change
    from vmops.engine.deadline import enforce_deadline
    from vmops.jobs.holds import terms_of
    from vmops.spec.target import Target
    from vmops.spec.vm_spec import VmSpec

    order = _order(wire)
    callers = {"owner": operation.owner, "backend_url": order.backend, "engine": order.engine}
    settings = settings.model_copy(update=callers)
    provides, removes = operation.verb is Verb.PROVISION, operation.verb is Verb.DEPROVISION
    target = VmSpec.from_wire(order.params) if provides else Target.from_wire(order.params)
    terms = terms_of(operation, take_over=order.take_over)
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
        return _steps(site, store, operation, order, target, terms)


def _order(wire: bytes) -> JobRequest:
    try:
        return JobRequest.from_wire(wire)
    except ValueError:
        message = "the caller died before it had sent the whole job"
        raise OperationFailed(Failure(FailureKind.INTERRUPTED, message)) from None


def _steps(
    site: "DeployContext", store: Store, operation: Operation, order: JobRequest, target: "Target", terms: "Terms"
) -> dict[str, Any]:
    """Call the steps for the operation's verb."""
    from vmops.azure.power import Action
    from vmops.deploy import removal, steps
    from vmops.deploy.circumstances import Circumstances
    from vmops.deploy.fleet import power
    from vmops.deploy.holding import Marking
    from vmops.jobs.ledger import PlaceLedger
    from vmops.spec.vm_spec import VmSpec

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
