"""The way of one deployment through its places: which comes next, and when it ends."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from vmops.core.failures import Failure
from vmops.placement.block import Block
from vmops.placement.place import Place
from vmops.placement.refusals import Next, judge


class Standing(StrEnum):
    """How a place stands: it is tried in its order, when no other is left, or not at all."""

    OK = "ok"
    LAST = "last"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Objection:
    """A block with who says so: Azure's code, a sentence, and until when it holds, in seconds since the epoch."""

    block: Block
    code: str
    reason: str
    until: float


def standing(place: Place, objections: Iterable[Objection]) -> tuple[Standing, Objection | None]:
    """Tell how a place stands, and the objection that makes it so, if any; a hard one weighs more than a soft one."""
    soft = None
    for objection in objections:
        if objection.block.covers(place):
            if objection.block.hard:
                return Standing.BLOCKED, objection
            soft = soft or objection
    return (Standing.LAST, soft) if soft else (Standing.OK, None)


def choose(places: Iterable[Place], objections: Sequence[Objection]) -> Place | None:
    """Give the first place that nothing is against, else the first that is not blocked hard; None if all are."""
    last = None
    for place in places:
        stands, _ = standing(place, objections)
        if stands is Standing.OK:
            return place
        if stands is Standing.LAST:
            last = last or place
    return last


def still_standing(place: Place, objections: Iterable[Objection]) -> list[Objection]:
    """Give the objections that still stand after a VM was made at a place: all that are not against it."""
    return [each for each in objections if not each.block.covers(place)]


class Search:
    """The search of one deployment for a place that has room.

    Each refusal that sends it on blocks the place where it was met, for as long as the search lasts, so that it ends
    after as many rounds as there are places, and one more for each that is tried twice.
    """

    def __init__(
        self, places: Sequence[Place], known: Iterable[Objection] = (), met: list[Objection] | None = None
    ) -> None:
        """Look in these places, in this order; what is ``known`` against some was met by others, and holds its time.

        ``met`` is one list for all VMs of one deployment: what one is refused, none of the others tries.
        """
        self.places, self._known = tuple(places), list(known)
        self.met: list[Objection] = [] if met is None else met
        self._times: Counter[Place] = Counter()
        self._first = ""

    def place(self, now: float, here: Place | None = None, told: Iterable[Objection] = ()) -> Place | None:
        """Give the place to try at a time, ``here`` if nothing is against it; None if none is left.

        What is ``told`` holds for this time alone.
        """
        preferred = sorted(self.places, key=lambda place: bool(self._first) and place.priority != self._first)
        return choose(sorted(preferred, key=lambda place: place != here), [*self._objections(now), *told])

    def blocked(self, now: float, told: Iterable[Objection] = ()) -> list[tuple[Place, Objection]]:
        """Give each place that is not to be tried at a time, with what is against it; ``told`` as for `place`."""
        against = [*self._objections(now), *told]
        found = [(place, *standing(place, against)) for place in self.places]
        return [(place, why) for place, stands, why in found if stands is Standing.BLOCKED and why]

    def _objections(self, now: float) -> list[Objection]:
        return [*self.met, *(each for each in self._known if each.until > now)]

    def refused(self, place: Place, failure: Failure, now: float) -> Next:
        """Learn from a refusal what is to be done: after MOVE by another `place`, after STOP no more.

        What was to be tried once more, and is refused again, is the end.
        """
        verdict = judge(place, failure)
        self._times[place] += verdict.next is Next.AGAIN
        if self._times[place] > 1:
            return Next.STOP
        self.met += [Objection(block, failure.code, failure.message, now + verdict.seconds) for block in verdict.blocks]
        self._first = verdict.first
        return verdict.next
