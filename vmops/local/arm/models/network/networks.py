"""Virtual networks and their subnets."""

from ipaddress import IPv4Network, IPv6Network, ip_network

from vmops.local.arm.models.network.base import NetworkKind, Write, named, require_reference
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId

Block = IPv4Network | IPv6Network

_INTERFACES = "Microsoft.Network/networkInterfaces"
_GROUPS = "Microsoft.Network/networkSecurityGroups"


class VirtualNetworks(NetworkKind):
    """The rules of virtual networks; a PUT replaces the subnets too."""

    type = "Microsoft.Network/virtualNetworks"
    carried = "subnets"

    def fill(self, write: Write) -> None:
        """Check the address space and complete the properties."""
        properties = write.resource.properties
        ranges = properties.get("addressSpace", {}).get("addressPrefixes", [])
        if not ranges:
            raise ArmError("InvalidRequestFormat", reason="addressSpace.addressPrefixes is required.")
        for prefix in ranges:
            _block(prefix, write.resource.id)
        properties.setdefault("virtualNetworkPeerings", [])
        properties.setdefault("enableDdosProtection", False)
        properties.setdefault("enableVmProtection", False)

    def spread(self, write: Write) -> None:
        """Write the subnets of the request and delete the others, unless they are in use."""
        store, network = write.cloud.store, write.resource
        asked = {subnet_id(network.id, subnet): subnet for subnet in write.asked.get("subnets", [])}
        keys = {rid.key for rid in asked}
        for subnet in store.children(network.id):
            if subnet.id.key not in keys:
                _require_unused(write.cloud, subnet)
                store.remove(subnet.id)
        for rid, request in asked.items():
            existing = store.get(rid)
            part = SUBNETS.declare(write.cloud, existing.id if existing else rid, request, existing, "")
            SUBNETS.fill(part)
            part.resource.body["etag"] = network.body["etag"]
            store.save(part.resource)

    def view(self, cloud: Cloud, resource: Resource) -> Json:
        """Show a network with its subnets."""
        subnets = [SUBNETS.view(cloud, subnet) for subnet in cloud.store.children(resource.id)]
        return resource.body | {"properties": resource.properties | {"subnets": subnets}}

    def guard(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse to delete a network with a subnet in use."""
        for subnet in cloud.store.children(resource.id):
            _require_unused(cloud, subnet)


class Subnets(NetworkKind):
    """The rules of subnets."""

    type = "Microsoft.Network/virtualNetworks/subnets"

    def fill(self, write: Write) -> None:
        """Check the range against the network's and its other subnets', and complete the properties."""
        cloud, subnet, properties = write.cloud, write.resource, write.resource.properties
        ranges = blocks(subnet)
        _require_fitting(cloud, subnet, ranges)
        if write.existing and blocks(write.existing) != ranges and cloud.store.referrers(subnet.id):
            raise ArmError("InUsePrefixCannotBeDeleted", prefix=blocks(write.existing)[0], subnet=subnet.id.name)
        properties.setdefault("delegations", [])
        properties.setdefault("privateEndpointNetworkPolicies", "Disabled")
        properties.setdefault("privateLinkServiceNetworkPolicies", "Enabled")
        group = require_reference(cloud, subnet, properties.get("networkSecurityGroup"), _GROUPS)
        cloud.store.refer(subnet.id, [(group, str(subnet.id))] if group else [])

    def view(self, cloud: Cloud, resource: Resource) -> Json:
        """Show a subnet with the IP configurations that use it."""
        users = cloud.store.referrers(resource.id, _INTERFACES)
        used = {"ipConfigurations": [{"id": user} for user in users]} if users else {}
        return resource.body | {"properties": resource.properties | used}

    def guard(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse to delete a subnet that is in use."""
        _require_unused(cloud, resource)


SUBNETS = Subnets()


def subnet_id(network: ResourceId, subnet: Json) -> ResourceId:
    """Give the id of a subnet that a network lists."""
    if not subnet.get("name"):
        raise ArmError("InvalidRequestFormat", reason=f"A subnet of {network} has no name.")
    return network.child("subnets", named(subnet["name"]))


def blocks(subnet: Resource) -> list[Block]:
    """Return a subnet's address ranges."""
    properties = subnet.properties
    texts = properties.get("addressPrefixes") or [properties.get("addressPrefix")]
    return [_block(text, subnet.id) for text in texts]


def _require_unused(cloud: Cloud, subnet: Resource) -> None:
    users = cloud.store.referrers(subnet.id)
    if users:
        raise ArmError("InUseSubnetCannotBeDeleted", subnet=subnet.id.name, user=users[0])


def _require_fitting(cloud: Cloud, subnet: Resource, ranges: list[Block]) -> None:
    parent = subnet.id.parent
    network = cloud.store.get(parent) if parent else None
    if network is None:
        return
    names = {"subnet": subnet.id.name, "network": network.id.name}
    space = [_block(prefix, network.id) for prefix in network.properties["addressSpace"]["addressPrefixes"]]
    if not all(any(_inside(mine, whole) for whole in space) for mine in ranges):
        raise ArmError("NetcfgInvalidSubnet", **names)
    for other in cloud.store.children(network.id):
        if other.id.key != subnet.id.key and any(a.overlaps(b) for a in ranges for b in blocks(other)):
            raise ArmError("NetcfgSubnetRangesOverlap", **names)


def _block(prefix: str | None, rid: ResourceId) -> Block:
    try:
        block = ip_network(str(prefix), strict=False)
    except ValueError:
        raise ArmError("InvalidAddressPrefixFormat", prefix=prefix, id=rid) from None
    if str(prefix).partition("/")[0] != str(block.network_address):
        raise ArmError("InvalidCIDRNotation", prefix=prefix, id=rid, right=block)
    return block


def _inside(mine: Block, whole: Block) -> bool:
    if isinstance(mine, IPv4Network):
        return isinstance(whole, IPv4Network) and mine.subnet_of(whole)
    return isinstance(whole, IPv6Network) and mine.subnet_of(whole)
