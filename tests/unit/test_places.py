"""The table of refusals and places, row by row. These expectations are independent of the table."""

import re
from dataclasses import dataclass, replace

import pytest

from vmops.core.errors import SpecError
from vmops.core.failures import Failure, FailureKind
from vmops.placement.place import REGULAR, SPOT, Hardware, Place, cheapest_first, places
from vmops.placement.refusals import Next, consequence
from vmops.placement.search import Objection, Search, Standing, choose, remaining, standing

QUOTA = "Operation could not be completed as it results in exceeding approved {} quota. Current Limit: {}, Current"
HARDWARE = {
    "d4": Hardware("standardDSv5Family", 4),
    "d8": Hardware("standard DSv5 Family", 8),
    "a4": Hardware("standardDASv5Family", 4),
    "d2": Hardware("standardDSv5Family", 2),
}
SIZES, LOCATIONS, ZONES = [*HARDWARE], ["westus2", "eastus"], [None, "1", "2"]
ALL = [
    Place(size, location, zone, priority, HARDWARE[size])
    for size in SIZES
    for location in LOCATIONS
    for zone in ZONES
    for priority in (REGULAR, SPOT)
]
ZONAL = Place("d4", "westus2", "1", REGULAR, HARDWARE["d4"])
NOWHERE, CHEAP = replace(ZONAL, zone=None), replace(ZONAL, priority=SPOT)


@dataclass(frozen=True)
class Told:
    """A refusal at a place, how many of `ALL` it blocks hard and soft, for how long, and what comes next."""

    code: str
    at: Place
    hard: str
    soft: str
    seconds: float
    next: Next = Next.MOVE
    message: str = ""
    kind: FailureKind = FailureKind.CAPACITY


def named(place: Place) -> str:
    return f"{place.vm_size}.{place.location[0]}.{place.zone or '-'}.{place.priority[0]}"


