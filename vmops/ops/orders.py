"""What a deployment that is asked for tells its worker, and whether one that is in flight serves as well."""

from collections.abc import Callable, Sequence

from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.core.settings import Settings
from vmops.jobs import admission
from vmops.jobs.holds import Terms
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.order import JobRequest
from vmops.jobs.store import Store
from vmops.ops import unchanged
from vmops.spec.target import Target

_CUT_OFF = frozenset({FailureKind.INTERRUPTED, FailureKind.TIMEOUT, FailureKind.BUG, FailureKind.LOCKED})
"""After these a write may still be on its way."""


def order(
    settings: Settings,
    target: Target,
    verb: Verb,
    terms: Terms,
    changed: Sequence[str] | None,
    before: Operation | None,
) -> JobRequest:
    """Give the order for what comes after ``before``, the newest operation of earlier."""
    doubtful = _in_doubt(before, verb)
    how = (settings.backend(), settings.engine, settings.engine_silence, doubtful, terms.take_over, changed)
    return JobRequest(target.to_wire(), *how)


def queued(
    settings: Settings,
    store: Store,
    asked: Operation,
    terms: Terms,
    check: Callable[[], object],
    order: Callable[[Operation | None], JobRequest],
) -> Operation:
    """Record a deployment for any host to carry out, or join the one in flight if it is for the same thing."""
    from vmops.jobs.cluster.admission import admit

    recorded, other = admit(settings, store, asked, check, order)
    return recorded or joined(store, other, asked, terms)


def joined(store: Store, other: Operation | None, new: Operation, terms: Terms) -> Operation:
    """Give the operation in flight if it is for the same thing. Raises: OperationFailed (locked) if it is not."""
    joins = other and terms.check_join(store, other)
    if other and joins and unchanged.serves(other, new):
        return other
    raise OperationFailed(admission.lock_conflict(other))


def _in_doubt(before: Operation | None, verb: Verb) -> bool:
    """Tell whether the engine's state may lack what exists, or what is to be removed may still be on its way."""
    if verb is Verb.PROVISION:
        return before is None or before.state is not State.SUCCEEDED
    if before is None:
        return False
    return before.failure.kind in _CUT_OFF if before.failure else not before.over
