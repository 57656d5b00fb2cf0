"""The steps of one deployment, as the worker takes them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vmops.azure import cleanup, ownership, power, vm_state
from vmops.core import times
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, poll_until, retry
from vmops.deploy import intent, readiness, survey
from vmops.deploy.apply import SharedResourceCreatedElsewhere, Update
from vmops.deploy.context import DeployContext
from vmops.deploy.intent import Intent
from vmops.engine.backend.files import Repair
from vmops.engine.reconcile import subnets
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


def provision(site: DeployContext, spec: VmSpec, *, doubtful: bool, expires: float) -> dict[str, Any]:
    """Make the VM as the spec says, running, and give its outputs.

    ``doubtful``: what came before did not end, so the engine's state may lack what exists. ``expires`` is in seconds
    since the epoch, 0 for never.

    Raises: OperationFailed; CloudError if ARM refuses a look.
    """

    def pause(_: SharedResourceCreatedElsewhere, times: int) -> float | None:
        return 0.0 if times <= len(spec.shared_ids()) else None  # it exists now, and is another's

    return retry(
        lambda: _provision(site, spec, doubtful=doubtful, expires=expires),
        SharedResourceCreatedElsewhere,
        pause,
        timeout=spec.deploy_timeout,
    )


def _provision(site: DeployContext, spec: VmSpec, *, doubtful: bool, expires: float) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    before = _preflight_when_idle(site, spec)
    if before.machine:
        survey.refuse_anew_for_key(before.machine, spec)
    state = _engine_state(site, doubtful=doubtful)
    wanted = intent.form(site, spec, before, known=state.existed)
    spec = wanted.spec
    update = Update(site, spec, wanted.uses, _build_program(site, wanted, before, expires, outputs))
    reconciled = state.needs_reconcile and update.reconcile().needs_refresh
    if before.machine and readiness.needs_deallocation(before.machine, spec):
        readiness.power_and_wait(site.arm, spec, power.Action.DEALLOCATE)
    update.run(refresh=state.needs_refresh(reconciled=reconciled, vm_exists=before.machine is not None))
    readiness.ensure_running(site.arm, spec)
    if site.cloud.answers:
        readiness.wait_for_ssh(spec, outputs)
    return {**outputs, **({"notOurs": [f"{each}: kept" for each in wanted.kept]} if wanted.kept else {})}


def _engine_state(site: DeployContext, *, doubtful: bool) -> EngineState:
    """Mend the stack's files, make the stack if the backend does not know it, and tell what is left of its state."""
    repaired = site.stack.mend() is not Repair.NOTHING
    return EngineState(site.stack.ensure() or repaired, doubtful, repaired)


def plan(site: DeployContext, spec: VmSpec) -> list[dict[str, str]]:
    """Preview what `provision` would do: a resource and an operation (create, update, replace, delete) each.

    What others have added has the operation keep.

    Raises: OperationFailed; CloudError if ARM refuses a look.
    """
    before = survey.preflight(site.arm, spec, site.owner)
    if before.machine:
        survey.refuse_anew_for_key(before.machine, spec)
    wanted = intent.form(site, spec, before, known=True)
    steps = site.stack.preview(_build_program(site, wanted, before, 0.0, {}))
    return [*steps, *({"operation": "keep", "resource": each} for each in wanted.kept)]


def deprovision(site: DeployContext, target: Target, *, doubtful: bool) -> dict[str, Any]:
    """Destroy all that the stack made, verify by listing, then forget the stack.

    What the engine cannot destroy is released through ARM, which also knows what the engine does not. ``doubtful``:
    what came before was cut off, so that a write may still be on its way; it is looked for once more.

    Returns: ``left``, the foreign resources for whose sake our group stays, if there are any.

    Raises: OperationFailed, naming what would not go; CloudError if ARM refuses a look.
    """
    existing = site.arm.get(target.vm_id)
    claim = ownership.Claim(target.stack, site.owner)
    if existing is not None:
        ownership.require_owned(existing, claim)
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


def _build_program(
    site: DeployContext, wanted: Intent, before: survey.Preflight, expires: float, outputs: dict[str, Any]
) -> Callable[[], None]:
    from vmops.engine.program import program  # a second of imports, which a deprovision does without

    return program(
        wanted.spec.model_copy(update={"location": before.location}),
        owner=site.owner,
        uses=wanted.uses,
        expires=times.format_utc(expires) if expires else None,
        foreign=wanted.foreign,
        provider=site.cloud.provider_arguments(wanted.spec.subscription),
        outputs=outputs,
    )
