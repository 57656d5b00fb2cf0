"""`VMOps` for a program that holds its VMs: it enters one, leaves it, or keeps it for a person."""

from typing import TYPE_CHECKING

from vmops.azure import machines
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.holder import Holder
from vmops.jobs.operation import Verb, operation_id
from vmops.ops.api import VMOps
from vmops.ops.results import REFUSALS, clear_handle, failed
from vmops.protocol import HANDLE, Answer, Params, Status
from vmops.spec.names import HOLD_TAG
from vmops.spec.target import Target

if TYPE_CHECKING:
    from vmops.core.failures import Failure
    from vmops.jobs.holds import Entering


class HolderOps(VMOps):
    """VMOps, and what only a holder asks: everything else is done to a VM whoever holds it."""

    def enter(self, params: Params, holder: Holder, *, take_over: bool) -> Answer:
        """Begin to make the VM for a holder, or to take a dead one's of its kind, or with ``take_over`` anybody's.

        PENDING if that was begun, or if what a dead one had begun was joined: `holds` tells, and it is entered again
        once that is over. FAILED (conflict) if another holds the VM, or if it exists and nobody does.
        """
        from vmops.jobs.holds import Entering

        target, terms = self._target(params), Entering(holder.mark, take_over)
        try:
            self._permit(target, terms)
        except REFUSALS as error:
            clear_handle(params)
            return failed(self._store, target, error)
        return self._provision(params, terms=terms)

    def leave(self, params: Params, holder: Holder) -> Answer:
        """Begin to remove the VM, if the holder still holds it.

        PENDING if that was begun; SUCCEEDED if nothing of it is left, or if another has taken it over; FAILED if ARM
        refuses.
        """
        from vmops.core.log import get_logger
        from vmops.jobs.holds import Leaving

        clear_handle(params)
        target, terms = self._target(params), Leaving(holder.mark)
        try:
            terms.check(self._store, target.stack, target.vm_id)
        except OperationFailed as taken:
            get_logger().warning("left_to_another", vm=target.vm_name, why=taken.failure.message)
            return Status.SUCCEEDED, {}
        return self._begin(params, target, lambda: self._deployments.deprovision(target, terms))

    def keep(self, params: Params, holder: Holder, ttl: float) -> Answer:
        """Leave the VM to a person, for ``ttl`` seconds from now on: nobody holds it then.

        SUCCEEDED, with ``expires`` in seconds since the epoch, or FAILED as `extend`, and if another has taken it over.
        """
        from vmops.deploy.holding import require

        target = self._target(params)
        try:
            self._deployments.refuse_in_flight(target)
            arm = self._arm(target)
            single = arm.get(target.vm_id)
            there = [single] if single else [each.resource for each in machines.members(arm, target.identity)]
            for machine in there:
                require(machine, holder.mark)
            expires = self._lifetimes.extend(target, ttl)
            for machine in there:
                arm.drop_tags(machine["id"], {HOLD_TAG: holder.mark})
        except REFUSALS as error:
            return failed(self._store, target, error)
        self._store.let_go(target.stack, holder.mark)
        return Status.SUCCEEDED, {"expires": expires}

    def holds(self, params: Params, holder: Holder) -> bool:
        """Tell whether it is this holder that is to hold the VM, by the records of this host."""
        from vmops.jobs.holds import mark_in

        return mark_in(self._store.life(self._target(params).stack)) == holder.mark

    def failure(self, params: Params) -> "Failure | None":
        """Tell why the deployment that the handle names failed; without one, why the newest verb on the VM did."""
        operation = self._store.get(operation_id(params.get(HANDLE) or "") or "")
        return (operation and operation.failure) or self.last_failure(params)

    def _permit(self, target: Target, terms: "Entering") -> None:
        """Look whether a VM of ours may be taken; while one is in flight, or ARM cannot tell, its worker looks.

        Raises: OperationFailed (conflict) if it may not; CloudError if ARM refuses.
        """
        from vmops.azure.ownership import is_ours

        if self._store.in_flight(target.stack, Verb.PROVISION):
            return
        try:
            machine = self._arm(target).get(target.vm_id)
        except CloudError as error:
            if failure_from_cloud_error(error).retryable:
                return
            raise
        if machine is not None and is_ours(machine, self._deployments.claim(target)):
            terms.permit(self._store, target.stack, machine)
