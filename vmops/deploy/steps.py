"""The steps of one deployment, as the worker takes them."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, repeat
from typing import Any

from vmops.azure import inventory, vm_state
from vmops.azure.inventory import AGAIN
from vmops.core import times
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, poll_until, retry
from vmops.deploy import (
    changes,
    drift,
    engine_state,
    first_run,
    holding,
    intent,
    moves,
    planned,
    proof,
    readiness,
    removal,
    repair,
    secrets,
    survey,
)
from vmops.deploy.apply import SharedResourceCreatedElsewhere, Update
from vmops.deploy.context import DeployContext
from vmops.deploy.holding import AS_IT_IS, Marking
from vmops.deploy.intent import Intent
from vmops.deploy.moves import UNRECORDED, Ledger
from vmops.deploy.resize import Resize
from vmops.engine.reconcile import apply
from vmops.spec.kept import Kept
from vmops.spec.rules import hardware
from vmops.spec.vm_spec import VmSpec

_DOUBTS = 3
"""How often what list and id disagree on is looked for again: then the list is behind, which has what is gone."""


@dataclass(frozen=True)
class Circumstances:
    """What is known before a provision.

    ``doubtful``: what came before did not end, so the engine's state may lack what exists. ``expires`` is in seconds
    since the epoch, 0 for never. ``marking``: who is to hold the VM. ``changed`` are the parameters that are asked for
    otherwise than they were made last; None if nobody knows. ``ledger`` remembers places.
    """

    doubtful: bool = False
    expires: float = 0.0
    marking: Marking = AS_IT_IS
    changed: Sequence[str] | None = None
    ledger: Ledger = UNRECORDED


def provision(site: DeployContext, spec: VmSpec, how: Circumstances) -> dict[str, Any]:
    """Make the VM as the spec says, running, in the first of its places that has room, and give its outputs.

    Raises: OperationFailed; CloudError if ARM refuses a look.
    """
    rounds = chain([how], repeat(replace(how, doubtful=False)))  # an engine that has ended leaves no doubt
    return moves.through_places(site, spec, how.ledger, lambda placed: _provision_there(site, placed, next(rounds)))


def _provision_there(site: DeployContext, spec: VmSpec, how: Circumstances) -> dict[str, Any]:
    """Make the VM in one place, and note whether it runs."""

    def pause(_: SharedResourceCreatedElsewhere, times: int) -> float | None:
        return 0.0 if times <= len(spec.shared_ids()) else None  # it exists now, and is another's

    try:
        made = retry(
            lambda: _provision(site, spec, how), SharedResourceCreatedElsewhere, pause, timeout=spec.deploy_timeout
        )
    except OperationFailed as error:
        first_run.note_failure(site, spec, error.failure)
        raise
    first_run.note_success(site, spec)
    return made


def _provision(site: DeployContext, spec: VmSpec, how: Circumstances) -> dict[str, Any]:
    outputs: dict[str, Any] = {}
    never_ran = bool(spec.moves) and first_run.never(site, spec)
    before = _preflight_in_place(site, spec, never_ran=never_ran)
    if before.machine:
        survey.refuse_anew_for_key(before.machine, spec)
        holding.take(site.arm, before.machine, how.marking, interval=spec.poll_interval, timeout=spec.deploy_timeout)
    state = engine_state.mended(site, doubtful=how.doubtful)
    wanted = intent.form(site, spec, before, known=state.existed)
    spec = wanted.spec
    repairs = repair.due(spec, before, how.changed)

    def update_to(spec: VmSpec) -> Update:
        form = replace(wanted, spec=spec)
        program = _build_program(site, form, before, how.expires, outputs, how.marking, never_ran=never_ran)
        return Update(site, spec, wanted.uses, program, how.marking)

    update = update_to(spec)
    apply.forget(site.stack, before.strangers(spec))
    reconciled = state.needs_reconcile and update.reconcile().needs_refresh
    site.made.disown(set(spec.own_ids()) - set(spec.own_ids(before.uses)))
    first_run.begin(site, spec, before)
    site.made.intend(spec.own_ids(before.uses))
    refresh = state.needs_refresh(reconciled=reconciled, vm_exists=before.machine is not None)
    resize = Resize(site.arm, spec, None if never_ran else before.machine, update_to)
    resize.run(refresh=refresh or bool(repairs))
    update.agree()
    resize.start()
    outputs |= readiness.ssh_of(site.arm, spec, outputs)
    place = {"vmSize": spec.vm_size, "zone": spec.zone, "priority": spec.priority, "cpu": hardware.cpu(spec.vm_size)}
    return outputs | place | repair.told(site, spec, repairs) | wanted.told


def plan(site: DeployContext, spec: VmSpec) -> list[dict[str, Any]]:
    """Preview what `provision` would do: a resource and an operation (create, update, replace, delete) each.

    What others have added has the operation keep. What is ours and missing in the engine's state has adopt. Each change
    lists the ``properties`` that differ, as far as ARM shows them. Damaged files of the stack are repaired first: no
    engine could read them.

    Raises: OperationFailed, also if the size is not available; CloudError if ARM refuses a read.
    """
    site.stack.mend()
    before = survey.preflight(site.arm, spec, site.claim(spec))
    if not spec.lists:
        planned.refuse_size(site.arm, spec, before)
    if before.machine:
        survey.refuse_anew_for_key(before.machine, spec)
    wanted = intent.form(site, spec, before, known=True)
    differs = drift.differences(wanted.spec, before)
    program = _build_program(site, wanted, before, None, {})
    steps = site.stack.preview(program, refresh=bool(differs) or before.machine is None)
    asked = planned.beside_drift(wanted.spec, before, wanted.foreign)
    there = before.ours(wanted.spec)
    return [*changes.of_plan(wanted.spec, steps, [*differs, *asked], there), *changes.kept(wanted.kept)]


def _preflight_in_place(site: DeployContext, spec: VmSpec, *, never_ran: bool) -> survey.Preflight:
    """Survey what exists; what was made in another place for a VM that never ran is removed first.

    Its resource group stays where it is.
    """
    try:
        return _preflight_proven(site, spec, never_ran=never_ran)
    except OperationFailed as refused:
        if refused.failure.kind is not FailureKind.IMMUTABLE or not first_run.never(site, spec):
            raise
        get_logger().warning("placed_elsewhere", vm=spec.vm_id, why=refused.failure.message)
    site.made.gone(removal.clear(site, spec.model_copy(update={"keep_group": True})))
    return _preflight_when_idle(site, spec)


def _preflight_proven(site: DeployContext, spec: VmSpec, *, never_ran: bool) -> survey.Preflight:
    """Survey what exists; where it is not ours as far as this host knows, the engine's state may tell that it is."""
    try:
        return _preflight_when_idle(site, spec, never_ran=never_ran)
    except OperationFailed as refused:
        if refused.failure.kind is not FailureKind.CONFLICT or not _has_proof(site, spec):
            raise
    return _preflight_when_idle(site, spec, never_ran=never_ran)


