"""The search of one deployment for a place: which is tried next, and when the search ends."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vmops.core.failures import Failure
from vmops.placement.block import Block
from vmops.placement.place import Place
from vmops.placement.refusals import Next, consequence


class Standing(StrEnum):
    """Whether a place is tried in its order, only after all others, or never."""

    OK = "ok"
    LAST = "last"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Objection:
    """A block and its reason: Azure's code, a sentence, and when it ends, in seconds since the epoch."""

    block: Block
    code: str
    reason: str
    until: float


def standing(place: Place, objections: Iterable[Objection]) -> tuple[Standing, Objection | None]:
    """Give the standing of a place and the objection that decides it, if any; hard ones outweigh soft ones."""
    soft = None
    for objection in objections:
        if objection.block.covers(place):
            if objection.block.hard:
                return Standing.BLOCKED, objection
            soft = soft or objection
    return (Standing.LAST, soft) if soft else (Standing.OK, None)


def choose(places: Iterable[Place], objections: Sequence[Objection]) -> Place | None:
    """Give the first place without an objection, else the first without a hard one; None if there is none."""
    last = None
    for place in places:
        stands, _ = standing(place, objections)
        if stands is Standing.OK:
            return place
        if stands is Standing.LAST:
            last = last or place
    return last


def remaining(place: Place, objections: Iterable[Objection]) -> list[Objection]:
    """Give the objections that remain after a VM was made at a place: those that do not cover it."""
    return [each for each in objections if not each.block.covers(place)]


class Search:
    """The search of one deployment for a place with room.

    A refusal that moves it on blocks the refusing place for the rest of the search. So it ends after at most as many
    rounds as there are places, plus one for each place that is tried twice.
    """

    def __init__(
        self, places: Sequence[Place], known: Iterable[Objection] = (), objections: list[Objection] | None = None
    ) -> None:
        """Search these places in this order. ``known`` objections come from earlier deployments, and expire.

        ``objections`` are those of this deployment, shared by all of its VMs: a place that refuses one of them is not
        tried by the others.
        """
        self.places, self._known = tuple(places), list(known)
        self.objections: list[Objection] = [] if objections is None else objections
        self._times: Counter[Place] = Counter()
        self._first = ""

    def place(self, now: float, here: Place | None = None, extra: Iterable[Objection] = ()) -> Place | None:
        """Give the place to try at time ``now``: ``here`` if there is no objection to it; None if no place is left.

        ``extra`` are objections for this choice only.
        """
        preferred = sorted(self.places, key=lambda place: bool(self._first) and place.priority != self._first)
        return choose(sorted(preferred, key=lambda place: place != here), [*self._objections(now), *extra])

    def listed(self, place: Place) -> Place:
        """Give the equal place of this search, which includes its hardware; else the place itself."""
        return next((each for each in self.places if each == place), place)

    def blocked(self, now: float, extra: Iterable[Objection] = ()) -> list[tuple[Place, Objection]]:
        """List the places that must not be tried at time ``now``, with the objection to each."""
        against = [*self._objections(now), *extra]
        found = [(place, *standing(place, against)) for place in self.places]
        return [(place, why) for place, stands, why in found if stands is Standing.BLOCKED and why]

    def _objections(self, now: float) -> list[Objection]:
        return [*self.objections, *(each for each in self._known if each.until > now)]

    def refused(self, place: Place, failure: Failure, now: float) -> Next:
        """Record a refusal, and say what to do next: after MOVE ask `place` again, after STOP give up.

        A second AGAIN from the same place stops the search.
        """
        verdict = consequence(place, failure)
        self._times[place] += verdict.next is Next.AGAIN
        if self._times[place] > 1:
            return Next.STOP
        self.objections += [
            Objection(block, failure.code, failure.message, now + verdict.seconds) for block in verdict.blocks
        ]
        self._first = verdict.first
        return verdict.next
