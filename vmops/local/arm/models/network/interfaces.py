"""Network interfaces: their addresses in a subnet, and their machine."""

import base64
import hashlib
from ipaddress import IPv4Address, IPv4Network, ip_address

from vmops.local.arm.models.locks import keeps
from vmops.local.arm.models.network.addresses import first_free, follow_machine
from vmops.local.arm.models.network.base import NetworkKind, Write, named, require_reference
from vmops.local.arm.models.network.networks import blocks
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId

_SUBNETS = "Microsoft.Network/virtualNetworks/subnets"
_ADDRESSES = "Microsoft.Network/publicIPAddresses"
_GROUPS = "Microsoft.Network/networkSecurityGroups"
_MACHINES = "Microsoft.Compute/virtualMachines"
_RESERVED = 4  # Azure keeps the first four addresses of a subnet, and the last. Source: virtual network FAQ.
# Source: recorded traffic of azure-mgmt-compute 29, and what users of azure-cli and of REST show of theirs.
_DEFAULTS: Json = {
    **dict.fromkeys(("enableAcceleratedNetworking", "enableIPForwarding", "disableTcpStateTracking"), False),
    "vnetEncryptionSupported": False,
    "auxiliaryMode": "None",
    "auxiliarySku": "None",
    "nicType": "Standard",
}


