"""Searches for a place in seeded worlds: ``PLACE_SCHEDULES=100000`` runs more of them."""

import os
import random
from dataclasses import dataclass, field

import pytest

from vmops.core.failures import Failure, FailureKind
from vmops.placement.place import REGULAR, SPOT, Hardware, Place, places
from vmops.placement.refusals import Next
from vmops.placement.search import Objection, Search, remaining

SCHEDULES = int(os.environ.get("PLACE_SCHEDULES", "10000"))
LONGEST = 2 * 64
"""Rounds: each place once, and once more where that may help."""

HARDWARE = {f"f{family}s{cores}": Hardware(f"f{family}", cores) for family in range(3) for cores in (2, 4, 8)}
LIMITS = (0, 4, 8, 16, 64)
CAPACITY = ("ZonalAllocationFailed", "OverconstrainedZonalAllocationRequest", "AllocationFailed")
STOPS = {"RequestDisallowedByPolicy": FailureKind.AUTH, "InvalidParameter": FailureKind.INVALID}


@dataclass
class World:
    """The capacity and quotas of one world, which all searches share."""

    random: random.Random
    refused: dict[Place, str] = field(default_factory=dict)
    unknown: set[tuple[str, str]] = field(default_factory=set)
    left: dict[tuple[str, str], int] = field(default_factory=dict)
    tried: list[Place] = field(default_factory=list)

    def make(self, place: Place) -> Failure | None:
        """Make a VM at a place as Azure does: check quotas, then the location's restrictions, then capacity."""
        self.tried.append(place)
        refusal = self.refusal(place)
        if refusal is None:
            for quota in self.quotas(place):
                self.left[quota] -= place.hardware.cores
        return refusal

    def quotas(self, place: Place) -> dict[tuple[str, str], str]:
        """Name the quotas of a place and the codes of their refusals; limits are drawn on first use."""
        family, location = place.hardware.family, place.location
        spot = {(location, SPOT): "LowPriorityCores"}
        regular = {(location, family): f"{family} Cores", (location, REGULAR): "Total Regional Cores"}
        found = spot if place.priority == SPOT else regular
        for quota in found:
            self.left.setdefault(quota, self.random.choice(LIMITS))
        return found

    def refusal(self, place: Place) -> Failure | None:
        for quota, called in self.quotas(place).items():
            if self.left[quota] < place.hardware.cores:
                text = f"it results in exceeding approved {called} quota. Current Limit: {self.left[quota]}, Current"
                return Failure(FailureKind.QUOTA, text, "OperationNotAllowed")
        if (place.vm_size, place.location) in self.unknown:
            return Failure(FailureKind.CAPACITY, "", "SkuNotAvailable")
        code = self.refused.get(place)
        return Failure(STOPS.get(code, FailureKind.CAPACITY), "", code) if code else None


def world(chance: random.Random, wish: list[Place]) -> World:
    """Draw a world in which scarcity extends to similar places."""
    scarce = {(place.location, place.zone): chance.random() for place in wish}
    codes = [code for code in CAPACITY if wish[0].zone or "Zonal" not in code]
    found = World(chance)
    for place in wish:
        if chance.random() < scarce[place.location, place.zone]:
            found.refused[place] = chance.choice(codes)
        if chance.random() < 0.1:
            found.unknown.add((place.vm_size, place.location))
        if chance.random() < 0.002:
            found.refused[place] = chance.choice([*STOPS])
    return found


def wish(chance: random.Random) -> list[Place]:
    """Draw the requested lists, in random order."""
    return places(
        chance.choice([[REGULAR], [SPOT], [SPOT, REGULAR]]),
        chance.sample(["westus2", "eastus", "westeurope"], chance.randint(1, 3)),
        chance.sample([*HARDWARE], chance.randint(1, 4)),
        chance.choice([[None], ["1"], ["1", "2"]]),
        HARDWARE,
    )


def live(seed: int) -> int:
    """Search places for several VMs in one world, one after the other; give how many found one."""
    chance = random.Random(seed)
    asked = wish(chance)
    there, known, found = world(chance, asked), list[Objection](), 0
    for number in range(chance.randint(1, 3)):
        search = Search(asked, known)
        there.tried.clear()
        while (place := search.place(float(number))) is not None:
            assert len(there.tried) < LONGEST, "it does not end"
            assert place not in there.tried, f"{place} was blocked hard, and tried again"
            refusal = there.make(place)
            if refusal is None:
                found, known = found + 1, remaining(place, [*known, *search.objections])
                break
            if search.refused(place, refusal, float(number)) is Next.STOP:
                assert refusal.code in STOPS
                return found
            assert refusal.code not in STOPS, "it goes on where no place helps"
        else:
            works = [place for place in asked if there.refusal(place) is None]
            assert works == [], "it gave up while a place works"
            known += search.objections
    return found


@pytest.mark.parametrize("first", range(0, SCHEDULES, 1000))
def test_a_search_ends_and_finds_any_working_place(first: int) -> None:
    """It tries no place that is blocked hard, and stops if no place helps."""
    found = sum(map(live, range(first, first + 1000)))
    assert found > 500, "a world without room shows nothing"
