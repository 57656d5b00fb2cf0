"""The sizes of each location: their capabilities, and which are not available.

Source: azure-rest-api-specs, Microsoft.Compute, ResourceSkus_List, and Microsoft's page on errors for SKUs.
"""

import re

from vmops.local.arm.data.locations import LOCATIONS, canonical, zones
from vmops.local.arm.data.sizes import NVME, SIZES, Size, cores_limit
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.wire.messages import Call, Reply
from vmops.local.arm.wire.pages import page

_WHERE = re.compile(r"\s*location\s+eq\s+'([^']*)'\s*", re.IGNORECASE)


def list_skus(_cloud: Cloud, call: Call) -> Reply:
    """List the sizes of every location, or of the one in ``$filter``: one entry for each pair, with restrictions."""
    where = _locations(call.query.get("$filter", ""))
    return page(call, [_sku(size, location) for location in where for size in SIZES.values()])


def _locations(text: str) -> list[str]:
    if not text:
        return LOCATIONS
    clause = _WHERE.fullmatch(text)
    if clause is None:
        raise ArmError("InvalidFilterInQueryString", filter=text)
    return [location for location in LOCATIONS if location == canonical(clause[1])]


def _sku(size: Size, location: str) -> Json:
    tier, _, name = size.name.partition("_")
    return {
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": tier,
        "size": name,
        "family": size.family,
        "locations": [location],
        "locationInfo": [{"location": location, "zones": zones(location), "zoneDetails": []}],
        "capabilities": [{"name": name, "value": str(value)} for name, value in _capabilities(size).items()],
        "restrictions": [_restriction(location)] if size.restricted or not cores_limit(size.family) else [],
    }


def _capabilities(size: Size) -> dict[str, object]:
    """Give the capabilities of a size; one that boots from SCSI alone does not list its controllers.

    Source: azure-rest-api-specs; SAP-on-Azure-Scripts-and-Utilities#131.
    """
    nvme = {"DiskControllerTypes": ", ".join(size.controllers), "NvmeDiskSizeInMiB": size.nvme_disk}
    return {
        "MaxResourceVolumeMB": size.local_disk,
        "OSVhdSizeMB": 1047552,
        "vCPUs": size.cores,
        "MemoryGB": f"{size.memory / 1024:g}",
        "MaxDataDiskCount": size.disks,
        "CpuArchitectureType": size.architecture,
        "LowPriorityCapable": size.spot,
        "PremiumIO": size.premium,
        "AcceleratedNetworkingEnabled": size.accelerated,
        "EncryptionAtHostSupported": size.premium,
        "HyperVGenerations": ",".join(size.generations),
        **(nvme if NVME in size.controllers else {}),
    }


def _restriction(location: str) -> Json:
    """Give the restriction for a size that a location does not offer to this subscription."""
    info = {"locations": [location]}
    return {
        "type": "Location",
        "values": [location],
        "restrictionInfo": info,
        "reasonCode": "NotAvailableForSubscription",
    }
