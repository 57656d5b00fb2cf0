"""Moves the members of a fleet from place to place, one update of all of them a round, until each has found room.

Only members that have never run are moved (`vmops.deploy.first_run`). Their places are recorded before the engine runs.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from vmops.azure import vm_state
from vmops.azure.inventory import Inventory
from vmops.core.failures import Failure
from vmops.core.log import get_logger
from vmops.deploy import choice, first_run
from vmops.deploy.context import DeployContext
from vmops.deploy.fleet.outcome import Outcome
from vmops.deploy.market import Market
from vmops.deploy.moves import Ledger, may_move, no_place, no_room
from vmops.deploy.placed import Placed, candidates, home_of, of_machine
from vmops.placement.place import Place
from vmops.placement.refusals import Next
from vmops.placement.search import Objection, Search
from vmops.spec.vm_spec import VmSpec


class FleetMoves:
    """The place in which each member is, or is tried; ``nowhere`` says why some are in no place, by their numbers."""

    def __init__(self, context: DeployContext, spec: VmSpec, ledger: Ledger) -> None:
        self._context, self._spec, self._ledger = context, spec, ledger
        self._market = Market(context.arm, spec.subscription)
        self._known = ledger.known() if spec.lists else []
        self._met: list[Objection] = []
        self._asked: dict[int | None, VmSpec] = {}
        self._searches: dict[int | None, Search] = {}
        self._where: dict[int | None, Placed] = {}
        self._home: str | None = None
        self.nowhere: dict[int, Failure] = {}
        self.moves: list[dict[str, Any]] = []

    def place(self, members: Sequence[VmSpec], seen: Inventory) -> list[VmSpec]:
        """Give each member in its place, and choose one for members without. Members that find none are left out.

        Raises: CloudError if ARM refuses a read.
        """
        if self._spec.location is None:
            return list(members)
        if self._home is None:
            self._home = self._find_home(members, seen)
        self._asked |= {each.member: each for each in members}
        found = [(each, self._of(each, seen.find(each.vm_id))) for each in members if each.member not in self.nowhere]
        return [where.of(each) for each, where in found if where]

    def note(self, members: Sequence[VmSpec]) -> None:
        """Record where members are tried now. Raises: OperationFailed (interrupted), as the ledger."""
        tried = {each.machine_name: self._where[each.member] for each in members if each.member in self._where}
        if tried:
            self._ledger.note(tried)

    def found_room(self, members: Sequence[VmSpec]) -> None:
        """Forget the objections to the places where members were made."""
        for place in {self._where[each.member].place for each in members if each.member in self._where}:
            self._ledger.forget(place)

    def learn(self, members: Sequence[VmSpec], missing: Mapping[int, Failure]) -> list[VmSpec]:
        """Learn why members are missing; give those that may move, each of which now has another place, or none."""
        refused, met = (
            [each for each in members if each.member in missing and each.member in self._where],
            len(self._met),
        )
        verdicts = [(each, self._refused(each, missing[each.member or 0])) for each in refused]
        self._ledger.add(self._met[met:])
        going = [
            (each, following)
            for each, following in verdicts
            if self._spec.lists and may_move(self._context, each, following, missing[each.member or 0])
        ]
        for each, following in going:
            self._market.take(self._place_of(each), -1)
            self._move(each, following, missing[each.member or 0])
        return [each for each, _ in going]

    def counted(self, found: Outcome) -> Outcome:
        """Give the outcome of all members, including those that are in no place."""
        nowhere = [self._spec.model_copy(update={"member": number, "vm_count": None}) for number in self.nowhere]
        missing = dict(sorted({**found.missing, **self.nowhere}.items()))
        return replace(found, members=[*found.members, *nowhere], missing=missing, moves=self.moves)

    def _find_home(self, members: Sequence[VmSpec], seen: Inventory) -> str:
        """Find the home location by what exists, else by where members were tried last, else the first of the spec."""
        spec, noted = self._spec, filter(None, (self._ledger.noted(each.machine_name) for each in members))
        tried = (each.home for each in noted if spec.lists or each.place.location == spec.location)
        return home_of(seen.ours, next(tried, str(spec.location)))

    def _of(self, member: VmSpec, machine: Mapping[str, Any] | None) -> Placed | None:
        """Give the place of a member; one with a change in progress stays where it is, and is read again later."""
        if machine and vm_state.in_transit(machine):
            return of_machine(machine, self._named_at).within(member)
        if member.member not in self._where:
            self._begin(member, machine)
        return self._where.get(member.member)

    def _begin(self, member: VmSpec, machine: Mapping[str, Any] | None) -> None:
        """Choose the first place of a member: where it is, or was tried last, or else one without objections."""
        if not member.lists:
            self._where[member.member] = Placed(candidates(member)[0], self._named_at)
            return
        noted = self._ledger.noted(member.machine_name)
        there = of_machine(machine, self._named_at) if machine else noted and replace(noted, home=self._named_at)
        ran = self._context.made.ran(member.vm_id) == first_run.YES
        if there and (ran or (machine and not first_run.has_never_run(self._context, member))):
            self._where[member.member] = there.within(member)
            return
        search, objections = self._search(member), self._objections(member)
        if place := search.place(time.time(), noted.place if noted else None, objections):
            self._go(member, place)
        else:
            self.nowhere[member.member or 0] = no_place(member, search.blocked(time.time(), objections))

    @property
    def _named_at(self) -> str:
        """Give the home location, in which names have no suffix; `place` finds it."""
        return self._home or ""

    def _go(self, member: VmSpec, place: Place) -> None:
        self._market.take(place)
        self._where[member.member] = Placed(place, self._named_at)

    def _search(self, member: VmSpec) -> Search:
        """Give the search of a member among all places of its spec, also if it is already in one of them."""
        if member.member not in self._searches:
            asked = self._asked[member.member]
            found = choice.ordered(self._context, asked, self._market) if asked.lists else (candidates(asked), [])
            self._searches[member.member] = Search(found[0], [*self._known, *found[1]], self._met)
        return self._searches[member.member]

    def _objections(self, member: VmSpec) -> list[Objection]:
        """Give Azure's objections to places, counting the quota that the other members take."""
        return self._market.objections(self._search(member).places, choice.need(member))

    def _place_of(self, member: VmSpec) -> Place:
        return self._search(member).listed(self._where[member.member].place)

    def _refused(self, member: VmSpec, why: Failure) -> Next:
        first_run.note_failure(self._context, member, why)
        return self._search(member).refused(self._place_of(member), why, time.time())

    def _move(self, member: VmSpec, following: Next, why: Failure) -> None:
        """Choose the next place of a member that may move; if no place is left it is in none."""
        search, here = self._search(member), self._place_of(member)
        again = here if following is Next.AGAIN else None
        chosen = search.place(time.time(), again, self._objections(member))
        if chosen is None:
            del self._where[member.member]
            self.nowhere[member.member or 0] = no_room(why, search.places)
            return
        self._go(member, chosen)
        if chosen != here:
            move = {"from": here.as_dict(), "to": chosen.as_dict(), "code": why.code}
            self.moves.append({"member": member.member, **move})
            get_logger().warning("moved", vm=member.vm_id, place=str(chosen), reason=why.message)
