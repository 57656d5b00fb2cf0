"""The steps of one deployment, as the worker takes them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from vmops.azure import cleanup, ownership, power, vm_state
from vmops.core import times
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, poll_until, retry
from vmops.deploy import holding, readiness, survey
from vmops.deploy.apply import SharedResourceCreatedElsewhere, Update
from vmops.deploy.context import DeployContext
from vmops.deploy.holding import AS_IT_IS, Marking
from vmops.engine.backend.files import Repair
from vmops.engine.reconcile import subnets
from vmops.spec import names
from vmops.spec.target import Target
from vmops.spec.vm_spec import VmSpec

_GRACE = 3.0
"""Seconds within which ARM shows what a request has begun that was still on its way when its sender died."""


@dataclass(frozen=True)
class EngineState:
    """How far the engine's state can be trusted before an update.

    ``existed``: the backend knew the stack. ``doubtful``: the last change did not end. ``repaired``: its files could
    not be read and were restored, or are lost.
    """

    existed: bool
    doubtful: bool
    repaired: bool

    @property
    def needs_reconcile(self) -> bool:
        """Tell whether it may lack what exists, or hold what was never made."""
        return self.existed and (self.doubtful or self.repaired)

    def needs_refresh(self, *, reconciled: bool, vm_exists: bool) -> bool:
        """Tell whether the update must read everything anew: a VM that is gone may not have gone alone."""
        return reconciled or self.repaired or (self.existed and not vm_exists)


def provision(
    site: DeployContext, spec: VmSpec, *, doubtful: bool, expires: float, marking: Marking = AS_IT_IS
) -> dict[str, Any]:
    """Make the VM as the spec says, running, and give its outputs.

    ``doubtful``: what came before did not end, so the engine's state may lack what exists. ``expires`` is in seconds
    since the epoch, 0 for never. ``marking``: who is to hold it.

    Raises: OperationFailed; CloudError if ARM refuses a look.
    """

    def pause(_: SharedResourceCreatedElsewhere, times: int) -> float | None:
        return 0.0 if times <= len(spec.shared_ids()) else None  # it exists now, and is another's

    return retry(
        lambda: _provision(site, spec, doubtful=doubtful, expires=expires, marking=marking),
        SharedResourceCreatedElsewhere,
        pause,
        timeout=spec.deploy_timeout,
    )


def _provision(
    site: DeployContext, spec: VmSpec, *, doubtful: bool, expires: float, marking: Marking
) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    before = _preflight_when_idle(site, spec)
    if before.machine:
        survey.refuse_anew_for_key(before.machine, spec)
        holding.take(site.arm, before.machine, marking, interval=spec.poll_interval, timeout=spec.deploy_timeout)
    state = _engine_state(site, doubtful=doubtful)
    before = _with_own_subnet(site, spec, before) if state.existed else before
    update = Update(site, spec, before.uses, _build_program(site, spec, before, expires, outputs, marking), marking)
    reconciled = state.needs_reconcile and update.reconcile().needs_refresh
    if before.machine and readiness.needs_deallocation(before.machine, spec):
        readiness.power_and_wait(site.arm, spec, power.Action.DEALLOCATE)
    update.run(refresh=state.needs_refresh(reconciled=reconciled, vm_exists=before.machine is not None))
    update.agree()
    readiness.ensure_running(site.arm, spec)
    if site.cloud.answers:
        readiness.wait_for_ssh(spec, outputs)
    return outputs


def _engine_state(site: DeployContext, *, doubtful: bool) -> EngineState:
    """Mend the stack's files, make the stack if the backend does not know it, and tell what is left of its state."""
    repaired = site.stack.mend() is not Repair.NOTHING
    return EngineState(site.stack.ensure() or repaired, doubtful, repaired)


