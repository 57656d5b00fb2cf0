"""VMOps: the seven methods of the contract, and the verbs beside them."""

from collections.abc import Callable, MutableMapping
from typing import Any, cast

from vmops import keys
from vmops.errors import CloudError
from vmops.failures import Failed, Failure, Kind, of_cloud
from vmops.operation import Operation, Verb, operation_id
from vmops.protocol import Answer, Params, Status
from vmops.questions import Questions
from vmops.spec import VmSpec
from vmops.target import Patience, Target, time_to_live
from vmops.waiting import Later, wait

_HANDLE = "asyncResultsUrl"


class VMOps(Questions):
    """Make Azure VMs appear, use them, and make them disappear.

    An instance holds nothing but connections: any number of instances, threads and processes may be used on the same
    VMs. Every method takes a flat dict of tunable parameters and raises `SpecError` for bad ones before anything
    happens; what the cloud refuses is FAILED, with the reason in `last_failure`.

    A verb that begins something asynchronous sets ``params["asyncResultsUrl"]``, by which both waits find it, in this
    process or another; every verb removes an old one first. A mapping that cannot be written is left alone.
    """

    def vm_provision(self, params: Params) -> Answer:
        """Check if the VM is ready; deploy a new one if necessary.

        SUCCEEDED at once if it is as asked for and runs; PENDING if a deployment was begun or joined; FAILED if another
        one is in flight. The result is always ``{}``.
        """
        _drop_handle(params)
        spec = self._with_key(VmSpec.from_params(params, self.settings.defaults()))
        digest = spec.digest(keys.digest_key(self.settings.state_dir))
        return self._begun(params, spec, lambda: self._deployments.provision(spec, digest))

    def vm_deprovision(self, params: Params) -> Answer:
        """Shut the VM down and release all its resources.

        SUCCEEDED at once if it was removed before and is gone; PENDING if its removal was begun or joined; FAILED if
        ARM refuses. A provision in flight is ended first. The result is always ``{}``.
        """
        _drop_handle(params)
        target = self._target(params)
        return self._begun(params, target, lambda: self._deployments.deprovision(target))

    def vm_start(self, params: Params) -> Answer:
        """Start the VM: PENDING, SUCCEEDED if it was over at once, or FAILED. The result is always ``{}``."""
        return self._power(params, "start")

    def vm_stop(self, params: Params, *, force: bool = False) -> Answer:
        """Stop the VM by initiating a graceful shutdown; with ``stopMode: deallocate`` its compute is released too.

        With ``force`` the power goes at once, without a shutdown; ARM deallocates in one way only.
        PENDING, SUCCEEDED if it was over at once, or FAILED. The result is always ``{}``.
        """
        deallocates = self._target(params).stop_mode == "deallocate"
        return self._power(params, "deallocate" if deallocates else "forced stop" if force else "stop")

    def vm_restart(self, params: Params) -> Answer:
        """Restart the VM by initiating a graceful shutdown.

        PENDING, SUCCEEDED if it was over at once, or FAILED. The result is always ``{}``.
        """
        return self._power(params, "restart")

    def deallocate(self, params: Params) -> Answer:
        """Stop paying for the VM's compute and keep its disks: PENDING, SUCCEEDED or FAILED. The result is ``{}``."""
        return self._power(params, "deallocate")

    def wait_vm_deployment(self, is_setup: bool, params: Params) -> Answer:
        """Wait, at most ``pollTimeout`` seconds, for the VM to be deployed (``is_setup``) or to be gone.

        PENDING only if ``pollTimeout`` is 0; TIMED_OUT if the time passed, while the work itself goes on. The result
        tells of the operation if SUCCEEDED, otherwise it is ``{}``.
        """
        target = self._target(params)
        verb = Verb.PROVISION if is_setup else Verb.DEPROVISION
        return self._waited(target, lambda: self._look(target, verb))

    def wait_vm_operation(self, params: Params) -> Answer:
        """Wait, at most ``pollTimeout`` seconds, for the operation at ``params["asyncResultsUrl"]``.

        PENDING at once without that key; else as `wait_vm_deployment`. An URL that is not on the cloud's endpoint is
        refused with `SpecError` before any request.
        """
        if not params.get(_HANDLE):
            return Status.PENDING, {}
        kind = Target if params.get("vmName") else Patience
        patience = kind.from_params(params, self.settings.defaults())
        return self._waited(patience, lambda: self._look(patience, Verb.PROVISION))

    def cancel(self, params: Params) -> Answer:
        """End what is in flight on the VM, within 30 seconds; the same verb called again goes on where it ended.

        SUCCEEDED if nobody works on the VM any more, FAILED if a worker on another host does. The result is ``{}``.
        """
        target = self._target(params)
        if self._deployments.cancel(target):
            return Status.SUCCEEDED, {}
        return self._failed(target, Failure(Kind.LOCKED, "its worker is on another host, or cannot be ended"))

    def extend(self, params: Params, ttl: float | str) -> Answer:
        """Let the VM live for ``ttl`` (seconds, or "90m", "2h", "1d") from now on, whatever was left of its time.

        SUCCEEDED, with ``expires`` in seconds since the epoch, or FAILED if there is no such VM, if it is another's, or
        if a deployment of it is in flight.
        """
        target = self._target(params)
        try:
            self._deployments.refuse_in_flight(target)
            return Status.SUCCEEDED, {"expires": self._lifetimes.extend(target, time_to_live(ttl))}
        except (Failed, CloudError) as error:
            return self._failed(target, error)

    def _power(self, params: Params, action: str) -> Answer:
        from vmops import power

        _drop_handle(params)
        target = self._target(params)
        try:
            self._deployments.refuse_in_flight(target)
            accepted = power.ask(self._arm(target), target, self.settings.owner, power.Action(action))
        except (Failed, CloudError) as error:
            return self._failed(target, error)
        return _pending(params, accepted.url) if accepted.url else (Status.SUCCEEDED, {})

    def _begun(self, params: Params, target: Target, begin: Callable[[], Operation | None]) -> Answer:
        try:
            operation = begin()
        except (Failed, CloudError) as error:
            return self._failed(target, error)
        return _pending(params, operation.handle) if operation else (Status.SUCCEEDED, {})

    def _waited(self, target: Patience, look: Callable[[], dict[str, Any] | Failure | CloudError | Later]) -> Answer:
        seen: dict[str, Any] | Failure | Failed | CloudError | None
        try:
            seen = cast(dict[str, Any] | Failure | CloudError | None, wait(look, timeout=target.poll_timeout))
        except (Failed, CloudError) as error:
            seen = error
        if seen is None:
            return (Status.PENDING if target.poll_timeout == 0 else Status.TIMED_OUT), {}
        if isinstance(seen, dict):
            return Status.SUCCEEDED, seen
        return self._failed(target, seen)

    def _look(self, target: Patience, verb: Verb) -> dict[str, Any] | Failure | CloudError | Later:
        """Look once at what the handle names; without a handle, at the VM."""
        from vmops import power

        handle = target.async_results_url or ""
        operation = self._store.get(operation_id(handle) or "")
        if operation:
            return self._deployments.look(operation)
        if handle.startswith("http"):
            return power.look(self._arm(target), handle, target.poll_interval)
        if isinstance(target, Target):
            return self._deployments.look_for(target, verb)
        return Failure(Kind.NOT_FOUND, f"no record of {handle} is on this host")

    def _failed(self, target: Patience, why: Failure | Failed | CloudError) -> Answer:
        failure = why.failure if isinstance(why, Failed) else of_cloud(why) if isinstance(why, CloudError) else why
        name = target.vm_name if isinstance(target, Target) else ""
        if isinstance(target, Target):
            self._store.note_failure(target.stack, failure)
        import structlog

        structlog.get_logger("vmops").warning("failed", vm=name, reason=str(failure))
        return Status.FAILED, {}


def _pending(params: Params, handle: str) -> Answer:
    if isinstance(params, MutableMapping):
        params[_HANDLE] = handle
    return Status.PENDING, {}


def _drop_handle(params: Params) -> None:
    if isinstance(params, MutableMapping):
        params.pop(_HANDLE, None)
