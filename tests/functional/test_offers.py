"""Offers and quotas, against a cloud at the wire: objections to places, and unknown values."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.functional.world import World, quick_world
from vmops.azure.price_book import Price
from vmops.azure.shapes import SizeOffer, Usage
from vmops.core.errors import SpecError
from vmops.core.failures import Failure
from vmops.deploy.precheck import Location, Need
from vmops.ops.offers import Offers
from vmops.ops.prices import Prices
from vmops.placement.place import Hardware, Place
from vmops.spec.wish import PlaceRequest

D2, M128 = "Standard_D2s_v5", "Standard_M128ms"


class Fixed(Prices):
    """Prices that are known at once."""

    def price(self, cloud: str, location: str | None, size: str | None, priority: str | None) -> Price | None:
        """Give the prices of two sizes."""
        known = {"Standard_D2s_v5": 2.0, "Standard_B2s": 1.0}.get(size or "")
        return Price(known, "local", 1000.0) if known else None


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with quick_world(tmp_path) as world:
        yield world


def offers_of(world: World, unread: list[Failure] | None = None, **wish: object) -> Offers:
    return Offers(world.arm, PlaceRequest.from_params(wish), Fixed(Path("nowhere")), [] if unread is None else unread)


def take(world: World, **wish: object) -> list[dict[str, Any]]:
    return offers_of(world, None, **wish).take()


def said(found: list[dict[str, Any]]) -> list[tuple[str, str | None]]:
    return [(each["verdict"], each["code"]) for each in found]


def test_a_wish_accepts_values_and_lists() -> None:
    """Lists are given as in a shell; duplicates are removed and the order is kept."""
    wish = PlaceRequest.from_params({"vmSize": f"{D2},{M128},{D2}", "location": "West US 2,eastus", "zone": "any"})
    assert (wish.vm_size, wish.location, wish.zone) == ((D2, M128), ("westus2", "eastus"), ("1", "2", "3"))
    assert PlaceRequest.from_params({"priority": "SpotThenRegular"}).priority == ("Spot", "Regular")
    bare = PlaceRequest.from_params({})
    assert (bare.vm_size, bare.location, bare.zone, bare.priority) == (
        ("Standard_B2s",),
        ("westus2",),
        (None,),
        ("Regular",),
    )


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        ({"zone": "4"}, "zone: '4' is not a zone"),
        ({"vmSize": ""}, "vmSize: is an empty list"),
        ({"priority": "Cheap"}, "priority: "),
        ({"cloud": "public", "subscription": "0" * 8 + "-0000-0000-0000-" + "0" * 12}, "location: is required"),
    ],
)
def test_a_wish_that_breaks_a_rule_is_refused(wish: dict[str, object], problem: str) -> None:
    """Before any request."""
    with pytest.raises(SpecError, match=problem):
        PlaceRequest.from_params(wish)


def test_an_offer_describes_its_place(world: World) -> None:
    """Size, place, price, cores left in the quota, and the verdict."""
    (offer,) = take(world, vmSize=D2, zone="1")
    assert offer == {
        "order": 1,
        "vmSize": D2,
        "location": "westus2",
        "zone": "1",
        "priority": "Regular",
        "pricePerHour": 2.0,
        "currency": "USD",
        "priceSource": "local",
        "priceAsOf": "1970-01-01T00:16:40Z",
        "quotaLeft": 20000,
        "verdict": "ok",
        "code": None,
        "reason": None,
        "until": None,
    }


def test_an_offer_names_the_objection_to_its_place(world: World) -> None:
    """A restriction, an unknown size, a zone, Spot where it is not available, and quotas."""
    assert said(take(world, vmSize=M128)) == [("blocked", "NotAvailableForSubscription")]
    assert said(take(world, vmSize="Standard_D2s_v55")) == [("blocked", "SkuNotAvailable")]
    assert said(take(world, vmSize=D2, location="westus", zone="1")) == [("blocked", "AvailabilityZoneNotSupported")]
    assert said(take(world, priority="Spot,Regular")) == [("blocked", "SpotNotSupported"), ("ok", None)]
    scarce = take(world, vmSize="Standard_D8s_v5,Standard_D16s_v5", location="brazilsouth", priority="Regular,Spot")
    assert [(each["verdict"], each["quotaLeft"]) for each in scarce] == [
        *(("ok", 10), ("blocked", 10)),
        *(("blocked", 3), ("blocked", 3)),
    ]
    assert scarce[1]["reason"] == "cores: 10 allowed, 0 used, 16 more needed"
    assert scarce[1]["until"]
    disks = take(world, vmSize=D2, dataDisks=[8] * 5, osDiskType="Premium_LRS")
    assert said(disks) == [("blocked", "TooManyDataDisks")]


def test_offers_are_sorted_by_price_on_request(world: World) -> None:
    """Places without a price are last."""
    wish = {"vmSize": f"Standard_D4s_v5,{D2},Standard_B2s"}
    assert [each["pricePerHour"] for each in take(world, **wish, prefer="price")] == [1.0, 2.0, None]
    assert [each["pricePerHour"] for each in take(world, **wish)] == [None, 2.0, 1.0]


def refusing(app: ASGIApp, *words: str) -> ASGIApp:
    """Refuse requests with one of these words in the path."""

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        refused = any(word in scope["path"] for word in words)
        answer = JSONResponse({"error": {"code": "AuthorizationFailed", "message": "no"}}, 403)
        await (answer if refused else app)(scope, receive, send)

    return serve


@pytest.mark.parametrize("words", [("/skus",), ("/usages",), ("/skus", "/usages")])
def test_unanswered_queries_rule_out_no_place(world: World, words: tuple[str, ...]) -> None:
    """A principal that may make VMs need not be allowed to read quotas."""
    world.journal._app = refusing(world.journal._app, *words)
    unread: list[Failure] = []
    (offer,) = offers_of(world, unread, vmSize=D2).take()
    assert (offer["verdict"], len(unread)) == ("ok", len(words))
    assert offer["quotaLeft"] == (None if "/usages" in words else 100000)


def test_quotas_are_those_of_cores_and_of_the_network(world: World) -> None:
    """In each named location."""
    found = offers_of(world, location="westus2,brazilsouth").quotas()
    assert [each for each in found if each["name"] == "lowPriorityCores"] == [
        {"location": "westus2", "name": "lowPriorityCores", "used": 0, "limit": 20000, "left": 20000, "unit": "Count"},
        {"location": "brazilsouth", "name": "lowPriorityCores", "used": 0, "limit": 3, "left": 3, "unit": "Count"},
    ]
    assert {"StaticPublicIPAddresses", "virtualMachines", "standardBSFamily"} <= {each["name"] for each in found}


D2_OFFER = SizeOffer(
    D2, {"vCPUs": "2", "PremiumIO": "False"}, "", "standard DSv5 Family", frozenset("12"), {"2": "Full"}
)
HERE = Place(D2, "westus2", "1", hardware=Hardware("standard DSv5 Family", 2))


@pytest.mark.parametrize(
    ("place", "code"),
    [(HERE, None), (replace(HERE, zone="2"), "Full"), (replace(HERE, zone="3"), "AvailabilityZoneNotSupported")],
)
def test_every_restriction_is_read(place: Place, code: str | None) -> None:
    """A restriction of a zone rules out only that zone."""
    found = [no.code for no in Location({D2.lower(): D2_OFFER}).against(place, Need())]
    assert found == ([code] if code else [])


def test_quota_names_are_stripped_of_spaces() -> None:
    """Source: SkyPilot#10119. A size without Premium disks is ruled out if they are requested."""
    there = Location({D2.lower(): D2_OFFER}, [Usage("StandardDSv5Family", 9, 10, "Count")])
    assert [no.code for no in there.against(HERE, Need(premium=True))] == ["PremiumNotSupported", "QuotaExceeded"]
    assert there.cores_left(HERE) == 1


def test_an_address_has_a_quota_too() -> None:
    """A VM without a public address does not need it."""
    there = Location({}, [Usage("IPv4StandardSkuPublicIpAddresses", 10, 10, "Count")])
    assert [no.reason for no in there.against(HERE, Need())] == [
        "IPv4StandardSkuPublicIpAddresses: 10 allowed, 10 used, 1 more needed"
    ]
    assert [*there.against(replace(HERE, addressed=False), Need())] == []