def plan(site: DeployContext, spec: VmSpec) -> list[dict[str, str]]:
    """Preview what `provision` would do: a resource and an operation (create, update, replace, delete) each.

    Raises: OperationFailed; CloudError if ARM refuses a look.
    """
    before = _with_own_subnet(site, spec, survey.preflight(site.arm, spec, site.owner))
    if before.machine:
        survey.refuse_anew_for_key(before.machine, spec)
    return site.stack.preview(_build_program(site, spec, before, 0.0, {}))


def deprovision(site: DeployContext, target: Target, *, doubtful: bool, held_as: str = "") -> dict[str, Any]:
    """Destroy all that the stack made, verify by listing, then forget the stack.

    What the engine cannot destroy is released through ARM, which also knows what the engine does not. ``doubtful``:
    what came before was cut off, so that a write may still be on its way; it is looked for once more. ``held_as``: the
    mark of the holder who removes it, and may remove no VM that carries another.

    Returns: ``left``, the foreign resources for whose sake our group stays, if there are any.

    Raises: OperationFailed, naming what would not go; CloudError if ARM refuses a look.
    """
    existing = site.arm.get(target.vm_id)
    claim = ownership.Claim(target.stack, site.owner)
    if existing is not None:
        ownership.require_owned(existing, claim)
        if held_as:
            holding.require(existing, held_as)
    ownership.require_owned_stack(cleanup.list_stack(site.arm, target.group_id, target.stack), claim)
    site.stack.mend()
    grace = _GRACE if doubtful else 0.0
    if doubtful:
        subnets.adopt_subnet(site.stack, site.arm, target.group_id, grace)
    try:
        site.stack.destroy()
    except OperationFailed as error:
        if error.failure.kind is FailureKind.LOCKED:
            raise
        get_logger().warning("destroy_incomplete", cause=str(error.failure))
    left = cleanup.delete_owned(
        site.arm,
        target.group_id,
        claim,
        interval=target.poll_interval,
        timeout=target.deploy_timeout,
        grace=grace,
    )
    site.stack.remove()
    return {"left": left} if left else {}


def _preflight_when_idle(site: DeployContext, spec: VmSpec) -> survey.Preflight:
    """Survey what exists, once nothing is being done to the VM any more: ARM refuses a second change meanwhile."""

    def look() -> survey.Preflight | NotYet:
        found = survey.preflight(site.arm, spec, site.owner)
        return vm_state.next_poll(spec.poll_interval) if found.machine and vm_state.in_transit(found.machine) else found

    found = poll_until(look, timeout=spec.deploy_timeout)
    if found is None:
        raise OperationFailed(
            Failure(FailureKind.TIMEOUT, "an earlier change of the VM does not end", resource=spec.vm_id)
        )
    return found


def _with_own_subnet(site: DeployContext, spec: VmSpec, found: survey.Preflight) -> survey.Preflight:
    """See that a subnet in another's network is not taken for another's if the engine has made it."""
    ours = "subnet" in found.uses and subnets.is_ours(site.stack, names.urn_key(spec.ids()["subnet"]))
    return replace(found, uses=found.uses - {"subnet"}) if ours else found


def _mark_of(site: DeployContext, spec: VmSpec, before: survey.Preflight, marking: Marking) -> Callable[[], str]:
    """Give what tells the VM's mark once it is declared; ARM is not asked where nobody holds the VM, nor is to."""
    told = marking.mark or holding.mark_of(before.machine)
    return partial(holding.agreed, site.arm, spec.vm_id, marking) if told else str


def _build_program(
    site: DeployContext,
    spec: VmSpec,
    before: survey.Preflight,
    expires: float,
    outputs: dict[str, Any],
    marking: Marking = AS_IT_IS,
) -> Callable[[], None]:
    from vmops.engine.program import program  # a second of imports, which a deprovision does without

    return program(
        spec.model_copy(update={"location": before.location}),
        owner=site.owner,
        uses=before.uses,
        expires=times.format_utc(expires) if expires else None,
        hold=_mark_of(site, spec, before, marking),
        provider=site.cloud.provider_arguments(spec.subscription),
        outputs=outputs,
    )
