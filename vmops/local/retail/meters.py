"""The meters of a size in a location, including those that do not price a Linux VM.

Every price here is made up, from cores and memory. Source of the form, and of the other meters in a real list: Azure
documentation, Azure Retail Prices; opencost#3531 (Low Priority), terrapod#931 (prices of 0).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from vmops.local.arm.data.locations import DISPLAY_NAMES, LOCATIONS
from vmops.local.arm.data.sizes import SIZES, Size

_A_CORE, _A_GIB = 0.032, 0.004
"""US dollars an hour."""

_DEARER = 0.05
"""The fraction by which a location is dearer than the one before it; four levels repeat."""

_TWO_METERS = "Standard_D8s_v5"
"""A size with two meters for the same thing."""


@dataclass(frozen=True)
class _Meter:
    """The difference of a meter from that of a Linux VM: ``part`` is a factor of the price, the others are names."""

    part: float
    sku: str = ""
    product: str = ""
    kind: str = "Consumption"
    term: str = ""


_METERS = (
    _Meter(1.0),
    _Meter(1.8, product=" Windows"),
    _Meter(0.2, sku=" Spot"),
    _Meter(0.5, sku=" Spot", product=" Windows"),
    _Meter(0.25, sku=" Low Priority"),
    _Meter(1.2, product=" CloudServices"),
    _Meter(0.0),
    _Meter(1.0, product=" Windows", kind="DevTestConsumption"),
    _Meter(5000.0, kind="Reservation", term="1 Year"),
)
_SECOND = _Meter(0.9)


def meters(location: str | None = None, size: str | None = None) -> Iterator[dict[str, Any]]:
    """Generate the meters of all sizes, or one, in all locations, or one; they are too many for a list."""
    for each in LOCATIONS if location is None else {location} & {*LOCATIONS}:
        for one in SIZES.values():
            if size in (None, one.name):
                yield from _of(one, each)


def _of(size: Size, location: str) -> Iterator[dict[str, Any]]:
    second = [_SECOND] if size.name == _TWO_METERS else []
    for meter in [*second, *_METERS]:
        yield _item(size, location, meter)


def _item(size: Size, location: str, meter: _Meter) -> dict[str, Any]:
    name = size.name.partition("_")[2].replace("_", " ")
    ids = {what: str(uuid5(NAMESPACE_URL, f"{what}/{location}/{size.name}/{meter}")) for what in ("meterId", "skuId")}
    price = round(_regular(size, location) * meter.part, 6)
    return {
        "currencyCode": "USD",
        "tierMinimumUnits": 0.0,
        "retailPrice": price,
        "unitPrice": price,
        "armRegionName": location,
        "location": DISPLAY_NAMES[location],
        "effectiveStartDate": "2024-01-01T00:00:00Z",
        **ids,
        "meterName": f"{name}{meter.sku}",
        "productId": "DZH318Z0MADE",
        "productName": f"Virtual Machines {size.family.removesuffix('Family')} Series{meter.product}",
        "skuName": f"{name}{meter.sku}",
        "serviceName": "Virtual Machines",
        "serviceId": "DZH313Z7MMC8",
        "serviceFamily": "Compute",
        "unitOfMeasure": "1 Hour",
        "type": meter.kind,
        "isPrimaryMeterRegion": True,
        "armSkuName": size.name,
        **({"reservationTerm": meter.term} if meter.term else {}),
    }


def _regular(size: Size, location: str) -> float:
    """Make up the price of a Linux VM; westus2 is among the cheapest."""
    steps = (LOCATIONS.index("westus2") - LOCATIONS.index(location)) % 4
    return (_A_CORE * size.cores + _A_GIB * size.memory / 1024) * (1 + _DEARER * steps)