def _has_proof(site: DeployContext, spec: VmSpec) -> bool:
    """Tell whether the engine's state has news of whose what exists is; one that cannot be read has none."""
    with suppress(OperationFailed):
        return proof.learn(site, spec, inventory.take(site.arm, site.claim(spec)))
    return False


def _preflight_when_idle(site: DeployContext, spec: VmSpec, *, never_ran: bool = False) -> survey.Preflight:
    """Survey what exists, once nothing is being done to the VM any more: ARM refuses a second change meanwhile.

    What the group lists and is not found by its id is looked for again for a while: it may be another's.
    """
    doubts = iter([NotYet(AGAIN * site.cloud.pace)] * _DOUBTS)

    def look() -> survey.Preflight | NotYet:
        found = survey.preflight(site.arm, spec, site.claim(spec), never_ran=never_ran)
        if found.seen.unread and (doubt := next(doubts, None)):
            return doubt
        return vm_state.next_poll(spec.poll_interval) if found.machine and vm_state.in_transit(found.machine) else found

    found = poll_until(look, timeout=spec.deploy_timeout)
    if found is None:
        raise OperationFailed(
            Failure(FailureKind.TIMEOUT, "an earlier change of the VM does not end", resource=spec.vm_id)
        )
    return found


def _mark_of(site: DeployContext, spec: VmSpec, before: survey.Preflight, marking: Marking) -> Callable[[], str]:
    """Give what tells the VM's mark once it is declared; ARM is not asked where nobody holds the VM, nor is to."""
    told = marking.mark or holding.mark_of(before.machine)
    return partial(holding.agreed, site.arm, spec.vm_id, marking) if told else str


def _build_program(
    site: DeployContext,
    wanted: Intent,
    before: survey.Preflight,
    expires: float | None,
    outputs: dict[str, Any],
    marking: Marking = AS_IT_IS,
    *,
    never_ran: bool = False,
) -> Callable[[], None]:
    """Give the program that declares the VM; ``expires`` is None where that stays as it is."""
    from vmops.engine.program import program  # a second of imports, which a deprovision does without

    return program(
        wanted.spec.model_copy(update={"location": before.location}),
        owner=site.owner,
        uses=wanted.uses,
        expires=times.format_utc(expires) if expires else None,
        hold=_mark_of(site, wanted.spec, before, marking),
        foreign=wanted.foreign,
        kept=Kept(
            secrets.kept(wanted.spec, before.machine),
            wanted.attached,
            expires is None,
            (before.seen.group or {}).get("location"),
            _address_zones(wanted.spec, before),
            never_ran,
        ),
        provider=site.cloud.provider_arguments(wanted.spec.subscription),
        outputs=outputs,
        note=site.made.note,
    )


def _address_zones(spec: VmSpec, before: survey.Preflight) -> tuple[str, ...] | None:
    """Give the zones of a public address that is there; None if none is."""
    there = before.bodies(spec, ours=True).get("address")
    return None if there is None else tuple(there.get("zones") or ())
