"""The network interfaces of a machine: attached, reserved, and released."""

from vmops.local.arm.models.compute.quota import size_of
from vmops.local.arm.models.locks import keeps
from vmops.local.arm.models.network.addresses import follow_machine
from vmops.local.arm.models.network.base import require_reference
from vmops.local.arm.models.network.interfaces import Interfaces, public_addresses, require_unreserved
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Resource
from vmops.local.arm.state.resource_id import ResourceId

_RESERVATION = 180  # seconds. Source: the text of NicReservedForAnotherVm


def require_interfaces(cloud: Cloud, machine: Resource) -> None:
    """Check the interfaces of a machine: each must be free, in the same region, and reserved for no other machine."""
    profile = machine.properties.get("networkProfile", {})
    if profile.get("networkInterfaceConfigurations"):
        raise ArmError("InvalidParameter:unsupported", target="networkProfile.networkInterfaceConfigurations")
    slots = profile.get("networkInterfaces", [])
    if not slots:
        raise ArmError("InvalidParameter:missing", target="networkProfile.networkInterfaces")
    for slot in slots:
        if not slot.get("id"):
            raise ArmError("InvalidParameter:missing", target="networkInterface.id")
        require_reference(cloud, machine, slot, Interfaces.type)
    for interface in attached(cloud, machine):
        users = cloud.store.referrers(interface.id)
        if users and users[0].lower() != machine.id.key:
            raise ArmError("NicInUse", id=interface.id, user=users[0])
        require_unreserved(cloud, interface, machine.id)
        if interface.properties.get("enableAcceleratedNetworking") and not size_of(machine).accelerated:
            blanks = {"size": size_of(machine).name, "nic": interface.id.name}
            raise ArmError("InvalidParameter:accelerated", target="vmSize", **blanks)


def attached(cloud: Cloud, machine: Resource) -> list[Resource]:
    """Return the existing interfaces of a machine."""
    slots = machine.properties["networkProfile"]["networkInterfaces"]
    found = [cloud.store.get(ResourceId.parse(slot["id"])) for slot in slots]
    return [interface for interface in found if interface]


def follow(cloud: Cloud, machine: Resource) -> None:
    """Update interfaces and public addresses to the power state of their machine."""
    slots = machine.properties["networkProfile"]["networkInterfaces"]
    primary = next((slot for slot in slots if slot.get("properties", {}).get("primary")), slots[0])["id"].lower()
    for interface in attached(cloud, machine):
        interface.properties.setdefault("macAddress", _mac_address(interface))
        interface.hidden["primary"] = interface.id.key == primary
        cloud.store.save(interface)
        for address in public_addresses(interface):
            follow_machine(cloud, address, machine.hidden["power"])


def reserve(cloud: Cloud, machine: Resource) -> None:
    """Reserve the interfaces of a machine whose creation has failed, for a while."""
    for interface in attached(cloud, machine):
        until = machine.hidden["since"] + _RESERVATION * cloud.pace
        interface.hidden["reserved"] = {"machine": str(machine.id), "until": until}
        cloud.store.save(interface)


def release(cloud: Cloud, machine: Resource) -> None:
    """Release the interfaces of a deleted machine, or delete them, as each one's ``deleteOption`` and locks say."""
    slots = machine.properties["networkProfile"]["networkInterfaces"]
    options = {slot["id"].lower(): slot.get("properties", {}).get("deleteOption") for slot in slots}
    for interface in attached(cloud, machine):
        if options[interface.id.key] == "Delete" and not keeps(cloud, interface.id):
            cloud.rules(interface.id).remove(cloud, interface)
            continue
        for address in public_addresses(interface):
            follow_machine(cloud, address, None)


def _mac_address(interface: Resource) -> str:
    """Generate a hardware address under Microsoft's prefix. Source: the IEEE's list, 00-0D-3A Microsoft."""
    tail = interface.properties["resourceGuid"][:6].upper()
    return "-".join(("00", "0D", "3A", tail[0:2], tail[2:4], tail[4:6]))
