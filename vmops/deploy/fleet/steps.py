"""The steps of a fleet's deployment: one preflight, one update for all members, and a check of which run."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from vmops.core import times
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.deploy import (
    drift,
    engine_state,
    first_run,
    holding,
    idle,
    intent,
    readiness,
    removal,
    repair,
    secrets,
    survey,
)
from vmops.deploy.apply import SharedResourceCreatedElsewhere, Update, sharing
from vmops.deploy.circumstances import Circumstances
from vmops.deploy.context import DeployContext
from vmops.deploy.drift import Drift
from vmops.deploy.fleet import leaving, outcome, roster
from vmops.deploy.fleet.moves import FleetMoves
from vmops.deploy.fleet.outcome import Outcome
from vmops.deploy.fleet.roster import Roster
from vmops.deploy.holding import Marking
from vmops.deploy.intent import Intent
from vmops.deploy.placed import by_inventory
from vmops.engine.reconcile import apply
from vmops.spec.vm_spec import VmSpec

_ABORTING = frozenset({FailureKind.INTERRUPTED, FailureKind.TIMEOUT, FailureKind.LOCKED, FailureKind.BUG})
"""Kinds of failures that concern the whole deployment, not single members."""


def provision(context: DeployContext, spec: VmSpec, how: Circumstances) -> dict[str, Any]:
    """Make and start the members of a fleet as the spec says, and give the outputs. One refused member stops no other.

    Raises: OperationFailed if fewer run than the minimum; CloudError if ARM refuses a read.
    """
    if how.replaces:
        _remove(context, spec, how.replaces)
    moves, repairs = FleetMoves(context, spec, how.ledger), list[Drift]()
    while True:
        made = sharing(spec, partial(_round, context, spec, how, moves))
        repairs += made.repairs
        if not _moves_on(context, spec, moves, made):
            return _outputs(moves.counted(made.found), spec, made.intents, drift.distinct(repairs))
        how = replace(how, interrupted=False)  # the engine of this round has ended normally


@dataclass(frozen=True)
class _Made:
    """The result of one round for the members that have a place."""

    before: Roster
    intents: Sequence[Intent]
    repairs: Sequence[Drift]
    found: Outcome


def _moves_on(context: DeployContext, spec: VmSpec, moves: FleetMoves, made: _Made) -> bool:
    """Record the results of a round; tell whether another must follow, for members that found no room and never ran."""
    for each in made.before.members:
        if each.member in made.found.running:
            first_run.note_success(context, each)
    moves.found_room([each for each in made.before.unmade if each.member in made.found.running])
    going = moves.learn(made.before.members, made.found.missing)
    if going and spec.has_separate_disks:
        leaving.clear(context, spec, going)
    return bool(going)


def _remove(context: DeployContext, spec: VmSpec, numbers: Sequence[int]) -> None:
    """Delete the VMs that are to be replaced. Raises: OperationFailed (not_found) if a number has no member."""
    before = idle.proven(context, spec, lambda: roster.survey_members(context, spec, by_inventory))
    there = {each.member: was.machine for each, was in zip(before.members, before.before, strict=True)}
    for number in numbers:
        if number not in there:
            message = f"member: the fleet has no VM with the number {number}"
            raise OperationFailed(Failure(FailureKind.NOT_FOUND, message, resource=spec.group_id))
    leaving.remove(context, spec, [machine for number in numbers if (machine := there[number])])
    for each in before.members:
        if each.member in numbers:
            context.made.note_run(each.vm_id, first_run.NO)  # its data was deleted with its disks


def _round(context: DeployContext, spec: VmSpec, how: Circumstances, moves: FleetMoves) -> _Made:
    before = idle.proven(context, spec, lambda: roster.survey_members(context, spec, moves.place, moves.nowhere))
    if not before.members:
        return _Made(before, (), (), _without_members(context, spec, before))
    moves.note(before.members)
    _take(context, before, how.marking)
    state = engine_state.prepare(context, interrupted=how.interrupted)
    made = intents(context, before, known=state.existed)
    repairs = _repairs(made, before, how.changed)
    update = update_of(context, spec, made, before, how)
    apply.forget(context.stack, [*before.shared.not_ours(spec), *(before.gone if state.existed else ())])
    reconciled = state.needs_reconcile and update.reconcile().needs_refresh
    _note(context, before)
    refused = _updated(context, made, before, update, refresh=reconciled or state.repaired or bool(repairs))
    leaving.release(context, spec, before.leaving)
    return _Made(before, made, repairs, outcome.ensure_running(context.arm, [each.spec for each in made], refused))


def _without_members(context: DeployContext, spec: VmSpec, before: Roster) -> Outcome:
    """Remove what exists of a fleet of which no member found room, so that nothing is left to pay for."""
    if before.leaving:
        removal.deprovision(context, spec, interrupted=False)
    return Outcome((), {}, {})


def _take(context: DeployContext, before: Roster, marking: Marking) -> None:
    """Mark existing VMs for their new holder. Raises: OperationFailed (conflict, or immutable for another key)."""
    for member, each in zip(before.members, before.before, strict=True):
        if each.machine:
            survey.refuse_anew_for_key(each.machine, member)
            holding.take(
                context.arm, each.machine, marking, interval=member.poll_interval, timeout=member.deploy_timeout
            )


def intents(context: DeployContext, before: Roster, *, known: bool) -> list[Intent]:
    """Determine what to declare for each member; the engine's state is read at most once."""
    state = intent.reader(context, known=known)
    new = [member for member, each in zip(before.members, before.before, strict=True) if each.machine is None]
    given = secrets.restored(context, new[0], None, known=known) if new else None
    members = [each.model_copy(update=_secrets(given)) if given else each for each in before.members]
    pairs = zip(members, before.before, strict=True)
    return [intent.form(context, member, each, known=known, state=state) for member, each in pairs]


