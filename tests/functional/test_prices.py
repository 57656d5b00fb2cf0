"""Prices, from the list at the wire to the cache."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from tests.functional.world import World, quick_world
from vmops.azure import prices
from vmops.azure.clouds import Cloud
from vmops.azure.price_book import Price, PriceBook
from vmops.core.errors import CloudError

NOON, HOUR, DAY = 1_000_000.0, 3600.0, 86400.0
ITEM = {
    "type": "Consumption",
    "unitOfMeasure": "1 Hour",
    "currencyCode": "USD",
    "armRegionName": "westus2",
    "productName": "Virtual Machines Dsv5 Series",
    "skuName": "D2s v5",
    "armSkuName": "Standard_D2s_v5",
    "retailPrice": 0.5,
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with quick_world(tmp_path) as world:
        yield world


class Watch:
    """A clock that the test moves."""

    now = NOON

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def book(world: World, watch: Watch, tmp_path: Path) -> PriceBook:
    return PriceBook(replace(world.cloud, prices=world.url), tmp_path / "state", watch)


def answered(world: World, answer: Callable[[], Response]) -> None:
    """Let the list give another answer."""

    async def other(scope: Scope, receive: Receive, send: Send) -> None:
        await answer()(scope, receive, send)

    world.journal._app = other


def page(*items: dict[str, Any], link: object = None) -> Callable[[], Response]:
    return lambda: JSONResponse({"Items": [*items], "NextPageLink": link, "Count": len(items)})


def test_a_price_is_that_of_a_linux_vm_of_the_size_there(book: PriceBook) -> None:
    """Spot has another price. Of two meters the higher one counts, and each location has its own price."""
    assert book.price("westus2", "Standard_D2s_v5", "Regular") == Price(0.096, "local", NOON)
    assert book.price("westus2", "Standard_D2s_v5", "Spot") == Price(0.0192, "local", NOON)
    assert book.price("westus2", "Standard_D8s_v5", "Regular") == Price(0.384, "local", NOON)
    elsewhere = book.price("westeurope", "Standard_D2s_v5", "Regular")
    assert elsewhere
    assert elsewhere.per_hour > 0.096


@pytest.mark.parametrize(
    "other",
    [
        {"productName": "Virtual Machines Dsv5 Series Windows"},
        {"productName": "Dsv5 Series Cloud Services"},
        {"productName": "Dsv5 Series CloudServices"},
        {"skuName": "D2s v5 Low Priority"},
        {"retailPrice": 0},
        {"type": "Reservation"},
        {"unitOfMeasure": "1/Month"},
        {"currencyCode": "EUR"},
        {"armRegionName": "eastus"},
        {"armSkuName": "Standard_D4s_v5"},
    ],
    ids=str,
)
def test_other_meters_are_not_the_price(world: World, other: dict[str, Any]) -> None:
    """Higher or lower, alone or beside the price, they have no effect."""
    wrong = {**ITEM, "retailPrice": 9.0, **other}
    answered(world, page(wrong, ITEM, wrong))
    assert prices.ask(world.url, "westus2", "Standard_D2s_v5") == {"Regular": 0.5}
    answered(world, page(wrong))
    assert prices.ask(world.url, "westus2", "Standard_D2s_v5") == {}


def test_a_price_is_cached_for_half_a_day(world: World, book: PriceBook, watch: Watch) -> None:
    """One request per size and location, for every priority and every process."""
    for priority in ("Regular", "Spot", "Regular"):
        assert replace(book).price("westus2", "Standard_D2s_v5", priority)
    assert len(world.journal.asked) == 1
    watch.now += 12 * HOUR + 1
    assert book.price("westus2", "Standard_D2s_v5", "Regular") == Price(0.096, "local", watch.now)
    assert len(world.journal.asked) == 2


def test_an_old_price_is_used_for_a_week(world: World, book: PriceBook, watch: Watch) -> None:
    """After that the price is unknown."""
    first = book.price("westus2", "Standard_D2s_v5", "Regular")
    answered(world, lambda: JSONResponse({}, 503))
    for age, told in ((DAY, first), (7 * DAY - 1, first), (7 * DAY + 1, None)):
        watch.now = NOON + age
        assert book.price("westus2", "Standard_D2s_v5", "Regular") == told
    answered(world, page())
    watch.now = NOON + 6 * DAY
    assert book.price("westus2", "Standard_D2s_v5", "Regular") == first


@pytest.mark.parametrize(
    "answer",
    [
        lambda: JSONResponse({}, 503),
        lambda: JSONResponse({"Items": "many"}),
        lambda: JSONResponse({"Items": [{**ITEM, "retailPrice": "cheap"}]}),
        lambda: JSONResponse([]),
        lambda: Response("<html>log in</html>"),
        lambda: RedirectResponse("http://127.0.0.1:1/"),
        page(ITEM, link="http://127.0.0.1:1/api/retail/prices"),
        page(ITEM, link="http://somebody@127.0.0.1/"),
        page(ITEM, link=7),
    ],
)
def test_an_unreadable_price_is_unknown(
    world: World, book: PriceBook, watch: Watch, answer: Callable[[], Response]
) -> None:
    """No other request is sent for a while, for any size, so an offline host waits once."""
    answered(world, answer)
    with pytest.raises(CloudError):
        prices.ask(world.url, "westus2", "Standard_D2s_v5")
    world.journal.asked.clear()
    for size in ("Standard_D2s_v5", "Standard_D4s_v5", "Standard_D2s_v5"):
        assert book.price("westus2", size, "Regular") is None
    assert len(world.journal.asked) == 1
    watch.now += 601
    assert book.price("westus2", "Standard_D2s_v5", "Regular") is None
    assert len(world.journal.asked) == 2


def test_the_next_page_may_name_the_port(world: World) -> None:
    """As Azure's does."""
    pages = iter([page(link=f"{world.url}/api/retail/prices?$skip=100"), page(ITEM)])
    answered(world, lambda: next(pages)())
    assert prices.ask(world.url, "westus2", "Standard_D2s_v5") == {"Regular": 0.5}


def test_a_price_without_a_place_or_a_list_sends_no_request(world: World, book: PriceBook) -> None:
    """A national cloud has no list, and an invalid name is used in no filter and no file."""
    for location, size in (
        (None, "Standard_D2s_v5"),
        ("westus2", None),
        ("west' or '1", "a"),
        ("../..", "Standard_A1"),
    ):
        assert book.price(location, size, "Regular") is None
    national = PriceBook(Cloud("china", "https://management.chinacloudapi.cn"), book.state_dir)
    assert national.price("chinanorth", "Standard_D2s_v5", "Regular") is None
    assert world.journal.asked == []


@pytest.mark.parametrize(
    "kept", ["", "[]", "{}", '{"next": "soon"}', '{"next": 1e18, "asOf": 1e18, "amounts": {"Regular": 1}}']
)
def test_an_implausible_cached_price_is_read_again(world: World, book: PriceBook, kept: str) -> None:
    """A file may be incomplete, or have a time in the future."""
    book.price("westus2", "Standard_D2s_v5", "Regular")
    (file,) = book.state_dir.rglob("prices/local/*.json")
    file.write_text(kept)
    found = book.price("westus2", "Standard_D2s_v5", "Regular")
    assert found == Price(0.096, "local", NOON)
    assert json.loads(file.read_text())["asOf"] == NOON


def test_a_price_is_read_without_a_cache(book: PriceBook) -> None:
    """A full disk costs one more request."""
    book.state_dir.mkdir()
    (book.state_dir / "prices").write_text("a file where the directory would be")
    assert book.price("westus2", "Standard_D2s_v5", "Regular")
