"""The form of ARM's answers, as far as vmops reads them; every other form is an error.

A proxy, a captive portal or a broken service may answer anything, so every value that is read later is checked here.
Absent and null values are left out, and present ones have their type.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from vmops.azure.form import Form, Malformed, Shape

_REFERENCES: Shape = [{"id!": str}]
_DATA_DISK: Shape = {
    "lun": int,
    "name": str,
    "createOption": str,
    "caching": str,
    "writeAcceleratorEnabled": bool,
    "diskSizeGB": int,
    "managedDisk": {"id": str},
}
_RULE: Shape = {
    "access": str,
    "direction": str,
    "priority": int,
    "protocol": str,
    **{f"{end}{part}": str for end in ("source", "destination") for part in ("PortRange", "AddressPrefix")},
    **{f"{end}{part}": [str] for end in ("source", "destination") for part in ("PortRanges", "AddressPrefixes")},
}
_PROPERTIES: Shape = {
    "provisioningState": str,
    "priority": str,
    "vmId": str,
    "hardwareProfile": {"vmSize": str},
    "instanceView": {"statuses": [{"code": str}]},
    "storageProfile": {
        "osDisk": {"name": str, "diskSizeGB": int, "managedDisk": {"id": str}},
        "dataDisks": [_DATA_DISK],
    },
    "osProfile": {"adminUsername": str, "linuxConfiguration": {"ssh": {"publicKeys": [{"keyData": str}]}}},
    "networkProfile": {"networkInterfaces": _REFERENCES},
    "networkInterfaces": _REFERENCES,
    "ipConfigurations": _REFERENCES,
    "securityRules": [{"name!": str, "properties!": _RULE}],
    "subnets": [{"id!": str, "name": str, "properties": {"ipConfigurations": _REFERENCES}}],
}

_RESOURCE = Form(
    {
        "id!": str,
        "name!": str,
        "type!": str,
        "location": str,
        "managedBy": str,
        "zones": [str],
        "tags": {"*": str},
        "properties": _PROPERTIES,
    }
)
"""Source: azure-rest-api-specs, Microsoft.Resources, Microsoft.Compute, Microsoft.Network."""

_MACHINES = "virtualMachines"

_ANYTHING = Form({})
_WITH_PROPERTIES = Form({"properties!": {}})
_SIZES = Form({"value!": [{"name!": str, "maxDataDiskCount": int}]})
_GUESTS = Form(
    {
        "kind!": str,
        "reason": str,
        "guests": [{"id!": str, "state!": str, "host": str, "port": int, "user": str, "hostKey": str, "why": str}],
    }
)
"""The local Azure's answer about what runs inside its VMs; Azure has no such request."""


def resource(body: object) -> dict[str, Any]:
    """Read a resource.

    Raises: Malformed.
    """
    read = _RESOURCE.read(body)
    if read["id"].count("/") < 2:
        raise Malformed("`id` is no resource id")
    return {"properties": {}, **read}


def properties(body: object) -> dict[str, Any]:
    """Read the properties of an object.

    Raises: Malformed.
    """
    read = _WITH_PROPERTIES.read(body)
    found: dict[str, Any] = read["properties"]
    return found


def page(body: object) -> tuple[list[dict[str, Any]], str]:
    """Read one page of a list of resources, and the URL of the next one, which is empty for the last.

    Raises: Malformed.
    """
    if not isinstance(body, dict) or not isinstance(body.get("value"), list):
        raise Malformed("it is no list of resources")
    following = body.get("nextLink") or ""
    if not isinstance(following, str):
        raise Malformed("`nextLink` is no URL")
    return [resource(each) for each in body["value"]], following


def sizes(body: object) -> dict[str, int]:
    """Read how many data disks each size allows, by its name in lower case.

    Raises: Malformed.
    """
    read = _SIZES.read(body)
    return {each["name"].lower(): each.get("maxDataDiskCount", 0) for each in read["value"]}


def guests(body: object) -> dict[str, Any]:
    """Read a cloud's answer about what runs inside its VMs. Raises: Malformed."""
    return _GUESTS.read(body)


def words(body: object) -> dict[str, str]:
    """Read the string values of an object. Raises: Malformed."""
    return {name: each for name, each in _ANYTHING.read(body).items() if isinstance(each, str)}


_OFFER: Shape = {
    "resourceType": str,
    "name!": str,
    "family": str,
    "capabilities": [{"name!": str, "value": str}],
    "locationInfo": [{"zones": [str]}],
    "restrictions": [{"type": str, "reasonCode": str, "restrictionInfo": {"zones": [str]}}],
}
_OFFERS = Form({"value!": [_OFFER]})


class SizeOffer(NamedTuple):
    """A size in a location: its capabilities, in Azure's terms, and why it is not available there; '' if it is.

    ``family`` is the quota that counts its cores. ``refused_zones`` are the ``zones`` where it is not available, with
    the reason.
    """

    name: str
    capabilities: Mapping[str, str]
    refused: str
    family: str = ""
    zones: frozenset[str] = frozenset()
    refused_zones: Mapping[str, str] = {}


def offers(body: object) -> dict[str, SizeOffer]:
    """Read Azure's offer of each size, by its name in lower case. Raises: Malformed."""
    read = [each for each in _OFFERS.read(body)["value"] if each.get("resourceType") == _MACHINES]
    return {each["name"].lower(): _offer(each) for each in read}


def _offer(offer: Mapping[str, Any]) -> SizeOffer:
    """Read one offer; a restriction that is not of type Location is for some zones only."""
    can = {each["name"]: each.get("value", "") for each in offer.get("capabilities") or ()}
    limits = offer.get("restrictions") or ()
    reasons = [each.get("reasonCode", "restricted") for each in limits if _is_of_location(each)]
    zones = frozenset(zone for each in offer.get("locationInfo") or () for zone in each.get("zones") or ())
    refused = {
        zone: each.get("reasonCode", "restricted")
        for each in limits
        if not _is_of_location(each)
        for zone in each.get("restrictionInfo", {}).get("zones") or ()
    }
    return SizeOffer(offer["name"], can, next(iter(reasons), ""), offer.get("family", ""), zones, refused)


class Usage(NamedTuple):
    """A quota: its name, usage, limit and unit."""

    name: str
    used: int
    limit: int
    unit: str


_USAGE: Shape = {"name!": {"value!": str}, "currentValue": int, "limit": int, "unit": str}
_USAGES = Form({"value": [_USAGE], "nextLink": str})


def usages(body: object) -> tuple[list[Usage], str]:
    """Read one page of quotas, and the URL of the next one. Raises: Malformed."""
    read = _USAGES.read(body)
    found = [
        Usage(each["name"]["value"], each.get("currentValue", 0), each.get("limit", 0), each.get("unit", ""))
        for each in read.get("value", ())
    ]
    return found, read.get("nextLink", "")


def _is_of_location(restriction: Mapping[str, Any]) -> bool:
    return str(restriction.get("type")).lower() == "location"
