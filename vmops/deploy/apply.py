"""Runs the program of a VM's stack until Azure is in the declared state; transient failures are retried."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from vmops.azure import ownership
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.holder import HELD
from vmops.core.polling import backoff, retry
from vmops.deploy import holding
from vmops.deploy.context import TRANSIENT_RETRY_SECONDS, DeployContext
from vmops.deploy.holding import AS_IT_IS, Marking
from vmops.engine.events import EXISTS_ALREADY, PROVIDER_GONE
from vmops.engine.reconcile import apply, complete
from vmops.engine.reconcile.plan import Plan, Wanted
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec

if TYPE_CHECKING:
    from vmops.engine.program import Program

T = TypeVar("T")

_TRANSIENT_KINDS = frozenset({FailureKind.CONFLICT, FailureKind.THROTTLED})
"""Kinds of failures after which the same update may succeed a little later."""

_VANISHED = frozenset({"InvalidResourceReference", "ParentResourceNotFound"})
"""Codes of ARM for a resource that has vanished although the update has just read or made it: somebody else deletes it,
often a killed removal of ours. Source: recorded refusals of Microsoft.Network and Microsoft.Compute.
"""

_NOT_FOUND = frozenset({"ResourceGroupNotFound", "ResourceNotFound", "NotFound"})
"""Codes of ARM for a resource that is gone, or was just made and is not visible on every replica yet.