ROWS = [
    Told("ZonalAllocationFailed", ZONAL, "d4.w.1.R", "d[48].w.1.[RS]", 3600),
    Told("OverconstrainedZonalAllocationRequest", ZONAL, "d4.w.1.R", "", 3600),
    Told("AllocationFailed", ZONAL, "d4.w.1.R", "d[48].w.[12].[RS]", 3600),
    Told("AllocationFailed", NOWHERE, "d4.w.-.R", "d[48].w.-.[RS]", 3600),
    Told("OverconstrainedAllocationRequest", CHEAP, "d4.w.[-12].S", "", 3600),
    Told("SkuNotAvailable", CHEAP, "d4.w.1.S", "", 3600),
    Told("SkuNotAvailable", NOWHERE, "d4.w.-.[RS]", "d4.w.[-12].[RS]", 82800),
    Told("SkuNotAvailable", ZONAL, "d4.w.1.[RS]", "d4.w.1.[RS]", 82800),
    Told("OperationNotAllowed", ZONAL, "d[48].w.[-12].R", "", 600, message=QUOTA.format("standardDSv5Family Cores", 9)),
    Told(
        "OperationNotAllowed", ZONAL, "d[48].w.[-12].R", "", 3600, message=QUOTA.format("standardDSv5Family Cores", 0)
    ),
    Told("QuotaExceeded", ZONAL, "d[48].w.[-12].R", "", 600, message="Maximum allowed: 10, Current in use: 8"),
    Told("OperationNotAllowed", CHEAP, "(d[48]|a4).w.[-12].S", "", 600, message=QUOTA.format("LowPriorityCores", 3)),
    Told("OperationNotAllowed", CHEAP, "(d[48]|a4).w.[-12].S", "", 3600, message=QUOTA.format("LowPriorityCores", 0)),
    Told("SpotQuotaExceeded", CHEAP, "(d[48]|a4).w.[-12].S", "", 600),
    Told(
        "OperationNotAllowed", ZONAL, "(d[48]|a4).w.[-12].R", "", 600, message=QUOTA.format("Total Regional Cores", 10)
    ),
    Told("PublicIPCountLimitReached", ZONAL, "...w.[-12].[RS]", "", 600),
    Told("SubnetIsFull", ZONAL, "", "", 0, Next.STOP, kind=FailureKind.QUOTA),
    Told("SpotPriceGreaterThanProvidedMaxPrice", CHEAP, "d4.w.1.S", "", 600),
    Told("OperationNotAllowed", CHEAP, "d4.w.[-12].S", "", 86400, message="The size 'd4' does not support Azure Spot."),
    Told("AvailabilityZoneNotSupported", ZONAL, "d4.w.1.R", "", 86400, kind=FailureKind.INVALID),
    Told("OSProvisioningTimedOut", ZONAL, "", "", 0, Next.AGAIN, kind=FailureKind.TIMEOUT),
    Told("InternalOperationError", ZONAL, "", "", 0, Next.AGAIN, kind=FailureKind.INTERRUPTED),
    Told("OperationPreempted", ZONAL, "", "", 0, Next.AGAIN, kind=FailureKind.CONFLICT),
    Told("TooManyRequests", ZONAL, "", "", 0, Next.WAIT, kind=FailureKind.THROTTLED),
    Told("AnotherOperationInProgress", ZONAL, "", "", 0, Next.WAIT, kind=FailureKind.CONFLICT),
    Told("NicReservedForAnotherVm", ZONAL, "", "", 0, Next.WAIT, kind=FailureKind.CONFLICT),
    Told("OperationNotAllowed", ZONAL, "", "", 0, Next.WAIT, "another operation is in progress", FailureKind.CONFLICT),
    Told("RequestDisallowedByPolicy", ZONAL, "", "", 0, Next.STOP, kind=FailureKind.AUTH),
    Told("InvalidParameter", ZONAL, "", "", 0, Next.STOP, kind=FailureKind.INVALID),
    Told("PropertyChangeNotAllowed", ZONAL, "", "", 0, Next.STOP, kind=FailureKind.IMMUTABLE),
    Told("PlatformImageNotFound", ZONAL, "", "", 0, Next.STOP, kind=FailureKind.INVALID),
    Told("NeverSeen", ZONAL, "d4.w.1.R", "", 3600, kind=FailureKind.CAPACITY),
    Told("NeverSeen", ZONAL, "d4.w.1.R", "", 600, kind=FailureKind.QUOTA),
    Told("NeverSeen", ZONAL, "", "", 0, Next.STOP, kind=FailureKind.ENGINE),
]


@pytest.mark.parametrize("told", ROWS, ids=lambda told: f"{told.code}-{named(told.at)}-{told.seconds:g}")
def test_each_refusal_blocks_exactly_its_places(told: Told) -> None:
    """A further block would exclude a working place, and a missing one would try a hopeless place."""
    verdict = consequence(told.at, Failure(told.kind, told.message, told.code))
    blocked = {
        hard: {named(place) for place in ALL for each in verdict.blocks if each.hard is hard and each.covers(place)}
        for hard in (True, False)
    }
    expected = {
        hard: {name for name in map(named, ALL) if pattern and re.fullmatch(pattern, name)}
        for hard, pattern in ((True, told.hard), (False, told.soft))
    }
    assert blocked == expected
    assert (verdict.next, verdict.seconds) == (told.next, told.seconds)


def test_an_address_quota_does_not_block_vms_without_address() -> None:
    """It may be where the addresses have run out."""
    block = consequence(ZONAL, Failure(FailureKind.QUOTA, "", "PublicIPCountLimitReached")).blocks[0]
    assert (block.covers(NOWHERE), block.covers(replace(NOWHERE, addressed=False))) == (True, False)


def test_without_a_family_only_the_size_is_blocked() -> None:
    """An unknown family is not guessed: another size may have capacity."""
    unknown = replace(ZONAL, hardware=Hardware())
    blocks = consequence(unknown, Failure(FailureKind.CAPACITY, "", "AllocationFailed")).blocks
    assert {place.vm_size for place in ALL for block in blocks if block.covers(place)} == {"d4"}