class Interfaces(NetworkKind):
    """The rules of network interfaces, whose writes succeed at once."""

    type = "Microsoft.Network/networkInterfaces"
    starts_in = "Succeeded"

    def fill(self, write: Write) -> None:
        """Check the interface's references, assign its addresses and complete the properties."""
        cloud, interface, properties = write.cloud, write.resource, write.resource.properties
        configurations = properties.get("ipConfigurations", [])
        if not configurations:
            raise ArmError("InvalidRequestFormat", reason="ipConfigurations is required.")
        held = _held(write.existing)
        cloud.store.release(interface.id)
        targets: list[tuple[ResourceId, str]] = []
        for number, configuration in enumerate(configurations):
            configuration["name"] = named(configuration.get("name") or f"ipconfig{number + 1}")
            targets += _configure(cloud, interface, configuration, held)
            configuration["properties"].setdefault("primary", number == 0)
        if len({target.parent for target, _ in targets if target.parent}) > 1:
            raise ArmError("SubnetsNotInSameVnet", id=interface.id)
        group = require_reference(cloud, interface, properties.get("networkSecurityGroup"), _GROUPS)
        cloud.store.refer(interface.id, [*targets, *([(group, str(interface.id))] if group else [])])
        _complete(properties, targets[0][0])
        if write.existing and "macAddress" in write.existing.properties:
            properties["macAddress"] = write.existing.properties["macAddress"]

    def view(self, cloud: Cloud, resource: Resource) -> Json:
        """Show an interface with its machine, and whether it is that machine's primary one."""
        users = cloud.store.referrers(resource.id, _MACHINES)
        used: Json = {"virtualMachine": {"id": users[0]}} if users else {}
        if users and "primary" in resource.hidden:
            used["primary"] = resource.hidden["primary"]
        etag = resource.body["etag"]
        configurations = [part | {"etag": etag} for part in resource.properties["ipConfigurations"]]
        return resource.body | {"properties": resource.properties | used | {"ipConfigurations": configurations}}

    def guard(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse to delete an interface that is attached to a machine or reserved for one."""
        users = cloud.store.referrers(resource.id)
        if users:
            raise ArmError("NicInUse", id=resource.id, user=users[0])
        require_unreserved(cloud, resource, None)

    def remove(self, cloud: Cloud, resource: Resource) -> None:
        """Remove an interface, and the public addresses that are to be deleted with it."""
        super().remove(cloud, resource)
        for configuration in resource.properties["ipConfigurations"]:
            slot = configuration["properties"].get("publicIPAddress")
            if not slot:
                continue
            address = ResourceId.parse(slot["id"])
            if slot.get("properties", {}).get("deleteOption") == "Delete" and not keeps(cloud, address):
                cloud.store.remove(address)
            else:
                follow_machine(cloud, address, None)


def require_unreserved(cloud: Cloud, interface: Resource, machine: ResourceId | None) -> None:
    """Refuse an interface that is reserved for another machine."""
    reserved = interface.hidden.get("reserved")
    if reserved and cloud.now() < reserved["until"] and (machine is None or reserved["machine"].lower() != machine.key):
        raise ArmError("NicReservedForAnotherVm", user=reserved["machine"])


def public_addresses(interface: Resource) -> list[ResourceId]:
    """Return the public addresses of an interface."""
    slots = [part["properties"].get("publicIPAddress") for part in interface.properties["ipConfigurations"]]
    return [ResourceId.parse(slot["id"]) for slot in slots if slot]


def _configure(
    cloud: Cloud, interface: Resource, configuration: Json, held: dict[str, str]
) -> list[tuple[ResourceId, str]]:
    """Complete one IP configuration in place; return its references, its subnet first."""
    name = configuration["name"]
    rid = f"{interface.id}/ipConfigurations/{name}"
    asked = configuration.get("properties", {})
    subnet = require_reference(cloud, interface, asked.get("subnet"), _SUBNETS)
    if subnet is None:
        raise ArmError("InvalidRequestFormat", reason=f"Resource {rid} has no subnet.")
    asked["subnet"] = {"id": str(subnet)}
    address = require_reference(cloud, interface, asked.get("publicIPAddress"), _ADDRESSES)
    if address:
        _require_unused(cloud, address, rid)
    asked.setdefault("privateIPAllocationMethod", "Dynamic")
    asked.setdefault("privateIPAddressVersion", "IPv4")
    asked["provisioningState"] = "Succeeded"
    asked["privateIPAddress"] = _take_address(cloud, interface, subnet, asked, rid, held.get(f"{subnet.key} {name}"))
    configuration |= {"id": rid, "type": f"{interface.id.type}/ipConfigurations", "properties": asked}
    return [(subnet, rid), *([(address, rid)] if address else [])]


def _complete(properties: Json, subnet: ResourceId) -> None:
    suffix = base64.b32encode(hashlib.sha256(subnet.key.encode()).digest()[:16]).decode().lower().rstrip("=")
    dns = {"dnsServers": [], "appliedDnsServers": []} | properties.get("dnsSettings", {})
    properties["dnsSettings"] = dns | {"internalDomainNameSuffix": f"{suffix}.xx.internal.cloudapp.net"}
    properties |= _DEFAULTS | properties
    properties |= {"hostedWorkloads": [], "tapConfigurations": [], "kind": "Regular", "allowPort25Out": False}


def _held(existing: Resource | None) -> dict[str, str]:
    """Return the present addresses of an interface, by subnet and name of the IP configuration."""
    parts = existing.properties["ipConfigurations"] if existing else []
    pairs = [(part["name"], part["properties"]) for part in parts]
    return {f"{held['subnet']['id'].lower()} {name}": held["privateIPAddress"] for name, held in pairs}


def _require_unused(cloud: Cloud, address: ResourceId, rid: str) -> None:
    for user in cloud.store.referrers(address):
        if user.lower() != rid.lower():
            raise ArmError("PublicIPAddressInUse", holder=rid, id=address, user=user)


def _take_address(cloud: Cloud, nic: Resource, subnet: ResourceId, asked: Json, rid: str, held: str | None) -> str:
    home = cloud.store.get(subnet)
    block = next((block for block in blocks(home) if isinstance(block, IPv4Network)), None) if home else None
    if block is None:
        raise ArmError("InvalidResourceReference", id=subnet, holder=nic.id)
    wanted = asked.get("privateIPAddress") if asked["privateIPAllocationMethod"] == "Static" else held
    number = _check_address(cloud, str(wanted), block, subnet, rid) if wanted else _any_address(cloud, block, subnet)
    cloud.store.take(subnet.key, number, nic.id)
    return str(IPv4Address(number))


def _any_address(cloud: Cloud, block: IPv4Network, subnet: ResourceId) -> int:
    numbers = iter(range(int(block[0]) + _RESERVED, int(block[-1])))
    number = first_free(cloud, subnet.key, numbers)
    if number is None:
        raise ArmError("SubnetIsFull", subnet=subnet.name, prefix=block, count=1)
    return number


def _check_address(cloud: Cloud, wanted: str, block: IPv4Network, subnet: ResourceId, rid: str) -> int:
    try:
        address = ip_address(wanted)
    except ValueError:
        raise ArmError("InvalidRequestFormat", reason=f"{wanted!r} is not an IP address.") from None
    if address not in block:
        raise ArmError("PrivateIPAddressNotInSubnet", address=wanted, prefix=block)
    number = int(address)
    if not int(block[0]) + _RESERVED <= number < int(block[-1]):
        raise ArmError("PrivateIPAddressInReservedRange", address=wanted, prefix=block)
    other = cloud.store.addresses(subnet.key).get(number)
    if other:
        raise ArmError("PrivateIPAddressInUse", id=rid, address=wanted, other=other)
    return number