Source: public reports of a 404 for what was just made (terraform-provider-azurerm#18268, pulumi-azure-native#3138).
"""

_MAX_LOSSES, _REPLICA_LAG = 4, 60.0
"""A deployment retries such refusals this often, or for so many seconds of Azure's time, whichever is longer. Then the
missing resource counts as deleted.
"""

_CONFIRMATIONS = 3
"""How many refusals as not found make the next update refresh. A refresh drops what the replica does not show."""

_RECONCILED = frozenset({EXISTS_ALREADY, PROVIDER_GONE, *_VANISHED})
"""Codes after which the engine's state is reconciled, so that the next update must refresh.

After any other code it must not: a refresh forgets that a create has failed, and leaves the resource Failed.
"""


_SHARED_ROLES = frozenset({"group", "network", "subnet", "security_group"})
"""Roles of the resources that all members of a fleet share."""


class SharedResourceCreatedElsewhere(OperationFailed):
    """A shared resource did not exist at the preflight, and another deployment has created it meanwhile."""


def sharing(spec: VmSpec, work: Callable[[], T]) -> T:
    """Do work; repeat it each time another deployment has created a shared resource meanwhile.

    Raises: as the work does.
    """

    def pause(_: SharedResourceCreatedElsewhere, times: int) -> float | None:
        return 0.0 if times <= len(spec.shared_ids()) else None

    return retry(work, SharedResourceCreatedElsewhere, pause, timeout=spec.deploy_timeout)


@dataclass(frozen=True)
class Update:
    """One update of a VM's stack by its ``declared`` resources, and its mark. Roles in ``external`` belong to others.

    ``members`` are the VMs in a fleet's stack; ``leaving`` are members that the update deletes.
    """

    context: DeployContext
    spec: VmSpec
    external: frozenset[str]
    declared: "Program"
    marking: Marking = AS_IT_IS
    members: Sequence[VmSpec] = ()
    leaving: Sequence[VmSpec] = ()

    @property
    def _vms(self) -> Sequence[VmSpec]:
        return self.members or (self.spec,)

    @property
    def _wanted(self) -> Wanted:
        intended = [each.urn_keys(self.external) for each in self._vms]
        unwanted = [*(each.unwanted() for each in self._vms), *(each.urn_keys(_SHARED_ROLES) for each in self.leaving)]
        provider = self.context.cloud.provider_arguments(self.spec.subscription)
        return Wanted(_merged(intended), _merged([self._left_elsewhere(), *unwanted]), provider)

    def reconcile(self) -> Plan:
        """Reconcile the engine's state with ARM.

        Raises: SharedResourceCreatedElsewhere; OperationFailed (conflict), naming what is declared but belongs to
        another.
        """
        context, spec = self.context, self.spec
        made = apply.reconcile(context.stack, context.arm, self._wanted, context.claim(spec))
        for arm_id in made.foreign:
            if found := context.arm.get(arm_id):
                self._refuse(arm_id, found)
        if made.id_only:
            complete.complete(context.stack, self.declared)
        return made

    def _left_elsewhere(self) -> dict[str, str]:
        """Find what was made for the VMs in another location, except disks, by the end of its URN."""
        own = {arm_id.lower() for each in self._vms for arm_id in each.own_ids()}
        found = self.context.made.ids() if any(each.moves for each in self._vms) else []
        left = [each for each in found if each.lower() not in own and self._is_named(each)]
        return {names.urn_key(arm_id): arm_id for arm_id in left if "/disks/" not in arm_id.lower()}

    def _is_named(self, arm_id: str) -> bool:
        """Tell whether an id has a default name of the VM, of the fleet, or of any member."""
        identity = self.spec.identity
        return identity.names(arm_id) or (bool(self.members) and identity.member(arm_id) is not None)

    def run(self, *, refresh: bool) -> None:
        """Run the program, retrying transient failures and adopting resources that exist but are unknown to the engine.

        Raises: OperationFailed with a failure that is not transient; SharedResourceCreatedElsewhere.
        """
        met: list[str] = []  # the codes of the refusals so far
        losses: list[float] = []  # the times, by the monotonic clock, of refusals because something was not found

        def attempt() -> None:
            try:
                self.context.stack.up(self.declared, refresh=refresh or _needs_refresh(met), machines=len(self._vms))
            except OperationFailed:
                self.require_holder()  # another holder explains the failure better than the refusal
                raise

        def pause(refusal: OperationFailed, times: int) -> float | None:
            met.append(refusal.failure.code)
            if refusal.failure.code in _VANISHED | _NOT_FOUND:
                losses.append(time.monotonic())
            return backoff(times) if not self._is_lost(losses) and self._may_succeed(refusal.failure) else None

        retry(attempt, OperationFailed, pause, timeout=TRANSIENT_RETRY_SECONDS)

    def require_holder(self) -> None:
        """Check that the intended holder holds the VM, if it exists. Raises: OperationFailed (conflict)."""
        for each in self._vms if self.marking.mark else ():
            holding.mark_to_declare(self.context.arm, each.vm_id, self.marking)

    def _is_lost(self, losses: list[float]) -> bool:
        return len(losses) > _MAX_LOSSES and losses[-1] - losses[0] > _REPLICA_LAG * self.context.cloud.pace

    def _may_succeed(self, failure: Failure) -> bool:
        """Tell whether the same update may succeed if it is run again; for a fleet, for one of its members."""
        refused = [failure, *(self.context.stack.causes if self.members else ())]
        return any(self._is_transient(each) for each in refused)

    def _is_transient(self, failure: Failure) -> bool:
        """Tell whether the same update may succeed once the provider is back and the state knows what exists."""
        if failure.code == PROVIDER_GONE:
            self.context.reconnect()
            self.reconcile()
            return True
        if failure.code == HELD:
            return False
        if failure.code == EXISTS_ALREADY:
            return self.reconcile().changes
        return failure.kind in _TRANSIENT_KINDS or failure.code in _VANISHED | _NOT_FOUND

    def _refuse(self, arm_id: str, found: dict[str, object]) -> None:
        try:
            ownership.require_owned(found, self.context.claim(self.spec))
        except OperationFailed as error:
            raise (
                SharedResourceCreatedElsewhere(error.failure) if arm_id in self.spec.shared_ids() else error
            ) from None


def _merged(found: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {key: arm_id for each in found for key, arm_id in each.items()}


def _needs_refresh(met: Sequence[str]) -> bool:
    """Tell whether the engine must refresh everything after the refusals so far."""
    return not _RECONCILED.isdisjoint(met) or sum(code in _NOT_FOUND for code in met) >= _CONFIRMATIONS
