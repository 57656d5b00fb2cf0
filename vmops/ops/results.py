"""How what happened becomes an answer: a status, a result, and for whoever waits a handle."""

import time
from collections.abc import Callable, MutableMapping
from typing import Any, TypeVar, cast

from vmops.azure.error_codes import of_cloud
from vmops.core.errors import CloudError, Failed
from vmops.core.failures import Failure, Kind
from vmops.core.polling import Later, wait
from vmops.jobs.operation import Operation, Verb, operation_id
from vmops.ops.queries import Questions
from vmops.protocol import HANDLE, Answer, Params, Status
from vmops.spec.target import Patience, Target

T = TypeVar("T")


class Answers(Questions):
    """What all verbs and waits have in common once something was tried."""

    def _begun(self, params: Params, target: Target, begin: Callable[[], Operation | None]) -> Answer:
        """Begin a deployment: PENDING, SUCCEEDED if there was nothing to do, or FAILED."""
        try:
            operation = begin()
        except (Failed, CloudError) as error:
            return self._failed(target, error)
        return pending(params, operation.handle) if operation else (Status.SUCCEEDED, {})

    def _waited(self, target: Patience, look: Callable[[], dict[str, Any] | Failure | CloudError | Later]) -> Answer:
        """Look until it is over, or until ``pollTimeout`` has passed: TIMED_OUT then, or PENDING if that is 0."""
        seen: dict[str, Any] | Failure | Failed | CloudError | None
        try:
            found = wait(lambda: _unless_throttled(look, target.poll_interval), timeout=target.poll_timeout)
            seen = cast(dict[str, Any] | Failure | CloudError | None, found)
        except (Failed, CloudError) as error:
            seen = error
        if seen is None:
            return (Status.PENDING if target.poll_timeout == 0 else Status.TIMED_OUT), {}
        if isinstance(seen, dict):
            return Status.SUCCEEDED, seen
        return self._failed(target, seen)

    def _look(self, target: Patience, verb: Verb | None) -> dict[str, Any] | Failure | CloudError | Later:
        """Look once at what the handle names; at the VM without one, or if it names what is not the ``verb``.

        That a VM was made or stopped does not tell that it is gone.
        """
        from vmops.azure import power

        handle = target.async_results_url or ""
        operation = self._store.get(operation_id(handle) or "")
        if operation and verb in (operation.verb, None):
            return self._deployments.look(operation)
        if (left := self._due.get(handle, 0.0) - time.monotonic()) > 0:
            return Later(left)
        if handle.startswith("http"):
            self._due.pop(handle, None)
            seen = power.look(self._arm(target), handle, target.poll_interval)
            if verb is not Verb.DEPROVISION or isinstance(seen, Later):
                return seen
        if isinstance(target, Target):
            return self._deployments.look_for(target, verb or Verb.PROVISION)
        step = "wait without asyncResultsUrl, or on the host that began it"
        return Failure(Kind.NOT_FOUND, f"no record of {handle} is on this host", step=step)

    def _failed(self, target: Patience, why: Failure | Failed | CloudError) -> Answer:
        """Remember and log why something failed."""
        import structlog

        failure = why.failure if isinstance(why, Failed) else of_cloud(why) if isinstance(why, CloudError) else why
        name = target.vm_name if isinstance(target, Target) else ""
        if isinstance(target, Target):
            self._store.note_failure(target.stack, failure)
        structlog.get_logger("vmops").warning("failed", vm=name, reason=str(failure))
        return Status.FAILED, {}


def _unless_throttled(look: Callable[[], T], interval: float) -> T | Later:
    """Look, or look again when ARM says if it refuses because it is asked too often: nothing has been seen to fail."""
    try:
        return look()
    except CloudError as error:
        if of_cloud(error).kind is not Kind.THROTTLED:
            raise
        return Later(error.retry_after or interval)


def pending(params: Params, handle: str) -> Answer:
    """Say that something was begun, and set its handle; params that cannot be written are left alone."""
    if isinstance(params, MutableMapping):
        params[HANDLE] = handle
    return Status.PENDING, {}


def drop_handle(params: Params) -> None:
    """Remove the handle of what was begun before."""
    if isinstance(params, MutableMapping):
        params.pop(HANDLE, None)
