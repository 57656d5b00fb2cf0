"""The search of one deployment for a place: which comes next, and when it ends."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vmops.core.failures import Failure
from vmops.placement.block import Block
from vmops.placement.place import Place
from vmops.placement.refusals import Next, judge


class Standing(StrEnum):
    """Whether a place is tried in its order, only when no other is left, or never."""

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


def still_standing(place: Place, objections: Iterable[Objection]) -> list[Objection]:
    """Keep the objections that remain valid after a VM was made at a place: those that do not cover it."""
    return [each for each in objections if not each.block.covers(place)]


class Search:
    """The search of one deployment for a place with room.

    A refusal that moves it on blocks the refusing place for the rest of the search. It therefore ends after as many
    rounds as there are places, plus one for each place that is tried twice.
    """

    def __init__(
        self, places: Sequence[Place], known: Iterable[Objection] = (), met: list[Objection] | None = None
    ) -> None:
        """Search these places in this order. ``known`` objections come from others, and end at their own times.

        ``met`` is one list for all VMs of a deployment: a place that refuses one of them is not tried by the others.
        """
        self.places, self._known = tuple(places), list(known)
        self.met: list[Objection] = [] if met is None else met
        self._times: Counter[Place] = Counter()
        self._first = ""

    def place(self, now: float, here: Place | None = None, told: Iterable[Objection] = ()) -> Place | None:
        """Give the place to try at time ``now``: ``here`` if nothing is against it; None if no place is left.

        ``told`` objections hold for this choice alone.
        """
        preferred = sorted(self.places, key=lambda place: bool(self._first) and place.priority != self._first)
        return choose(sorted(preferred, key=lambda place: place != here), [*self._objections(now), *told])

    def listed(self, place: Place) -> Place:
        """Give the same place as this search lists it, with the hardware that is known of it; else the place itself."""
        return next((each for each in self.places if each == place), place)

    def blocked(self, now: float, told: Iterable[Objection] = ()) -> list[tuple[Place, Objection]]:
        """List the places not to be tried at time ``now``, with the objection against each; ``told`` as for `place`."""
        against = [*self._objections(now), *told]
        found = [(place, *standing(place, against)) for place in self.places]
        return [(place, why) for place, stands, why in found if stands is Standing.BLOCKED and why]

    def _objections(self, now: float) -> list[Objection]:
        return [*self.met, *(each for each in self._known if each.until > now)]

    def refused(self, place: Place, failure: Failure, now: float) -> Next:
        """Record a refusal, and say what to do next: after MOVE ask `place` again, after STOP give up.

        A place that refuses its second try stops the search.
        """
        verdict = judge(place, failure)
        self._times[place] += verdict.next is Next.AGAIN
        if self._times[place] > 1:
            return Next.STOP
        self.met += [Objection(block, failure.code, failure.message, now + verdict.seconds) for block in verdict.blocks]
        self._first = verdict.first
        return verdict.next
