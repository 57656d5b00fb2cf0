"""How what happened becomes an answer: a status, a result, and for whoever waits a handle."""

from collections.abc import Callable, MutableMapping
from typing import Any, TypeAlias, TypeVar, cast

from vmops.azure.error_codes import of_cloud
from vmops.core.errors import CloudError, EngineMissing, Failed, VmopsError
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import Later, wait
from vmops.jobs.store import Store
from vmops.protocol import HANDLE, Answer, Params, Status
from vmops.spec.target import Patience, Target

T = TypeVar("T")

Seen: TypeAlias = dict[str, Any] | Failure | CloudError
"""What a poll finds once it is over: an account of the operation, or why it failed."""


def pending(params: Params, handle: str) -> Answer:
    """Say that something was begun, and set its handle; params that cannot be written are left alone."""
    if isinstance(params, MutableMapping):
        params[HANDLE] = handle
    return Status.PENDING, {}


def drop_handle(params: Params) -> None:
    """Remove the handle of what was begun before."""
    if isinstance(params, MutableMapping):
        params.pop(HANDLE, None)


REFUSALS = (Failed, CloudError, EngineMissing)
"""What a verb or a wait meets of the state of the world: it is FAILED then, and raises nothing."""


def failed(store: Store, target: Patience, why: Failure | VmopsError) -> Answer:
    """Record and log why something failed: FAILED. ``why`` is a failure, or one of `REFUSALS`."""
    from vmops.core.log import get_logger

    failure = why if isinstance(why, Failure) else _classified(why)
    name = target.vm_name if isinstance(target, Target) else ""
    if isinstance(target, Target):
        store.note_failure(target.stack, failure)
    get_logger().warning("failed", vm=name, reason=str(failure))
    return Status.FAILED, {}


def waited(store: Store, target: Patience, poll: Callable[[], Seen | Later]) -> Answer:
    """Poll until it is over, or until ``pollTimeout`` has passed: TIMED_OUT then, or PENDING if that is 0."""
    try:
        found = wait(lambda: _unless_throttled(poll, target.poll_interval), timeout=target.poll_timeout)
    except REFUSALS as error:
        return failed(store, target, error)
    seen = cast(Seen | None, found)
    if seen is None:
        return (Status.PENDING if target.poll_timeout == 0 else Status.TIMED_OUT), {}
    return (Status.SUCCEEDED, seen) if isinstance(seen, dict) else failed(store, target, seen)


def _classified(error: VmopsError) -> Failure:
    match error:
        case Failed():
            return error.failure
        case CloudError():
            return of_cloud(error)
    return Failure(
        FailureKind.ENGINE, str(error), step="install the engine with `vmops engine install`, then call again"
    )


def _unless_throttled(poll: Callable[[], T], interval: float) -> T | Later:
    """Poll, or poll again when ARM says if it refuses because it is asked too often: nothing has been seen to fail."""
    try:
        return poll()
    except CloudError as error:
        if of_cloud(error).kind is not FailureKind.THROTTLED:
            raise
        return Later(error.retry_after or interval)
