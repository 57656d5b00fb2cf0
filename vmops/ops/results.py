"""How what happened becomes an answer: a status, a result, and for whoever waits a handle."""

from collections.abc import Callable, MutableMapping
from typing import Any, TypeAlias, cast

from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core.errors import (
    CloudError,
    EngineMissing,
    OperationFailed,
    RecordsAway,
    RecordsUnusable,
    StartFailed,
    VmopsError,
)
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.core.state_dir import MAKE_ROOM
from vmops.jobs.store import Store
from vmops.protocol import HANDLE, Answer, Params, Status
from vmops.spec.target import Target, WaitOptions

Seen: TypeAlias = dict[str, Any] | Failure | CloudError
"""What a poll finds once it is over: an account of the operation, or why it failed."""


def pending(params: Params, handle: str) -> Answer:
    """Say that something was begun, and set its handle; params that cannot be written are left alone."""
    if isinstance(params, MutableMapping):
        params[HANDLE] = handle
    return Status.PENDING, {}


def clear_handle(params: Params) -> None:
    """Remove the handle of what was begun before."""
    if isinstance(params, MutableMapping):
        params.pop(HANDLE, None)


REFUSALS = (OperationFailed, CloudError, EngineMissing, StartFailed, RecordsUnusable, RecordsAway, OSError)
"""What a verb or a wait meets of the state of the world: it is FAILED then, and raises nothing."""


def failed(store: Store, target: WaitOptions, why: Failure | VmopsError | OSError) -> Answer:
    """Record and log why something failed: FAILED. ``why`` is a failure, or one of `REFUSALS`."""
    from vmops.core.log import get_logger

    failure = why if isinstance(why, Failure) else classify(why)
    name = target.vm_name if isinstance(target, Target) else ""
    if isinstance(target, Target):
        store.note_failure(target.stack, failure)
    get_logger().warning("failed", vm=name, reason=str(failure))
    return Status.FAILED, {}


def waited(store: Store, target: WaitOptions, poll: Callable[[], Seen | NotYet]) -> Answer:
    """Poll until it is over, or until ``pollTimeout`` has passed: TIMED_OUT then, or PENDING if that is 0.

    What was refused until then is noted as the last failure.
    """
    look = _Patient(poll, target.poll_interval)
    try:
        found = poll_until(look, timeout=target.poll_timeout)
    except REFUSALS as error:
        return failed(store, target, error)
    seen = cast(Seen | None, found)
    if seen is None:
        if look.refusal and isinstance(target, Target) and target.poll_timeout:
            store.note_failure(target.stack, failure_from_cloud_error(look.refusal))
        return (Status.PENDING if target.poll_timeout == 0 else Status.TIMED_OUT), {}
    return (Status.SUCCEEDED, seen) if isinstance(seen, dict) else failed(store, target, seen)


def classify(error: VmopsError | OSError) -> Failure:
    """Give the failure that one of `REFUSALS` is."""
    match error:
        case OperationFailed():
            return error.failure
        case CloudError():
            return failure_from_cloud_error(error)
        case StartFailed():
            return Failure(FailureKind.ENGINE, str(error), step=error.step)
        case RecordsAway():
            return Failure(FailureKind.ENGINE, str(error), step="see that PostgreSQL can be reached, then call again")
        case RecordsUnusable() | OSError():
            return unrecordable(error)
    return Failure(
        FailureKind.ENGINE, str(error), step="install the engine with `vmops engine install`, then call again"
    )


def unrecordable(error: RecordsUnusable | OSError) -> Failure:
    """Say that the state directory cannot be worked with."""
    return Failure(FailureKind.ENGINE, str(error), step=MAKE_ROOM)


class _Patient:
    """Polls again when ARM says if it refuses because it is asked too often: nothing has been seen to fail.

    ``refusal`` is that of the last look, None if that was answered.
    """

    def __init__(self, poll: Callable[[], Seen | NotYet], interval: float) -> None:
        self.refusal: CloudError | None = None
        self._poll, self._interval = poll, interval

    def __call__(self) -> Seen | NotYet:
        """Poll once. Raises: as the poll, but for what passes."""
        try:
            self.refusal, seen = None, self._poll()
        except CloudError as error:
            if failure_from_cloud_error(error).kind is not FailureKind.THROTTLED:
                raise
            self.refusal = error
            return NotYet(error.retry_after or self._interval)
        return seen
