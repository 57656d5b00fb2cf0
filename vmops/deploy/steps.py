"""The steps of one deployment, as the worker takes them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from vmops.azure import power, vm_state
from vmops.core import times
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until, retry
from vmops.deploy import readiness, survey
from vmops.deploy.apply import SharedResourceCreatedElsewhere, Update
from vmops.deploy.context import DeployContext
from vmops.engine.backend.files import Repair
from vmops.engine.reconcile import subnets
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec


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
    before = _with_own_subnet(site, spec, before) if state.existed else before
    update = Update(site, spec, before.uses, _build_program(site, spec, before, expires, outputs))
    reconciled = state.needs_reconcile and update.reconcile().needs_refresh
    if before.machine and readiness.needs_deallocation(before.machine, spec):
        readiness.power_and_wait(site.arm, spec, power.Action.DEALLOCATE)
    site.made.intend(spec.own_ids(before.uses))
    update.run(refresh=state.needs_refresh(reconciled=reconciled, vm_exists=before.machine is not None))
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
    before = _with_own_subnet(site, spec, survey.preflight(site.arm, spec, site.claim(spec)))
    if before.machine:
        survey.refuse_anew_for_key(before.machine, spec)
    return site.stack.preview(_build_program(site, spec, before, 0.0, {}))


def _preflight_when_idle(site: DeployContext, spec: VmSpec) -> survey.Preflight:
    """Survey what exists, once nothing is being done to the VM any more: ARM refuses a second change meanwhile."""

    def look() -> survey.Preflight | NotYet:
        found = survey.preflight(site.arm, spec, site.claim(spec))
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


def _build_program(
    site: DeployContext, spec: VmSpec, before: survey.Preflight, expires: float, outputs: dict[str, Any]
) -> Callable[[], None]:
    from vmops.engine.program import program  # a second of imports, which a deprovision does without

    return program(
        spec.model_copy(update={"location": before.location}),
        owner=site.owner,
        uses=before.uses,
        expires=times.format_utc(expires) if expires else None,
        provider=site.cloud.provider_arguments(spec.subscription),
        outputs=outputs,
        note=site.made.note,
    )
