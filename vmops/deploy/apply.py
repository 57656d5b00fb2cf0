"""Running the program of a VM's stack until Azure is as it says: what passes with time is tried again."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from vmops.azure import ownership
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.holder import HELD
from vmops.core.polling import backoff, retry
from vmops.deploy import holding
from vmops.deploy.context import PATIENCE, DeployContext
from vmops.deploy.holding import AS_IT_IS, Marking
from vmops.engine.events import EXISTS_ALREADY, PROVIDER_GONE
from vmops.engine.reconcile import apply, complete
from vmops.engine.reconcile.plan import Plan, Wanted
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec

T = TypeVar("T")

_TRANSIENT_KINDS = frozenset({FailureKind.CONFLICT, FailureKind.THROTTLED})
"""What the same update does not meet again a little later."""

_VANISHED = frozenset({"InvalidResourceReference", "ParentResourceNotFound"})
"""Codes by which ARM says that something is gone that the update has just read or made: somebody removes it, often a
removal of ours that was killed. Source: recorded refusals of Microsoft.Network and Microsoft.Compute."""

_UNKNOWN_YET = frozenset({"ResourceGroupNotFound", "ResourceNotFound", "NotFound"})
"""Codes by which a replica of ARM says that it does not know what the update has made a moment ago, or that it is gone.

Source: public reports of a 404 for what was just made (terraform-provider-azurerm#18268, pulumi-azure-native#3138)."""

_LOSSES, _LAG = 4, 60.0
"""How often either may happen to one deployment, or for how many of Azure's seconds, if that is longer: more often, and
what is referred to is not there at all."""

_BELIEVED = 3
"""How often a replica must say so before the state is refreshed, in which what it does not know would not stay."""

_RECONCILED = frozenset({EXISTS_ALREADY, PROVIDER_GONE, *_VANISHED})
"""Codes after which the engine's state is reconciled, so that the next update must refresh.

After any other it must not: a refresh forgets that a create has failed, and leaves the resource Failed."""


_GROUND = frozenset({"group", "network", "subnet", "security_group"})
"""Roles of what all members of a fleet stand on."""


class SharedResourceCreatedElsewhere(OperationFailed):
    """What several VMs may share was not there when it was looked for, and another has made it meanwhile."""


def sharing(spec: VmSpec, work: Callable[[], T]) -> T:
    """Do work again for each that others may make of what the spec shares with them: that exists then, and is used.

    Raises: as the work does.
    """

    def pause(_: SharedResourceCreatedElsewhere, times: int) -> float | None:
        return 0.0 if times <= len(spec.shared_ids()) else None

    return retry(work, SharedResourceCreatedElsewhere, pause, timeout=spec.deploy_timeout)


@dataclass(frozen=True)
class Update:
    """One update of a VM's stack by what is ``declared``, and its marking; the roles of ``uses`` are another's.

    ``members`` are the VMs that a fleet's stack has, and ``leaving`` those that it is to have no longer.
    """

    site: DeployContext
    spec: VmSpec
    uses: frozenset[str]
    declared: Callable[[], None]
    marking: Marking = AS_IT_IS
    members: Sequence[VmSpec] = ()
    leaving: Sequence[VmSpec] = ()

    @property
    def _vms(self) -> Sequence[VmSpec]:
        return self.members or (self.spec,)

    @property
    def _wanted(self) -> Wanted:
        intended = [each.urn_keys(self.uses) for each in self._vms]
        unwanted = [*(each.unwanted() for each in self._vms), *(each.urn_keys(_GROUND) for each in self.leaving)]
        provider = self.site.cloud.provider_arguments(self.spec.subscription)
        return Wanted(_merged(intended), _merged([self._left_elsewhere(), *unwanted]), provider)

    def reconcile(self) -> Plan:
        """Bring the engine's state in line with ARM.

        Raises: SharedResourceCreatedElsewhere; OperationFailed (conflict), naming what is intended and another's.
        """
        site, spec = self.site, self.spec
        made = apply.reconcile(site.stack, site.arm, self._wanted, site.claim(spec))
        for arm_id in made.foreign:
            if found := site.arm.get(arm_id):
                self._refuse(arm_id, found)
        if made.id_only:
            complete.complete(site.stack, self.declared)
        return made

    def _left_elsewhere(self) -> dict[str, str]:
        """Give what was made for the VM in another location, by the end of its URN; disks go with the VM."""
        spec, own = self.spec, {arm_id.lower() for arm_id in self.spec.own_ids()}
        found = self.site.made.ids() if spec.moves else []
        left = [each for each in found if each.lower() not in own and spec.identity.names(each)]
        return {names.urn_key(arm_id): arm_id for arm_id in left if "/disks/" not in arm_id.lower()}

    def run(self, *, refresh: bool) -> None:
        """Run the program; what passes with time is tried again, and what exists unknown to the engine is adopted.

        Raises: OperationFailed, with what did not pass; SharedResourceCreatedElsewhere.
        """
        met: list[str] = []  # the codes of what was refused so far
        losses: list[float] = []  # when, by the monotonic clock, something was told to be gone

        def attempt() -> None:
            try:
                self.site.stack.up(self.declared, refresh=refresh or _needs_refresh(met), machines=len(self._vms))
            except OperationFailed:
                self.agree()  # that it is another's by now says more than whatever was refused
                raise

        def pause(refusal: OperationFailed, times: int) -> float | None:
            met.append(refusal.failure.code)
            if refusal.failure.code in _VANISHED | _UNKNOWN_YET:
                losses.append(time.monotonic())
            return backoff(times) if not self._is_lost(losses) and self._passes(refusal.failure) else None

        retry(attempt, OperationFailed, pause, timeout=PATIENCE)

    def agree(self) -> None:
        """See that who is to hold the VM holds it, if it is there. Raises: OperationFailed (conflict)."""
        for each in self._vms if self.marking.mark else ():
            holding.agreed(self.site.arm, each.vm_id, self.marking)

    def _is_lost(self, losses: list[float]) -> bool:
        return len(losses) > _LOSSES and losses[-1] - losses[0] > _LAG * self.site.cloud.pace

    def _passes(self, failure: Failure) -> bool:
        """Tell whether the same update may do better, of a fleet for one of its members."""
        refused = [failure, *(self.site.stack.causes if self.members else ())]
        return any(self._is_transient(each) for each in refused)

    def _is_transient(self, failure: Failure) -> bool:
        """Tell whether the same update may do better, once the provider lives and the state knows what exists."""
        if failure.code == PROVIDER_GONE:
            self.site.reconnect()
            self.reconcile()
            return True
        if failure.code == HELD:
            return False
        if failure.code == EXISTS_ALREADY:
            return self.reconcile().changes
        return failure.kind in _TRANSIENT_KINDS or failure.code in _VANISHED | _UNKNOWN_YET

    def _refuse(self, arm_id: str, found: dict[str, object]) -> None:
        try:
            ownership.require_owned(found, self.site.claim(self.spec))
        except OperationFailed as error:
            raise (
                SharedResourceCreatedElsewhere(error.failure) if arm_id in self.spec.shared_ids() else error
            ) from None


def _merged(found: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {key: arm_id for each in found for key, arm_id in each.items()}


def _needs_refresh(met: Sequence[str]) -> bool:
    """Tell whether the engine must read everything anew after what was refused so far."""
    return not _RECONCILED.isdisjoint(met) or sum(code in _UNKNOWN_YET for code in met) >= _BELIEVED
