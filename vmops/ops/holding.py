"""`VMOps` for a program that holds its VMs: it takes a VM, removes it, or leaves it to a person."""

from typing import TYPE_CHECKING

from vmops.azure import machines
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.holder import Holder
from vmops.jobs.operation import Verb, operation_id
from vmops.ops.api import VMOps
from vmops.ops.results import clear_handle
from vmops.protocol import HANDLE, Answer, Params, Status
from vmops.spec.names import HOLD_TAG
from vmops.spec.target import Target

if TYPE_CHECKING:
    from vmops.core.failures import Failure
    from vmops.jobs.holds import Entering


class HolderOps(VMOps):
    """VMOps with the methods that only a holder needs. All other methods ignore who holds a VM."""

    def enter(self, params: Params, holder: Holder, *, take_over: bool) -> Answer:
        """Start making the VM for a holder, or take over a VM whose holder of the same kind is dead.

        With ``take_over``, any VM is taken over. PENDING if a deployment was started, or if a dead holder's deployment
        was joined: `holds` tells which, and after a joined one this is called again. FAILED (conflict) if another holds
        the VM, or if it exists and nobody holds it.
        """
        from vmops.jobs.holds import Entering

        terms = Entering(holder.mark, take_over)
        clear_handle(params)

        def enter(target: Target) -> Answer:
            self._permit(target, terms)
            return self._provision(params, terms=terms)

        return self._answer(params, enter)

    def leave(self, params: Params, holder: Holder) -> Answer:
        """Start removing the VM, if this holder still holds it.

        PENDING if the removal was started; SUCCEEDED if nothing of it is left, or if another holder has taken it over;
        FAILED if ARM refuses.
        """
        from vmops.core.log import get_logger
        from vmops.jobs.holds import Leaving

        clear_handle(params)
        terms = Leaving(holder.mark)

        def leave(target: Target) -> Answer:
            try:
                terms.check(self._store, target.stack, target.vm_id)
            except OperationFailed as taken:
                get_logger().warning("left_to_another", vm=target.vm_name, why=taken.failure.message)
                return Status.SUCCEEDED, {}
            return self._begin(params, target, lambda: self._deployments.deprovision(target, terms))

        return self._answer(params, leave)

    def keep(self, params: Params, holder: Holder, ttl: float) -> Answer:
        """Leave the VM to a person: it expires in ``ttl`` seconds, and nobody holds it any more.

        SUCCEEDED, with ``expires`` in seconds since the epoch; FAILED as `extend`, or if another holder has it.
        """
        from vmops.deploy.holding import require

        def keep(target: Target) -> Answer:
            self._deployments.refuse_in_flight(target)
            arm = self._arm(target)
            single = arm.get(target.vm_id)
            there = [single] if single else [each.resource for each in machines.members(arm, target.identity)]
            for machine in there:
                require(machine, holder.mark)
            expires = self._lifetimes.extend(target, ttl)
            for machine in there:
                arm.drop_tags(machine["id"], {HOLD_TAG: holder.mark})
            self._store.let_go(target.stack, holder.mark)
            return Status.SUCCEEDED, {"expires": expires}

        return self._answer(params, keep)

    def holds(self, params: Params, holder: Holder) -> bool:
        """Tell whether this host's records name this holder for the VM."""
        from vmops.jobs.holds import mark_in

        return mark_in(self._store.life(self._target(params).stack)) == holder.mark

    def failure(self, params: Params) -> "Failure | None":
        """Give why the deployment of the handle failed; without a handle, why the newest verb on the VM did."""
        operation = self._store.get(operation_id(params.get(HANDLE) or "") or "")
        return (operation and operation.failure) or self.last_failure(params)

    def _permit(self, target: Target, terms: "Entering") -> None:
        """Check that a VM of ours may be taken. While it is in flight, or if ARM cannot answer, its worker checks that.

        Raises: OperationFailed (conflict) if it may not be taken; CloudError if ARM refuses.
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
