"""The endpoint of the price list: no login, ``$filter``, pages of a hundred.

Source: Azure documentation, Azure Retail Prices overview; mapt#885 (no ``or``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from vmops.local.retail.meters import meters

PATH = "/api/retail/prices"
_PAGE = 100
_MADE_UP = "Made up by the local Azure"
"""The customer of the prices, where Azure says ``Default``, so that nobody takes them for Azure's."""

_FIELDS = {
    **{each: each for each in ("armRegionName", "location", "meterId", "meterName", "productId", "productName")},
    **{each: each for each in ("skuId", "skuName", "armSkuName", "serviceName", "serviceId", "serviceFamily")},
    "priceType": "type",
}
"""The names that a filter may use, and their properties."""

_CLAUSE = re.compile(
    r"\s*(?:(?P<name>\w+) eq '(?P<text>(?:[^']|'')*)'"
    r"|contains\((?P<part>\w+), ?'(?P<within>(?:[^']|'')*)'\))\s*(?:and\s|$)"
)

_Meter: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class _Clause:
    """A condition on a property: equal to a value or containing it, case included."""

    name: str
    text: str
    whole: bool

    def holds(self, meter: _Meter) -> bool:
        return bool(meter[self.name] == self.text if self.whole else self.text in meter[self.name])


class RetailPrices:
    """Answer requests for the price list, and pass on all others."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        here = scope["type"] == "http" and (scope["method"], scope["path"]) == ("GET", PATH)
        await (_answer(Request(scope)) if here else self._app)(scope, receive, send)


def _answer(request: Request) -> Response:
    query = request.query_params
    clauses, start = _read(query.get("$filter", "")), query.get("$skip", "0")
    if clauses is None or not start.isdecimal() or query.get("currencyCode", "USD") != "USD":
        return JSONResponse({"Error": {"Code": "BadRequest", "Message": "Invalid OData parameters supplied"}}, 400)
    first = int(start)
    return JSONResponse(_page(request, [*islice(_found(clauses), first, first + _PAGE + 1)], first))


def _found(clauses: list[_Clause]) -> Iterator[_Meter]:
    equal = {each.name: each.text for each in clauses if each.whole}
    there = meters(equal.get("armRegionName"), equal.get("armSkuName"))
    return (each for each in there if all(clause.holds(each) for clause in clauses))


def _page(request: Request, found: list[_Meter], start: int) -> dict[str, Any]:
    """Give a page of the results from ``start`` on; ``found`` has one more than a page if there are more."""
    page = found[:_PAGE]
    return {
        "BillingCurrency": "USD",
        "CustomerEntityId": _MADE_UP,
        "CustomerEntityType": "Retail",
        "Items": page,
        "NextPageLink": _link(request, start + _PAGE) if found[_PAGE:] else None,
        "Count": len(page),
    }


def _link(request: Request, skip: int) -> str:
    """Give the URL of the next page; it names the port, as Azure's does."""
    parts = urlsplit(str(request.url))
    port = parts.port or {"https": 443, "http": 80}[parts.scheme]
    query = {**request.query_params, "$skip": str(skip)}
    return f"{parts.scheme}://{parts.hostname}:{port}{PATH}?{urlencode(query)}"


def _read(text: str) -> list[_Clause] | None:
    """Read a filter; None if it cannot be read."""
    found, at = [], 0
    while at < len(text):
        clause = _CLAUSE.match(text, at)
        if clause is None or (clause["name"] or clause["part"]) not in _FIELDS:
            return None
        named = clause["text"] if clause["name"] else clause["within"]
        name = _FIELDS[clause["name"] or clause["part"]]
        found.append(_Clause(name, named.replace("''", "'"), whole=bool(clause["name"])))
        at = clause.end()
    return found
