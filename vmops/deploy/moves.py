"""Moves a deployment from place to place: if one has no room, the VM is declared in the next, one update a round.

Only a VM that has never run is moved, and only this host's records prove that. The place of a round is recorded before
the engine runs, so that after a crash the next worker knows all names.
"""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, Protocol

from vmops.azure import vm_state
from vmops.core import times
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, poll_until
from vmops.deploy import choice, first_run, removal
from vmops.deploy.context import DeployContext
from vmops.deploy.placed import Placed, of_machine
from vmops.engine.events import NOT_BY_ARM
from vmops.placement.place import Place
from vmops.placement.refusals import Next
from vmops.placement.search import Objection, Search
from vmops.spec.vm_spec import VmSpec

Round = Callable[[VmSpec], dict[str, Any]]
"""Makes the VM in one place, given a spec without lists, and returns its outputs."""

_NEW = frozenset({first_run.NEW, first_run.NO})
_STEP = "call again later, or name more places; `vmops refusals` shows what is remembered of them, and can forget it"

_LIMITS = frozenset({"QuotaExceeded", "SpotQuotaExceeded", "OperationNotAllowed", "MaxHourlyPrice"})
"""Codes of refusals that do not depend on Azure's capacity."""

_MAX_NAMED = 8
"""How many places a failure names with the reason why they are not tried."""


class Ledger(Protocol):
    """The records of places: where VMs were tried, and the objections that were met."""

    def noted(self, name: str) -> Placed | None:
        """Give the place in which a VM was tried last since its removal; None if unknown."""

    def note(self, where: Mapping[str, Placed]) -> None:
        """Record where VMs are tried now. Raises: OperationFailed (interrupted) if another worker has the operation."""

    def known(self) -> list[Objection]:
        """Give the recorded objections to places, of all VMs."""

    def add(self, objections: Iterable[Objection]) -> None:
        """Record objections."""

    def forget(self, place: Place) -> None:
        """Forget the objections to a place where a VM was made."""


class _Unrecorded:
    """A ledger that records nothing and knows nothing."""

    def noted(self, name: str) -> Placed | None:  # noqa: ARG002
        """Give None."""
        return None

    def note(self, where: Mapping[str, Placed]) -> None:
        """Record nothing."""

    def known(self) -> list[Objection]:
        """Give nothing."""
        return []

    def add(self, objections: Iterable[Objection]) -> None:
        """Record nothing."""

    def forget(self, place: Place) -> None:
        """Forget nothing."""


UNRECORDED = _Unrecorded()


def through_places(context: DeployContext, spec: VmSpec, ledger: Ledger, make: Round) -> dict[str, Any]:
    """Make a VM in the first of its places with room, and give its outputs.

    If none of several places has room, what was made of the VM is removed first.
    Raises: OperationFailed with the last refusal; CloudError if ARM refuses a read.
    """
    return make(spec) if spec.location is None else _VmMoves(context, spec, ledger, make).go()


