"""Network security groups and their rules."""

import re
from ipaddress import ip_network

from vmops.local.arm.models.network.base import NetworkKind, Write, named
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource

# name, description, source, destination, priority. Source: NetworkSecurityGroupCreate example.
_DEFAULTS = (
    ("AllowVnetInBound", "Allow inbound traffic from all VMs in VNET", "VirtualNetwork", "VirtualNetwork", 65000),
    (
        "AllowAzureLoadBalancerInBound",
        "Allow inbound traffic from azure load balancer",
        "AzureLoadBalancer",
        "*",
        65001,
    ),
    ("DenyAllInBound", "Deny all inbound traffic", "*", "*", 65500),
    (
        "AllowVnetOutBound",
        "Allow outbound traffic from all VMs to all VMs in VNET",
        "VirtualNetwork",
        "VirtualNetwork",
        65000,
    ),
    ("AllowInternetOutBound", "Allow outbound traffic from all VMs to Internet", "*", "Internet", 65001),
    ("DenyAllOutBound", "Deny all outbound traffic", "*", "*", 65500),
)
_LISTS = ("sourcePortRanges", "destinationPortRanges", "sourceAddressPrefixes", "destinationAddressPrefixes")
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_TAG = re.compile(r"\*|[A-Za-z][A-Za-z0-9.]*")


class SecurityGroups(NetworkKind):
    """The rules of network security groups; a PUT replaces the security rules too."""

    type = "Microsoft.Network/networkSecurityGroups"
    carried = "securityRules"

    def spread(self, write: Write) -> None:
        """Write the security rules of the request, and delete all others."""
        cloud, group = write.cloud, write.resource
        for rule in cloud.store.children(group.id):
            cloud.store.remove(rule.id)
        for request in write.asked.get("securityRules", []):
            rid = group.id.child("securityRules", _name(group, request))
            part = SECURITY_RULES.declare(cloud, rid, request, None, "")
            SECURITY_RULES.fill(part)
            part.resource.body["etag"] = group.body["etag"]
            cloud.store.save(part.resource)

    def view(self, cloud: Cloud, resource: Resource) -> Json:
        """Show a group with its rules, the built-in rules, and its attachments."""
        rules = [rule.body for rule in cloud.store.children(resource.id)]
        shown: Json = {"securityRules": rules, "defaultSecurityRules": _default_rules(resource)}
        for slot, kind in (("networkInterfaces", "networkInterfaces"), ("subnets", "virtualNetworks/subnets")):
            users = cloud.store.referrers(resource.id, f"Microsoft.Network/{kind}")
            shown |= {slot: [{"id": user} for user in users]} if users else {}
        return resource.body | {"properties": resource.properties | shown}

    def guard(self, cloud: Cloud, resource: Resource) -> None:
        """Refuse to delete a group that is attached."""
        users = cloud.store.referrers(resource.id)
        if users:
            raise ArmError("InUseNetworkSecurityGroupCannotBeDeleted", id=resource.id, users=", ".join(users))


class SecurityRules(NetworkKind):
    """The rules of security rules."""

    type = "Microsoft.Network/networkSecurityGroups/securityRules"

    def fill(self, write: Write) -> None:
        """Check a rule by itself and against its siblings, and complete the properties."""
        rule, properties = write.resource, write.resource.properties
        _require_sound(rule)
        for name in _LISTS:
            properties.setdefault(name, [])
        siblings = write.cloud.store.children(rule.id.parent) if rule.id.parent else []
        for other in siblings:
            same = all(other.properties[key] == properties[key] for key in ("priority", "direction"))
            if same and other.id.key != rule.id.key:
                raise ArmError("SecurityRuleConflict", rule=rule.id.name, other=other.id.name)


SECURITY_RULES = SecurityRules()


def _name(group: Resource, rule: Json) -> str:
    if not rule.get("name"):
        raise ArmError("InvalidRequestFormat", reason=f"A security rule of {group.id} has no name.")
    return named(rule["name"])


def _require_sound(rule: Resource) -> None:
    properties = rule.properties
    for key in ("access", "direction", "priority", "protocol"):
        if key not in properties:
            raise ArmError("InvalidRequestFormat", reason=f"Security rule {rule.id} has no {key}.")
    if not 100 <= properties["priority"] <= 4096:
        raise ArmError("SecurityRuleInvalidPriority", value=properties["priority"])
    for side in ("source", "destination"):
        for ports in _values(properties, f"{side}PortRange"):
            if not _sound_ports(ports):
                raise ArmError("SecurityRuleInvalidPortRange", value=ports)
        for prefix in _values(properties, f"{side}AddressPrefix", f"{side}AddressPrefixes"):
            if not _sound_prefix(prefix):
                raise ArmError("SecurityRuleInvalidAddressPrefix", id=rule.id, value=prefix)


def _values(properties: Json, one: str, many: str = "") -> list[str]:
    single = [properties[one]] if properties.get(one) else []
    return [*single, *properties.get(many or f"{one}s", [])]


def _sound_ports(ports: str) -> bool:
    match = _PORTS.fullmatch(ports)
    if match is None:
        return ports == "*"
    low, high = int(match[1]), int(match[2] or match[1])
    return low <= high <= 65535


def _sound_prefix(prefix: str) -> bool:
    if _TAG.fullmatch(prefix):
        return True
    try:
        ip_network(prefix, strict=False)
    except ValueError:
        return False
    return True


def _default_rules(group: Resource) -> list[Json]:
    return [
        {
            "name": name,
            "id": str(group.id.child("defaultSecurityRules", name)),
            "etag": group.body["etag"],
            "type": f"{group.id.type}/defaultSecurityRules",
            "properties": {
                "provisioningState": group.state,
                "description": description,
                "protocol": "*",
                "sourcePortRange": "*",
                "destinationPortRange": "*",
                "sourceAddressPrefix": source,
                "destinationAddressPrefix": destination,
                "access": "Deny" if name.startswith("Deny") else "Allow",
                "priority": priority,
                "direction": "Outbound" if name.endswith("OutBound") else "Inbound",
                **{key: [] for key in _LISTS},
            },
        }
        for name, description, source, destination, priority in _DEFAULTS
    ]
