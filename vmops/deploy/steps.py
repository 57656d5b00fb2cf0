"""The steps of one deployment, which the worker runs."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

from vmops.core import times
from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.core.log import get_logger
from vmops.deploy import (
    changes,
    drift,
    engine_state,
    first_run,
    holding,
    idle,
    intent,
    moves,
    planned,
    readiness,
    removal,
    repair,
    survey,
)
from vmops.deploy.apply import Update, sharing
from vmops.deploy.circumstances import Circumstances
from vmops.deploy.context import DeployContext
from vmops.deploy.fleet import plan as fleet_plan
from vmops.deploy.fleet import steps as fleet
from vmops.deploy.holding import AS_IT_IS, Marking
from vmops.deploy.intent import Intent
from vmops.deploy.resize import Resize
from vmops.engine.reconcile import apply
from vmops.spec.rules import hardware
from vmops.spec.vm_spec import VmSpec

if TYPE_CHECKING:
    from vmops.engine.program import Program


def provision(context: DeployContext, spec: VmSpec, how: Circumstances) -> dict[str, Any]:
    """Make and start the VM or the fleet as the spec says, in the first of its places with room.

    Returns: its outputs. Raises: OperationFailed; CloudError if ARM refuses a read.
    """
    if spec.vm_count is not None:
        return fleet.provision(context, spec, how)
    rounds = chain([how], repeat(replace(how, interrupted=False)))  # the engine of a later round has ended normally
    return moves.through_places(
        context, spec, how.ledger, lambda placed: _provision_there(context, placed, next(rounds))
    )


def _provision_there(context: DeployContext, spec: VmSpec, how: Circumstances) -> dict[str, Any]:
    """Make the VM in one place, and record whether it runs."""
    try:
        made = sharing(spec, lambda: _provision(context, spec, how))
    except OperationFailed as error:
        first_run.note_failure(context, spec, error.failure)
        raise
    first_run.note_success(context, spec)
    return made


def _provision(context: DeployContext, spec: VmSpec, how: Circumstances) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    never_ran = bool(spec.moves) and first_run.has_never_run(context, spec)
    before = _preflight_in_place(context, spec, never_ran=never_ran)
    if before.machine:
        survey.refuse_anew_for_key(before.machine, spec)
        holding.take(context.arm, before.machine, how.marking, interval=spec.poll_interval, timeout=spec.deploy_timeout)
    state = engine_state.prepare(context, interrupted=how.interrupted)
    wanted = intent.form(context, spec, before, known=state.existed)
    spec = wanted.spec
    repairs = repair.due(spec, before, how.changed)

    def update_to(spec: VmSpec) -> Update:
        form = replace(wanted, spec=spec)
        program = _build_program(context, form, before, how.expires, outputs, how.marking, never_ran=never_ran)
        return Update(context, spec, wanted.external, program, how.marking)

    update = update_to(spec)
    apply.forget(context.stack, before.not_ours(spec))
    reconciled = state.needs_reconcile and update.reconcile().needs_refresh
    context.made.disown(set(spec.own_ids()) - set(spec.own_ids(before.external)))
    first_run.begin(context, spec, before)
    context.made.intend(spec.own_ids(before.external))
    refresh = state.needs_refresh(reconciled=reconciled, vm_exists=before.machine is not None)
    resize = Resize(context.arm, spec, None if never_ran else before.machine, update_to)
    resize.run(refresh=refresh or bool(repairs))
    update.require_holder()
    resize.start()
    outputs |= readiness.ssh_of(context.arm, spec, outputs)
    place = {"vmSize": spec.vm_size, "zone": spec.zone, "priority": spec.priority, "cpu": hardware.cpu(spec.vm_size)}
    return outputs | place | repair.report(context, spec, repairs) | wanted.outputs


def plan(context: DeployContext, spec: VmSpec) -> list[dict[str, Any]]:
    """Preview `provision`: for each resource an operation (create, update, replace, delete).

    Parts that others have added have the operation keep; resources of ours that the engine's state lacks have adopt.
    Each change lists the ``properties`` that differ, as far as ARM shows them. Damaged files of the stack are repaired
    first, because the engine could not read them.

    Raises: OperationFailed, also if the size is not available; CloudError if ARM refuses a read.
    """
    context.stack.repair()
    if spec.vm_count is not None:
        return fleet_plan.plan(context, spec)
    before = survey.preflight(context.arm, spec, context.claim(spec))
    if not spec.lists:
        planned.refuse_size(context.arm, spec, before)
    if before.machine:
        survey.refuse_anew_for_key(before.machine, spec)
    wanted = intent.form(context, spec, before, known=True)
    differs = drift.differences(wanted.spec, before)
    program = _build_program(context, wanted, before, None, {})
    steps = context.stack.preview(program, refresh=bool(differs) or before.machine is None)
    asked = planned.beside_drift(wanted.spec, before, wanted.foreign)
    there = before.ours(wanted.spec)
    return [*changes.of_plan(wanted.spec, steps, [*differs, *asked], there), *changes.kept(wanted.kept)]


def _preflight_in_place(context: DeployContext, spec: VmSpec, *, never_ran: bool) -> survey.Preflight:
    """Survey what exists. What was made in another place for a VM that never ran is removed first.

    Its resource group stays where it is.
    """
    survey_once = partial(_preflight, context, spec, never_ran=never_ran)
    try:
        return idle.proven(context, spec, survey_once)
    except OperationFailed as refused:
        if refused.failure.kind is not FailureKind.IMMUTABLE or not first_run.has_never_run(context, spec):
            raise
        get_logger().warning("removed_from_other_place", vm=spec.vm_id, why=refused.failure.message)
    context.made.gone(removal.clear(context, spec.model_copy(update={"keep_group": True})))
    return idle.when_idle(context, spec, partial(_preflight, context, spec))


def _preflight(context: DeployContext, spec: VmSpec, *, never_ran: bool = False) -> survey.Preflight:
    return survey.preflight(context.arm, spec, context.claim(spec), never_ran=never_ran)


def _mark_of(context: DeployContext, spec: VmSpec, before: survey.Preflight, marking: Marking) -> Callable[[], str]:
    """Give a function that returns the mark to declare; ARM is not asked if nobody holds or takes the VM."""
    mark = marking.mark or holding.mark_of(before.machine)
    return partial(holding.mark_to_declare, context.arm, spec.vm_id, marking) if mark else str


def _build_program(
    context: DeployContext,
    wanted: Intent,
    before: survey.Preflight,
    expires: float | None,
    outputs: dict[str, Any],
    marking: Marking = AS_IT_IS,
    *,
    never_ran: bool = False,
) -> "Program":
    """Give the program that declares the VM; ``expires`` is None to leave the expiry unchanged."""
    from vmops.engine.program import program  # a second of imports, which a deprovision does without

    return program(
        wanted.spec.model_copy(update={"location": before.location}),
        owner=context.owner,
        external=wanted.external,
        expires=times.format_utc(expires) if expires else None,
        hold=_mark_of(context, wanted.spec, before, marking),
        foreign=wanted.foreign,
        kept=intent.staying(wanted, before, expires=expires is None, never_ran=never_ran),
        provider=context.cloud.provider_arguments(wanted.spec.subscription),
        outputs=outputs,
        note=context.made.note,
    )
