"""Running the program of a VM's stack until Azure is as it says: what passes with time is tried again."""

from collections.abc import Callable
from dataclasses import dataclass

from vmops.azure import ownership
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, backoff, poll_until
from vmops.deploy.context import PATIENCE, DeployContext
from vmops.engine.events import EXISTS_ALREADY, PROVIDER_GONE
from vmops.engine.reconcile import complete, plan
from vmops.spec.vm_spec import VmSpec

_PASSING = frozenset({FailureKind.CONFLICT, FailureKind.THROTTLED})
"""What the same update does not meet again a little later."""

_VANISHED = frozenset({"InvalidResourceReference", "ParentResourceNotFound"})
"""Codes by which ARM says that something is gone that the update has just read or made: somebody removes it, often a
removal of ours that was killed. Source: recorded refusals of Microsoft.Network and Microsoft.Compute."""

_LOSSES = 4
"""How often that may happen to one deployment: more often, and what is referred to is not there at all."""

_SETTLED = frozenset({EXISTS_ALREADY, PROVIDER_GONE, *_VANISHED})
"""Codes after which the engine's state is settled, so that the next update must refresh.

After any other it must not: a refresh forgets that a create has failed, and leaves the resource Failed."""


class SharedResourceCreatedElsewhere(OperationFailed):
    """What several VMs may share was not there when it was looked for, and another has made it meanwhile."""


@dataclass(frozen=True)
class Update:
    """One update of a VM's stack by what is ``declared``, where the roles of ``uses`` are another's."""

    site: DeployContext
    spec: VmSpec
    uses: frozenset[str]
    declared: Callable[[], None]

    def settle(self) -> plan.Reconciled:
        """Settle the engine's state.

        Raises: Taken; Failed (conflict), naming what is intended and another's.
        """
        site, spec = self.site, self.spec
        arguments = site.cloud.provider_arguments(spec.subscription)
        settled = plan.reconcile(site.stack, site.arm, spec.urn_keys(self.uses), spec.unwanted(), arguments)
        for arm_id in settled.foreign:
            if found := site.arm.get(arm_id):
                self._refuse(arm_id, found)
        if settled.bare:
            complete.complete(site.stack, self.declared)
        return settled

    def run(self, *, refresh: bool) -> None:
        """Run the program; what passes with time is tried again, and what exists unknown to the engine is adopted.

        Raises: Failed, with what did not pass; Taken.
        """
        refusals: list[OperationFailed] = []

        def attempt() -> bool | NotYet:
            settled = any(refusal.failure.code in _SETTLED for refusal in refusals)
            try:
                self.site.stack.up(self.declared, refresh=refresh or settled)
            except OperationFailed as error:
                refusals.append(error)
                lost = sum(refusal.failure.code in _VANISHED for refusal in refusals)
                if lost > _LOSSES or not self._passes(error.failure):
                    raise
                return NotYet(backoff(len(refusals)))
            return True

        if not poll_until(attempt, timeout=PATIENCE):
            raise refusals[-1]

    def _passes(self, failure: Failure) -> bool:
        """Tell whether the same update may do better, once the provider lives and the state knows what exists."""
        if failure.code == PROVIDER_GONE:
            self.site.reconnect()
            self.settle()
            return True
        if failure.code == EXISTS_ALREADY:
            return self.settle().changed
        return failure.kind in _PASSING or failure.code in _VANISHED

    def _refuse(self, arm_id: str, found: dict[str, object]) -> None:
        try:
            ownership.require_owned(found, self.spec.stack, self.site.owner)
        except OperationFailed as error:
            raise (
                SharedResourceCreatedElsewhere(error.failure) if arm_id in self.spec.shared_ids() else error
            ) from None
