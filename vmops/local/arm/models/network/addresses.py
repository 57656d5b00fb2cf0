"""Public IP addresses, and the assignment of addresses from a range."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from itertools import chain

from vmops.local.arm.models.network.base import NetworkKind, Write
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId

# Addresses that belong to nobody. Source: RFC 5737 (documentation) and RFC 2544 (benchmarks).
_RANGES = tuple(map(IPv4Network, ("203.0.113.0/24", "198.51.100.0/24", "192.0.2.0/24", "198.18.0.0/15")))
_POOL = "public"
_ALLOCATED = ("starting", "running", "stopping", "stopped")


class PublicAddresses(NetworkKind):
    """The rules of public IP addresses: a static one has its address at once, a dynamic one while it is used."""

    type = "Microsoft.Network/publicIPAddresses"

    def fill(self, write: Write) -> None:
        """Check sku and method, complete the properties and assign a static address."""
        resource, properties = write.resource, write.resource.properties
        resource.body["sku"] = sku = {"name": "Basic", "tier": "Regional"} | resource.body.get("sku", {})
        _require_same_sku(resource, write.existing)
        _require_same_zones(resource, write.existing)
        properties.setdefault("publicIPAddressVersion", "IPv4")
        properties.setdefault("publicIPAllocationMethod", "Dynamic")
        properties.setdefault("idleTimeoutInMinutes", 4)
        properties.setdefault("ipTags", [])
        if sku["name"] != "Basic" and properties["publicIPAllocationMethod"] != "Static":
            raise ArmError("StandardAndStandardV2SkuPublicIPAddressesMustBeStatic", id=resource.id)
        _name_in_dns(write.cloud, resource)
        if write.existing and "ipAddress" in write.existing.properties:
            properties["ipAddress"] = write.existing.properties["ipAddress"]
        elif properties["publicIPAllocationMethod"] == "Static":
            _assign(write.cloud, resource)

    def view(self, cloud: Cloud, resource: Resource) -> Json:
        """Show an address with the IP configuration that uses it."""
        users = cloud.store.referrers(resource.id)
        used = {"ipConfiguration": {"id": users[0]}} if users else {}
        return resource.body | {"properties": resource.properties | used}

    def guard(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse to delete an address that an interface uses."""
        users = cloud.store.referrers(resource.id)
        if users:
            raise ArmError("PublicIPAddressCannotBeDeleted", id=resource.id, user=users[0])


def follow_machine(cloud: Cloud, rid: ResourceId, power: str | None) -> None:
    """Assign a dynamic address while the machine that uses it is allocated, and release it afterwards."""
    resource = cloud.store.get(rid)
    if resource is None or resource.properties["publicIPAllocationMethod"] != "Dynamic":
        return
    if power in _ALLOCATED and "ipAddress" not in resource.properties:
        _assign(cloud, resource)
        cloud.store.save(resource)
    elif power not in _ALLOCATED and resource.properties.pop("ipAddress", None):
        cloud.store.release(rid)
        cloud.store.save(resource)


def first_free(cloud: Cloud, pool: str, numbers: Iterator[int]) -> int | None:
    """Return the first free number of a pool; None if all are taken."""
    taken = cloud.store.addresses(pool)
    return next((number for number in numbers if number not in taken), None)


def _assign(cloud: Cloud, resource: Resource) -> None:
    numbers = chain.from_iterable(range(int(r[1]), int(r[-1])) for r in _RANGES)
    number = first_free(cloud, _POOL, numbers)
    if number is None:
        limit = sum(block.num_addresses - 2 for block in _RANGES)
        raise ArmError("PublicIPCountLimitReached", limit=limit)
    cloud.store.take(_POOL, number, resource.id)
    resource.properties["ipAddress"] = str(IPv4Address(number))


def _name_in_dns(cloud: Cloud, resource: Resource) -> None:
    settings = resource.properties.get("dnsSettings")
    if not settings or not settings.get("domainNameLabel"):
        return
    settings["fqdn"] = fqdn = f"{settings['domainNameLabel']}.{resource.location}.cloudapp.azure.com".lower()
    for other in cloud.store.of_type(resource.id.type):
        taken = other.properties.get("dnsSettings", {}).get("fqdn")
        if taken == fqdn and other.id.key != resource.id.key:
            raise ArmError("DnsRecordInUse", fqdn=fqdn)


def _require_same_sku(resource: Resource, existing: Resource | None) -> None:
    if existing and existing.body["sku"]["name"] != resource.body["sku"]["name"]:
        names = {"old": existing.body["sku"]["name"], "new": resource.body["sku"]["name"]}
        raise ArmError("PublicIPAddressSkuCannotBeChanged", id=resource.id, **names)


def _require_same_zones(resource: Resource, existing: Resource | None) -> None:
    """Refuse to move an address into or out of zones. Source: AzOps#701, azure-cli#16653."""
    old, new = (_zones(version) for version in (existing or resource, resource))
    if old != new:
        raise ArmError("ResourceAvailabilityZonesCannotBeModified", id=resource.id, old=old, new=new)


def _zones(resource: Resource) -> str:
    return ", ".join(sorted(resource.body.get("zones", []))) or "NoZone"