def test_places_keep_the_given_order() -> None:
    """Zones vary fastest, then size, location and priority."""
    found = places([SPOT, REGULAR], ["westus2", "eastus"], ["d4", "a4"], ["2", "1"])
    assert [named(place) for place in found[:5]] == ["d4.w.2.S", "d4.w.1.S", "a4.w.2.S", "a4.w.1.S", "d4.e.2.S"]
    assert (len(found), named(found[-1])) == (16, "a4.e.1.R")


def test_too_many_places_are_refused() -> None:
    """Each costs a round when there is no room."""
    with pytest.raises(SpecError, match="72 places together, and 64 is the most"):
        places([REGULAR, SPOT], ["a", "b", "c", "d"], [*"abcdefghi"])


def test_cheapest_first_sorts_by_price() -> None:
    """Places without a price come last."""
    assert cheapest_first([ZONAL, NOWHERE, CHEAP], {ZONAL: 2.0, CHEAP: 1.0}) == [CHEAP, ZONAL, NOWHERE]


def against(place: Place, code: str, until: float = 100.0) -> list[Objection]:
    failure = Failure(FailureKind.CAPACITY, "no room", code)
    return [Objection(block, code, "no room", until) for block in consequence(place, failure).blocks]


def test_softly_blocked_places_are_tried_last() -> None:
    """A hard block is never tried again."""
    twice = [ZONAL, replace(ZONAL, vm_size="d8", hardware=HARDWARE["d8"]), Place("a4", "eastus")]
    objections = against(ZONAL, "ZonalAllocationFailed")
    assert [standing(place, objections)[0] for place in twice] == [Standing.BLOCKED, Standing.LAST, Standing.OK]
    assert [choose(twice[:count], objections) for count in (1, 2, 3)] == [None, twice[1], twice[2]]


def test_a_success_removes_objections_to_its_place() -> None:
    """There is room."""
    objections = against(ZONAL, "ZonalAllocationFailed")
    assert remaining(CHEAP, objections) == objections[:1]


def test_known_objections_expire() -> None:
    """Those of the search itself do not."""
    search = Search([ZONAL], against(ZONAL, "AllocationFailed", until=100.0))
    assert (search.place(99.0), search.place(100.0)) == (None, ZONAL)
    search.refused(ZONAL, Failure(FailureKind.CAPACITY, "", "AllocationFailed"), 100.0)
    assert search.place(1e9) is None


def test_objections_are_shared_within_a_deployment() -> None:
    """Second attempts are counted for each VM, and ``extra`` objections are valid for one choice."""
    met: list[Objection] = []
    first, second = Search([ZONAL, NOWHERE], objections=met), Search([ZONAL, NOWHERE], objections=met)
    first.refused(ZONAL, Failure(FailureKind.CAPACITY, "", "AllocationFailed"), 0.0)
    assert (first.place(0.0), second.place(0.0)) == (NOWHERE, NOWHERE)
    told = against(NOWHERE, "AllocationFailed")
    assert (second.place(0.0, extra=told), second.place(0.0)) == (None, NOWHERE)
    passing = Failure(FailureKind.INTERRUPTED, "", "InternalOperationError")
    assert [each.refused(NOWHERE, passing, 0.0) for each in (first, second, first)] == [Next.AGAIN] * 2 + [Next.STOP]


def test_a_too_low_bid_prefers_regular_priority() -> None:
    """Elsewhere the price is likely above it, too."""
    elsewhere = replace(CHEAP, location="eastus")
    search = Search([CHEAP, elsewhere, ZONAL])
    search.refused(CHEAP, Failure(FailureKind.CAPACITY, "", "SpotPriceGreaterThanProvidedMaxPrice"), 0.0)
    assert search.place(0.0) == ZONAL


def test_a_place_is_retried_only_once() -> None:
    """The same place, once more; refused again it is the end."""
    search = Search([ZONAL, NOWHERE])
    passing = Failure(FailureKind.INTERRUPTED, "", "InternalOperationError")
    assert search.refused(ZONAL, passing, 0.0) is Next.AGAIN
    assert search.place(0.0) == ZONAL
    assert search.refused(ZONAL, passing, 0.0) is Next.STOP
