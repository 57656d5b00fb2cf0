"""The number of networks, addresses and other network resources of a subscription in a location, and the limits."""

from collections import Counter

from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource

_NETWORKS = "Microsoft.Network/virtualNetworks"
_ADDRESSES = "Microsoft.Network/publicIPAddresses"
_INTERFACES = "Microsoft.Network/networkInterfaces"
_GROUPS = "Microsoft.Network/networkSecurityGroups"
# name → its localized name, and the limit. Source: azure-rest-api-specs,
# Microsoft.Network, Usages_List; Microsoft's page on limits. Nothing is refused for these limits.
_LIMITS = {
    "VirtualNetworks": ("Virtual Networks", 1000),
    "StaticPublicIPAddresses": ("Static Public IP Addresses", 1000),
    "NetworkSecurityGroups": ("Network Security Groups", 5000),
    "PublicIPAddresses": ("Public IP Addresses", 1000),
    "NetworkInterfaces": ("Network Interfaces", 65536),
    "IPv4StandardSkuPublicIpAddresses": ("Public IPv4 Addresses - Standard", 1000),
}
_CALLED = {_NETWORKS: "VirtualNetworks", _GROUPS: "NetworkSecurityGroups", _INTERFACES: "NetworkInterfaces"}


def network_usages(cloud: Cloud, subscription: str, location: str) -> list[Json]:
    """List the use and the limit of each kind of network resource in a location."""
    kinds = (*_CALLED, _ADDRESSES)
    there = [found for kind in kinds for found in cloud.store.of_type(kind, subscription) if found.location == location]
    used = Counter(name for found in there for name in _names(found))
    base = f"/subscriptions/{subscription}/providers/Microsoft.Network/locations/{location}/usages"
    return [
        {
            "id": f"{base}/{name}",
            "unit": "Count",
            "currentValue": used[name],
            "limit": limit,
            "name": {"value": name, "localizedValue": shown},
        }
        for name, (shown, limit) in _LIMITS.items()
    ]


def _names(resource: Resource) -> list[str]:
    """Name the usages in which a resource counts."""
    if resource.id.type != _ADDRESSES:
        return [_CALLED[resource.id.type]]
    static = resource.properties["publicIPAllocationMethod"] == "Static"
    standard = resource.body["sku"]["name"] != "Basic"
    named = {"PublicIPAddresses": True, "StaticPublicIPAddresses": static, "IPv4StandardSkuPublicIpAddresses": standard}
    return [name for name, counts in named.items() if counts]
