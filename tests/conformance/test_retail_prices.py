"""The price list: the form of its answers, its filters, and meters that are not the price of a Linux VM."""

from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conformance.arm import Arm

PATH = "/api/retail/prices"
HERE = "armRegionName eq 'westus2'"
SIZE = f"{HERE} and armSkuName eq 'Standard_D4s_v5'"


def asked(arm: Arm, **query: str) -> httpx.Response:
    """Send a request without the token: there is no login."""
    return arm.send(
        "GET", PATH, params={f"${name}": text for name, text in query.items()}, headers={"Authorization": ""}
    )


def items(arm: Arm, text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = asked(arm, filter=text).json()["Items"]
    return found


def test_a_price_item_has_azures_fields(arm: Arm) -> None:
    """The customer's name says that prices are made up."""
    page = asked(arm, filter=SIZE).json()
    assert (page["BillingCurrency"], page["CustomerEntityId"]) == ("USD", "Made up by the local Azure")
    assert (page["Count"], page["NextPageLink"]) == (len(page["Items"]), None)
    first = page["Items"][0]
    assert {
        "retailPrice",
        "unitPrice",
        "meterId",
        "skuId",
        "effectiveStartDate",
        "isPrimaryMeterRegion",
    } <= first.keys()
    assert (first["armSkuName"], first["skuName"], first["location"]) == ("Standard_D4s_v5", "D4s v5", "West US 2")
    assert (first["unitOfMeasure"], first["type"], first["serviceFamily"]) == ("1 Hour", "Consumption", "Compute")


def test_the_price_list_contains_other_meters(arm: Arm) -> None:
    """Windows, retired kinds, zero and yearly prices: the first or last item is not the price."""
    found = items(arm, SIZE)
    assert {each["skuName"] for each in found} == {"D4s v5", "D4s v5 Spot", "D4s v5 Low Priority"}
    assert [each["productName"] for each in found if each["productName"].endswith((" Windows", " CloudServices"))]
    assert [each["skuName"] for each in found if each["retailPrice"] == 0] == ["D4s v5"]
    assert [each["reservationTerm"] for each in found if each["type"] == "Reservation"] == ["1 Year"]
    two = items(arm, f"{HERE} and armSkuName eq 'Standard_D8s_v5' and priceType eq 'Consumption'")
    assert len({each["retailPrice"] for each in two if each["skuName"] == "D8s v5" and each["retailPrice"]}) > 2


def test_the_price_list_is_paged(arm: Arm) -> None:
    """The link has the port, as Azure's does, and the last page has none."""
    page, found, links = asked(arm, filter=HERE).json(), [], []
    while True:
        found += page["Items"]
        if not page["NextPageLink"]:
            break
        links.append(page["NextPageLink"])
        page = arm.send("GET", links[-1], headers={"Authorization": ""}).json()
    assert len(found) == len({each["meterId"] for each in found}) > 200
    assert {urlsplit(link).port for link in links} == {80}
    assert "%24skip=100" in links[0]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("armSkuName eq 'Standard_D4s_v5' and armRegionName eq 'westus2' and contains(productName, 'Windows')", 3),
        (f"{SIZE} and priceType eq 'Reservation'", 1),
        (f"{HERE} and armSkuName eq 'standard_d4s_v5'", 0),
        ("armRegionName eq 'WestUS2'", 0),
        ("armRegionName eq 'atlantis'", 0),
    ],
)
def test_a_price_filter_is_case_sensitive(arm: Arm, text: str, count: int) -> None:
    """Source: Azure Retail Prices, values are case-sensitive from 2023-01-01-preview on."""
    assert len(items(arm, text)) == count


@pytest.mark.parametrize(
    "query",
    [
        *({"$filter": text} for text in (f"{HERE} or {SIZE}", "armRegionName", "color eq 'red'", "location ne 'a'")),
        *({"$skip": "-1"}, {"currencyCode": "XYZ"}),
    ],
)
def test_an_invalid_price_filter_is_refused(arm: Arm, query: dict[str, str]) -> None:
    """It is never ignored."""
    refused = arm.send("GET", PATH, params=query)
    assert (refused.status_code, refused.json()["Error"]["Code"]) == (400, "BadRequest")
