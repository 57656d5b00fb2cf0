"""Azure's published prices of VMs per hour: compute only, in US dollars, without discounts. No login is needed.

Source: Azure documentation, Azure Retail Prices overview.
"""

import time
from collections.abc import Iterator, Mapping
from math import inf
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import urlencode, urlsplit

from vmops.azure.responses import unreadable
from vmops.azure.session import bounded_session
from vmops.core.errors import CloudError

if TYPE_CHECKING:
    from requests import Response, Session

REGULAR, SPOT = "Regular", "Spot"
CURRENCY = "USD"
NOT_COUNTED = ("disks", "public addresses", "traffic", "licences")
"""What our prices do not include."""

_PATH = "/api/retail/prices"
_VERSION = "2023-01-01-preview"
_TIMEOUT = 5.0
"""Seconds for one answer, and for all pages together."""

_OTHER_PRODUCTS = (" Windows", " Win", "Cloud Services", "CloudServices")
"""Words in the names of products that are not Linux VMs: the list has no field for that. Source: opencost, Karpenter.
"""

_RETIRED = "Low Priority"
"""A price type of Azure Batch that is not Spot. Source: opencost#3531."""

_SPOT = " Spot"

Amounts: TypeAlias = dict[str, float]
"""Dollars an hour by priority; a priority without a price is missing."""


def ask(endpoint: str, location: str, size: str) -> Amounts:
    """Query the prices of a size in a location; names are case-sensitive.

    Raises: CloudError if there is no answer, or an unreadable one.
    """
    found = _by_priority(_items(endpoint, location, size))
    return {priority: max(amounts) for priority, amounts in found.items() if amounts}


def _by_priority(items: Iterator[Mapping[str, Any]]) -> dict[str, list[float]]:
    """Group the relevant prices by priority; of several meters for the same VM, the highest counts."""
    found: dict[str, list[float]] = {REGULAR: [], SPOT: []}
    for item in items:
        if _counts(item):
            found[SPOT if item["skuName"].endswith(_SPOT) else REGULAR].append(float(item["retailPrice"]))
    return found


def _counts(item: Mapping[str, Any]) -> bool:
    """Tell whether a meter is for a Linux VM by the hour.

    A price of 0 is a placeholder for a VM that is not sold yet. Source: terrapod#931.
    """
    product, sku = item["productName"], item["skuName"]
    return (
        (item["type"], item["unitOfMeasure"], item["currencyCode"]) == ("Consumption", "1 Hour", CURRENCY)
        and not any(word in product for word in _OTHER_PRODUCTS)
        and _RETIRED not in sku
        and 0 < item["retailPrice"] < inf
    )


def _items(endpoint: str, location: str, size: str) -> Iterator[Mapping[str, Any]]:
    """Give the meters of a size in a location, page by page; usually there is one page."""
    where = f"serviceName eq 'Virtual Machines' and armRegionName eq '{location}' and armSkuName eq '{size}'"
    query = {"api-version": _VERSION, "currencyCode": CURRENCY, "$filter": f"{where} and priceType eq 'Consumption'"}
    following = f"{endpoint}{_PATH}?{urlencode(query)}"
    end = time.monotonic() + _TIMEOUT
    with bounded_session(endpoint, _TIMEOUT) as session:
        while time.monotonic() < end:
            body = _get(session, following)
            found, following = _page(body, following)
            yield from (each for each in found if (each["armRegionName"], each["armSkuName"]) == (location, size))
            if not following:
                return
            if not _is_of(endpoint, following):
                raise unreadable(f"the next page of the price list is at {following}, not {endpoint}", _PATH)
    raise unreadable(f"the price list does not end within {_TIMEOUT:g} seconds", _PATH)


def _get(session: "Session", url: str) -> "Response":
    """Request a page; redirects are not followed, because they may lead anywhere."""
    from requests import RequestException

    try:
        answer = session.get(url, timeout=_TIMEOUT, allow_redirects=False)
    except RequestException as error:
        raise CloudError(f"the price list does not answer: {error}", resource=_PATH) from error
    if answer.status_code != 200:
        raise CloudError(f"the price list answers {answer.status_code}", status=answer.status_code, resource=_PATH)
    return answer


_WORDS = ("type", "unitOfMeasure", "currencyCode", "productName", "skuName", "armRegionName", "armSkuName")


def _page(answer: "Response", url: str) -> tuple[list[Mapping[str, Any]], str]:
    """Read a page and the URL of the next, '' after the last. Raises: CloudError if it is not a page."""
    try:
        body = answer.json()
        items, following = body["Items"], body.get("NextPageLink") or ""
        whole = all(isinstance(each[word], str) for each in items for word in _WORDS)
        whole = whole and all(isinstance(each["retailPrice"], int | float) for each in items)
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole or not isinstance(following, str):
        raise unreadable("it is not a page of the price list", url)
    return items, following


def _is_of(endpoint: str, url: str) -> bool:
    """Tell whether a URL is on the endpoint; it may name the port. Source: Azure Retail Prices, NextPageLink."""
    here, there = urlsplit(endpoint), urlsplit(url)
    try:
        ports = [each.port or {"https": 443, "http": 80}[each.scheme] for each in (here, there)]
    except (ValueError, KeyError):
        return False
    same = (here.scheme, here.hostname, None) == (there.scheme, there.hostname, there.username)
    return same and ports[0] == ports[1]
