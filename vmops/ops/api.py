"""VMOps: the seven methods of the contract, and the verbs beside them."""

import time

from vmops.core import keys
from vmops.core.errors import CloudError, Failed
from vmops.core.failures import Failure, Kind
from vmops.jobs.operation import Verb
from vmops.ops.results import Answers, drop_handle, pending
from vmops.protocol import HANDLE, Answer, Params, Status
from vmops.spec.target import Patience, Target, time_to_live
from vmops.spec.vm_spec import VmSpec


class VMOps(Answers):
    """Make Azure VMs appear, use them, and make them disappear.

    An instance holds connections, and when ARM wants to be asked again, nothing else: any number of instances, threads
    and processes may be used on the same VMs. Every method takes a flat dict of tunable parameters and raises
    `SpecError` for bad ones before anything happens; what the cloud refuses is FAILED, with the reason in
    `last_failure`.

    A verb that begins something asynchronous sets ``params["asyncResultsUrl"]``, by which both waits find it, in this
    process or another; every verb removes an old one first. A mapping that cannot be written is left alone.
    """

    def vm_provision(self, params: Params) -> Answer:
        """Check if the VM is ready; deploy a new one if necessary.

        SUCCEEDED at once if it is as asked for and runs; PENDING if a deployment was begun or joined; FAILED if another
        one is in flight. The result is always ``{}``.
        """
        drop_handle(params)
        spec = self._with_key(VmSpec.from_params(params, self.settings.defaults()))
        digest = spec.digest(keys.digest_key(self.settings.state_dir))
        return self._begun(params, spec, lambda: self._deployments.provision(spec, digest))

    def vm_deprovision(self, params: Params) -> Answer:
        """Shut the VM down and release all its resources.

        SUCCEEDED at once if it was removed before and is gone; PENDING if its removal was begun or joined; FAILED if
        ARM refuses. A provision in flight is ended first. The result is always ``{}``.
        """
        drop_handle(params)
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
        if not params.get(HANDLE):
            return Status.PENDING, {}
        kind = Target if params.get("vmName") else Patience
        patience = kind.from_params(params, self.settings.defaults())
        return self._waited(patience, lambda: self._look(patience, None))

    def cancel(self, params: Params) -> Answer:
        """End what is in flight on the VM, within 30 seconds; the same verb called again goes on where it ended.

        SUCCEEDED if nobody works on the VM any more, FAILED if a worker on another host does. The result is ``{}``.
        """
        target = self._target(params)
        if self._deployments.cancel(target):
            return Status.SUCCEEDED, {}
        return self._failed(target, Failure(Kind.LOCKED, "its worker is on another host, or cannot be ended"))

    def recover(self, params: Params, *, dry_run: bool = False) -> Answer:
        """Put right what the dead have left of the VM: records, locks, the engine's state; nothing in the cloud.

        Every deployment does so by itself. SUCCEEDED, with what was found (with ``dry_run``: and would be done), or
        FAILED if somebody works on the VM.
        """
        from vmops.ops.recover import recover

        target = self._target(params)
        try:
            self._deployments.refuse_in_flight(target)
            return Status.SUCCEEDED, recover(self.settings, self._store, target, dry_run=dry_run)
        except (Failed, CloudError) as error:
            return self._failed(target, error)

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
        from vmops.azure import power

        drop_handle(params)
        target = self._target(params)
        try:
            self._deployments.refuse_in_flight(target)
            accepted = power.ask(self._arm(target), target, self.settings.owner, power.Action(action))
        except (Failed, CloudError) as error:
            return self._failed(target, error)
        if accepted.url is None:
            return Status.SUCCEEDED, {}
        self._due[accepted.url] = time.monotonic() + (accepted.retry_after or 0.0)
        return pending(params, accepted.url)
