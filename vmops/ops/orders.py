"""The job of a deployment's worker, and joining a deployment in flight that has the same goal."""

from collections.abc import Callable, Sequence
from typing import Any

from vmops.core.errors import OperationFailed
from vmops.core.settings import Settings
from vmops.jobs import admission
from vmops.jobs.holds import Terms
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.order import JobRequest
from vmops.jobs.store import Store
from vmops.ops import unchanged
from vmops.ops.record import needs_reconcile
from vmops.spec.target import Target


def order(
    settings: Settings,
    target: Target,
    verb: Verb,
    terms: Terms,
    how: Sequence[Any],
    before: Operation | None,
) -> JobRequest:
    """Give the job of an operation that follows ``before``, the newest earlier one.

    ``how`` are the last fields of a `JobRequest`, from ``changed`` on.
    """
    engine = (settings.backend(), settings.engine, settings.engine_silence)
    return JobRequest(target.to_wire(), *engine, needs_reconcile(before, verb), terms.take_over, *how)


def queued(
    settings: Settings,
    store: Store,
    asked: Operation,
    terms: Terms,
    check: Callable[[], object],
    order: Callable[[Operation | None], JobRequest],
) -> Operation:
    """Record a deployment that any host may run, or join the one in flight if it has the same goal."""
    from vmops.jobs.cluster.admission import admit

    recorded, other = admit(settings, store, asked, check, order)
    return recorded or joined(store, other, asked, terms)


def joined(store: Store, other: Operation | None, new: Operation, terms: Terms) -> Operation:
    """Give the operation in flight if it has the same goal. Raises: OperationFailed (locked) if it does not."""
    joins = other and terms.check_join(store, other)
    if other and joins and unchanged.serves(other, new):
        return other
    raise OperationFailed(admission.lock_conflict(other))