def _secrets(given: VmSpec) -> dict[str, Any]:
    return {"admin_password_or_key": given.admin_password_or_key, "custom_data": given.custom_data}


def _repairs(made: Sequence[Intent], before: Roster, changed: Sequence[str] | None) -> list[Drift]:
    """List the drift to repair; that of shared resources is listed once."""
    pairs = zip(made, before.before, strict=True)
    return drift.distinct(each for part, was in pairs for each in repair.due(part.spec, was, changed))


def update_of(
    context: DeployContext, spec: VmSpec, made: Sequence[Intent], before: Roster, how: Circumstances
) -> Update:
    """Give the update that brings all members to their specs."""
    from vmops.engine.program import fleet_program  # a second of imports, which a deprovision does without
    from vmops.stacks.fleet import Part

    def part(each: Intent, was: survey.Preflight) -> Part:
        stays = intent.staying(each, was, expires=how.expires is None, never_ran=each.spec.member in before.new)
        return Part(each.spec.model_copy(update={"location": was.location}), each.foreign, stays, new=not was.machine)

    external = made[0].external
    program = fleet_program(
        [part(each, was) for each, was in zip(made, before.before, strict=True)],
        owner=context.owner,
        external=external,
        expires=times.format_utc(how.expires) if how.expires else None,
        hold=_hold(context, before, how.marking),
        provider=context.cloud.provider_arguments(spec.subscription),
        note=context.made.note,
        pace=context.cloud.pace,
    )
    return Update(context, spec, external, program, how.marking, [each.spec for each in made], before.leaving)


def _hold(context: DeployContext, before: Roster, marking: Marking) -> Callable[[], str]:
    """Give a function that returns the mark of all members when they are declared: a fleet is only held as a whole."""
    there = before.machines
    if not (marking.mark or any(map(holding.mark_of, there))):
        return str

    def mark_to_declare() -> str:
        marks = [holding.mark_to_declare(context.arm, each["id"], marking) for each in there]
        return next(filter(None, marks), marking.mark)

    return mark_to_declare


def _note(context: DeployContext, before: Roster) -> None:
    """Record what is about to be made, and which members are new."""
    external = before.shared.external
    context.made.disown({arm_id for each in before.members for arm_id in {*each.own_ids()} - {*each.own_ids(external)}})
    for member, each in zip(before.members, before.before, strict=True):
        first_run.begin(context, member, each)
    context.made.intend(dict.fromkeys(arm_id for each in before.members for arm_id in each.own_ids(external)))


def _updated(
    context: DeployContext, made: Sequence[Intent], before: Roster, update: Update, *, refresh: bool
) -> dict[str, Failure]:
    """Update all members to their specs; give the refusals by the name of the refused resource.

    The one under '' is for members without a refusal of their own.

    Raises: OperationFailed, if the failure concerns the whole deployment.
    """
    for part, was in zip(made, before.before, strict=True):
        if was.machine and part.spec.member not in before.new and readiness.needs_deallocation(was.machine, part.spec):
            readiness.deallocate(context.arm, part.spec, "a disk grows")
    try:
        update.run(refresh=refresh)
    except SharedResourceCreatedElsewhere:
        raise
    except OperationFailed as error:
        refused = error.failure
        if refused.kind in _ABORTING:
            raise
        get_logger().warning("refused", cause=str(refused))
        causes = [each for each in reversed(context.stack.causes) if each.code or each.kind is not FailureKind.ENGINE]
        return {"": refused, **{each.resource: each for each in causes}}
    update.require_holder()
    return {}


def _outputs(found: Outcome, spec: VmSpec, made: Sequence[Intent], repairs: Sequence[Drift]) -> dict[str, Any]:
    """Give the outputs of a fleet. Raises: OperationFailed if fewer members run than the minimum."""
    enough = spec.min_count or spec.vm_count or 0
    if len(found.running) < enough:
        raise OperationFailed(found.failure(enough))
    kept = [f"{each}: kept" for part in made for each in part.kept]
    repaired = [f"{each}: repaired" for each in repairs]
    beside = {"notOurs": list(dict.fromkeys(kept)), "repaired": repaired}
    return found.outputs() | {name: each for name, each in beside.items() if each}
