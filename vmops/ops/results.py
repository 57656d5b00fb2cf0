"""Turns an outcome into an answer: a status, a result, and a handle to wait with."""

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
    StoreError,
    VmopsError,
)
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, poll_until
from vmops.core.state_dir import MAKE_ROOM
from vmops.jobs.store import Store
from vmops.protocol import HANDLE, Answer, Params, Status
from vmops.spec.target import Target, WaitOptions

_RETRY_INTERVAL = 1.0
"""Seconds between two attempts to read shared records that cannot be reached."""

Seen: TypeAlias = dict[str, Any] | Failure | CloudError
"""The outcome of a poll: the operation's result, or why it failed."""


def pending(params: Params, handle: str) -> Answer:
    """Answer PENDING, and set the handle; a mapping that cannot be written to is left unchanged."""
    if isinstance(params, MutableMapping):
        params[HANDLE] = handle
    return Status.PENDING, {}


def clear_handle(params: Params) -> None:
    """Remove the handle of an earlier operation."""
    if isinstance(params, MutableMapping):
        params.pop(HANDLE, None)


REFUSALS = (OperationFailed, CloudError, EngineMissing, StartFailed, StoreError, OSError)
"""Exceptions that describe the state of the world: a verb or a wait answers FAILED for them instead of raising."""


def failed(store: Store, target: WaitOptions, why: Failure | VmopsError | OSError) -> Answer:
    """Record and log why something failed, and answer FAILED. ``why`` is a failure, or one of `REFUSALS`."""
    failure = why if isinstance(why, Failure) else classify(why)
    name = target.vm_name if isinstance(target, Target) else ""
    if isinstance(target, Target):
        store.note_failure(target.stack, failure)
    get_logger().warning("failed", vm=name, reason=str(failure))
    return Status.FAILED, {}


def waited(store: Store, target: WaitOptions, poll: Callable[[], Seen | NotYet]) -> Answer:
    """Poll until there is an outcome, or until ``pollTimeout`` has passed: then TIMED_OUT, or PENDING if that is 0.

    If the last poll was refused, the refusal is recorded as the last failure.
    """
    tolerant = _TolerantPoll(poll, target.poll_interval)
    try:
        found = poll_until(tolerant, timeout=target.poll_timeout)
    except REFUSALS as error:
        return failed(store, target, error)
    seen = cast(Seen | None, found)
    if seen is None:
        if tolerant.refusal and isinstance(target, Target) and target.poll_timeout:
            store.note_failure(target.stack, classify(tolerant.refusal))
        return (Status.PENDING if target.poll_timeout == 0 else Status.TIMED_OUT), {}
    return (Status.SUCCEEDED, seen) if isinstance(seen, dict) else failed(store, target, seen)


def classify(error: VmopsError | OSError) -> Failure:
    """Convert one of `REFUSALS` to a failure."""
    match error:
        case OperationFailed():
            return error.failure
        case CloudError():
            return failure_from_cloud_error(error)
        case StartFailed():
            return Failure(FailureKind.ENGINE, str(error), step=error.step)
        case RecordsAway():
            return Failure(FailureKind.ENGINE, error.why, step=error.step)
        case RecordsUnusable() | OSError():
            return unrecordable(error)
        case StoreError():
            return Failure(FailureKind.ENGINE, str(error), step="mend that, then call again")
        case EngineMissing():
            step = "install the engine with `vmops engine install`, then call again"
            return Failure(FailureKind.ENGINE, str(error), step=step)
    return Failure(FailureKind.ENGINE, str(error))


def unrecordable(error: RecordsUnusable | OSError) -> Failure:
    """Describe a state directory that cannot be used."""
    return Failure(FailureKind.ENGINE, str(error), step=MAKE_ROOM)


class _TolerantPoll:
    """A poll that is repeated when ARM throttles, after ARM's delay, and while shared records cannot be reached.

    ``refusal`` is the exception of the last poll; None if it was answered.
    """

    def __init__(self, poll: Callable[[], Seen | NotYet], interval: float) -> None:
        self.refusal: CloudError | RecordsAway | None = None
        self._poll, self._interval = poll, interval

    def __call__(self) -> Seen | NotYet:
        """Poll once. Raises: as the poll, except for throttling."""
        try:
            seen = self._poll()
        except CloudError as error:
            if failure_from_cloud_error(error).kind is not FailureKind.THROTTLED:
                raise
            self.refusal = error
            return NotYet(error.retry_after or self._interval)
        except RecordsAway as error:
            if self.refusal is None:
                get_logger().warning("records_away", cause=str(error))
            self.refusal = error
            return NotYet(_RETRY_INTERVAL)
        self.refusal = None
        return seen