class _VmMoves:
    """The search of one VM for a place."""

    def __init__(self, context: DeployContext, spec: VmSpec, ledger: Ledger, make: Round) -> None:
        self._context, self._spec, self._ledger, self._make = context, spec, ledger, make
        self._moves: list[dict[str, Any]] = []
        self._refusal: Failure | None = None

    def go(self) -> dict[str, Any]:
        """Try one place after another."""
        where = self._begin()
        while where:
            self._ledger.note({self._spec.vm_name: where})
            try:
                outputs = self._make(where.of(self._spec))
            except OperationFailed as refused:
                where = self._after(where, refused)
                continue
            self._ledger.forget(where.place)
            return outputs | ({"moves": self._moves} if self._moves else {})
        raise OperationFailed(self._give_up())

    @cached_property
    def _search(self) -> Search:
        return choice.search(self._context, self._spec, self._ledger.known())

    def _begin(self) -> Placed | None:
        """Give the first place: where the VM is, or was tried last, or else the first without objections."""
        spec, noted = self._spec, self._ledger.noted(self._spec.vm_name)
        stays = noted and (spec.lists or noted.place.location == spec.location)
        home = noted.home if noted and stays else str(spec.location)
        machine = self._settled_machine() if spec.lists else None
        if machine and not first_run.has_never_run(self._context, spec):
            return of_machine(machine, home).within(spec)
        if noted and self._context.made.ran(spec.vm_id) == first_run.YES:
            return noted.within(spec)
        place = self._search.place(time.time(), noted.place if noted else None)
        return Placed(place, home) if place else None

    def _settled_machine(self) -> dict[str, Any] | None:
        """Read the VM once no change of it is in progress."""

        def check() -> tuple[dict[str, Any] | None] | NotYet:
            found = self._context.arm.get(self._spec.vm_id)
            return vm_state.next_poll(self._spec.poll_interval) if found and vm_state.in_transit(found) else (found,)

        seen = poll_until(check, timeout=self._spec.deploy_timeout)
        return seen[0] if seen else None

    def _after(self, where: Placed, refused: OperationFailed) -> Placed | None:
        """Record a refusal; give the next place, None if none is left.

        Raises: the refusal, if another place does not help, the spec has no other, or the VM may have run.
        """
        met, failure = len(self._search.objections), refused.failure
        place = self._search.listed(where.place)
        following = self._search.refused(place, failure, time.time())
        self._ledger.add(self._search.objections[met:])
        if not self._spec.lists or not may_move(self._context, self._spec, following, failure):
            raise refused
        self._refusal = failure
        chosen = self._search.place(time.time(), place if following is Next.AGAIN else None)
        if chosen and chosen != place:
            self._moves.append({"from": place.as_dict(), "to": chosen.as_dict(), "code": failure.code})
            get_logger().warning("moved", vm=self._spec.vm_id, place=str(chosen), reason=failure.message)
            self._clear_disks(where)
        return replace(where, place=chosen) if chosen else None

    def _clear_disks(self, where: Placed) -> None:
        """Remove what was made in this place if the VM has separate data disks, which the engine does not delete."""
        if self._spec.has_separate_disks:
            self._remove(where.of(self._spec).model_copy(update={"keep_group": True}))

    def _remove(self, placed: VmSpec) -> None:
        self._context.made.gone(removal.clear(self._context, placed))

    def _give_up(self) -> Failure:
        """Remove what was made of a VM that found no room, and say why."""
        failure = self._exhausted()
        if self._context.made.ran(self._spec.vm_id) in _NEW:
            try:
                removal.deprovision(self._context, self._spec, interrupted=False)
            except OperationFailed as left:
                return replace(failure, message=f"{failure.message}; and {left.failure.message}")
        return failure

    def _exhausted(self) -> Failure:
        """Give the last refusal, or the objections to each place if none was tried."""
        if self._refusal:
            return no_room(self._refusal, self._search.places)
        return no_place(self._spec, self._search.blocked(time.time()))


def may_move(context: DeployContext, spec: VmSpec, following: Next, failure: Failure) -> bool:
    """Tell whether to try another place: only after a refusal of ARM, and never for a VM that may have run."""
    again = following is Next.AGAIN and failure.code not in NOT_BY_ARM
    return (following is Next.MOVE or again) and first_run.has_never_run(context, spec)


def no_room(refusal: Failure, places: Sequence[Place]) -> Failure:
    """Give the failure of a VM for which none of its places has room, from its last refusal."""
    message = f"{refusal.message.rstrip('. ')}; none of {len(places)} places has room"
    return replace(refusal, message=message, step=_STEP)


def no_place(spec: VmSpec, blocked: Sequence[tuple[Place, Objection]]) -> Failure:
    """Give the failure of a VM of which no place was tried, with the objection to each."""
    kind = FailureKind.QUOTA if all(why.code in _LIMITS for _, why in blocked) else FailureKind.CAPACITY
    said = [
        f"{place}: {why.reason.rstrip('. ')} ({why.code}, until {times.utc_or_none(why.until)})"
        for place, why in blocked
    ]
    more = [f"and {len(said) - _MAX_NAMED} more"] if len(said) > _MAX_NAMED else []
    message = "; ".join(["no place can be tried now", *said[:_MAX_NAMED], *more])
    return Failure(kind, message, resource=spec.vm_id, step=_STEP)
