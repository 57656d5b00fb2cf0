"""VMOps: the seven methods of the contract, and the verbs beside them."""

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import TYPE_CHECKING

from vmops.azure.power import Action
from vmops.core.errors import RecordsAway, SpecError
from vmops.core.polling import retry
from vmops.core.settings import Settings
from vmops.jobs.operation import Operation, Verb
from vmops.ops.claims import Claims
from vmops.ops.credentials import provision_with_key
from vmops.ops.polls import Poll
from vmops.ops.power import PowerOperations
from vmops.ops.questions import Questions
from vmops.ops.results import REFUSALS, clear_handle, failed, pending, waited
from vmops.protocol import HANDLE, Answer, Params, Status
from vmops.spec.target import Target, WaitOptions

if TYPE_CHECKING:
    from vmops.jobs.holds import Terms

_RETRY_INTERVAL = 1.0
"""Seconds between two attempts to read shared records that cannot be reached."""


class VMOps(Questions):
    """Make Azure VMs, use them, and remove them.

    An instance holds only connections and the times of ARM's next polls. Any number of instances, threads and processes
    may work on the same VMs. Every method takes a flat dict of tunable parameters, and raises `SpecError` for wrong
    ones before anything happens. A refusal by the cloud is FAILED, with the reason in `last_failure`.

    A verb that starts something asynchronous sets ``params["asyncResultsUrl"]``, the handle with which both waits find
    it, in this process or another. Every verb removes an old handle first. A mapping that cannot be written to is left
    unchanged.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        """Use ``settings``, by default those of the environment.

        Raises: StoreError if the state directory cannot hold records, or if those that hosts share cannot be reached or
        used now; its message says what to do, and nothing has happened.
        """
        super().__init__(settings or Settings())
        self._power = PowerOperations(Claims(self._store, self.settings.owner), self._arm)

    def vm_provision(self, params: Params, *, same: bool = False, unset: Collection[str] = ()) -> Answer:
        """Check if the VM is ready; deploy a new one if necessary.

        With ``same``, the last parameters of the VM are used again: ``params`` change some of them, and those in
        ``unset`` return to their defaults. A secret that is not repeated stays as it is. Without ``same``, only custom
        data that is not given stays, if the VM exists.

        SUCCEEDED at once if the VM is as asked for and runs. PENDING if a deployment was started or joined. FAILED if
        another deployment is in flight, if no key is given and the VM has a key that this host lacks, or, with
        ``same``, if this host does not know the last parameters. The result is always ``{}``.
        """
        return self._provision(params, same=same, unset=unset)

    def replace(self, params: Params) -> Answer:
        """Replace one ``member`` of a fleet: a new VM with new disks and the same addresses; the others stay.

        PENDING, or FAILED. The result is always ``{}``. Raises: SpecError if no member is named.
        """

        def replace_member(target: Target) -> Answer:
            if target.member is None:
                raise SpecError("member: is required: it says which VM of the fleet is replaced")
            return self._provision(params, same=True, replaces=[target.member])

        return self._answer(params, replace_member)

    def vm_deprovision(self, params: Params) -> Answer:
        """Shut the VM down and release all its resources.

        SUCCEEDED at once if it was removed before and is gone. PENDING if its removal was started or joined. FAILED if
        ARM refuses. A provision in flight is ended first. The result is always ``{}``.
        """
        clear_handle(params)

        def remove(target: Target) -> Answer:
            return self._begin(params, target, lambda: self._deployments.deprovision(target))

        return self._answer(params, remove)

    def vm_start(self, params: Params) -> Answer:
        """Start the VM: PENDING, SUCCEEDED if that was done at once, or FAILED. The result is always ``{}``."""
        return self._switch(params, Action.START)

    def vm_stop(self, params: Params, *, force: bool = False) -> Answer:
        """Stop the VM by initiating a graceful shutdown; with ``stopMode: deallocate`` also release its compute.

        With ``force`` it is powered off without a shutdown; a deallocation is the same either way. PENDING, SUCCEEDED
        if that was done at once, or FAILED. The result is always ``{}``.
        """
        stop = Action.FORCED_STOP if force else Action.STOP
        return self._switch(params, Action.DEALLOCATE if self._named(params).stop_mode == "deallocate" else stop)

    def vm_restart(self, params: Params) -> Answer:
        """Restart the VM by initiating a graceful shutdown.

        PENDING, SUCCEEDED if that was done at once, or FAILED. The result is always ``{}``.
        """
        return self._switch(params, Action.RESTART)

    def deallocate(self, params: Params) -> Answer:
        """Stop paying for the VM's compute and keep its disks: PENDING, SUCCEEDED or FAILED. The result is ``{}``."""
        return self._switch(params, Action.DEALLOCATE)

    def wait_vm_deployment(self, is_setup: bool, params: Params) -> Answer:
        """Wait, at most ``pollTimeout`` seconds, for the VM to be deployed (``is_setup``) or to be gone.

        PENDING only if ``pollTimeout`` is 0. TIMED_OUT if the time has passed; the work itself goes on. The result
        describes the operation if SUCCEEDED, otherwise it is ``{}``.
        """
        timeout = self._named(params).poll_timeout
        try:
            target = retry(lambda: self._target(params), RecordsAway, lambda *_: _RETRY_INTERVAL, timeout=timeout)
        except RecordsAway:
            return (Status.TIMED_OUT if timeout else Status.PENDING), {}
        except REFUSALS as error:
            return failed(self._store, self._named(params), error)
        verb = Verb.PROVISION if is_setup else Verb.DEPROVISION
        return waited(self._store, target, self._poll(target, verb))

    def wait_vm_operation(self, params: Params) -> Answer:
        """Wait, at most ``pollTimeout`` seconds, for the operation at ``params["asyncResultsUrl"]``.

        PENDING at once without that key; else as `wait_vm_deployment`. A URL that is not on the cloud's endpoint is
        refused with `SpecError` before any request.
        """
        if not params.get(HANDLE):
            return Status.PENDING, {}
        kind = Target if params.get("vmName") else WaitOptions
        options = kind.from_params(params, self.settings.defaults())
        return waited(self._store, options, self._poll(options, None))

    def _provision(
        self,
        params: Params,
        *,
        same: bool = False,
        unset: Collection[str] = (),
        replaces: Sequence[int] = (),
        **terms: "Terms",
    ) -> Answer:
        clear_handle(params)
        try:
            if not replaces:
                self._refuse_member(params)
            asked = self._guards.bounded(self._asked(params, same=same, unset=unset))
        except REFUSALS as error:
            return failed(self._store, self._known(params), error)
        begin = partial(provision_with_key, asked, self.settings, self._deployments, replaces, **terms)
        return self._begin(params, asked.spec, begin)

    def _refuse_member(self, params: Params) -> None:
        """Check that a deployment does not name a fleet's member. Raises: OperationFailed (invalid); SpecError."""
        from vmops.ops.member_names import refuse_member, resolved

        given = self._named(params)
        if given.member is None:
            refuse_member(resolved(self._store, None, given))

    def _begin(self, params: Params, target: Target, begin: Callable[[], Operation | None]) -> Answer:
        """Start a deployment: PENDING, SUCCEEDED if there was nothing to do, or FAILED, also for one member's name."""
        from vmops.ops.member_names import refuse_member

        try:
            refuse_member(target)
            operation = begin()
        except REFUSALS as error:
            return failed(self._store, target, error)
        return pending(params, operation.handle) if operation else (Status.SUCCEEDED, {})

    def _switch(self, params: Params, action: Action) -> Answer:
        """Start a power operation, on all VMs of a fleet: PENDING, SUCCEEDED if it was done at once, or FAILED."""
        clear_handle(params)

        def switch(target: Target) -> Answer:
            self._deployments.refuse_in_flight(target)
            if self._is_fleet(target):
                return pending(params, self._deployments.switch(target, action).handle)
            url = self._power.begin(target, action)
            return pending(params, url) if url else (Status.SUCCEEDED, {})

        return self._answer(params, switch)

    def _is_fleet(self, target: Target) -> bool:
        """Tell whether the target is a whole fleet, by this host's record, or without one by its members' tags."""
        from vmops.azure.machines import members
        from vmops.ops.members import asked_for

        if target.member is not None or self._store.unusable():
            return False
        if last := asked_for(self._store, target):
            return bool(last.given.get("vmCount"))
        arm = self._arm(target)
        return arm.get(target.vm_id) is None and bool(members(arm, target.identity))

    def _poll(self, target: WaitOptions, verb: Verb | None) -> Poll:
        return Poll(self._store, self._deployments, self._power, target, verb)
