"""The identity of a VM, and the names of its resources.

Every name is known before anything exists, so every intended resource has an ARM id that can be queried.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from pydantic.alias_generators import to_camel

STACK_TAG, OWNER_TAG, EXPIRES_TAG, HOLD_TAG = OWN_TAGS = ("vmops-stack", "vmops-owner", "vmops-expires", "vmops-hold")
TAG_PREFIX = "vmops-"
"""The prefix of vmops' own tags."""
FLEET_TAG = "vmops-fleet"
"""The tag of a fleet's resources with the fleet's name."""
GIVEN_TAG = "vmops-from"
"""The tag of a network or security group that was transferred to another stack, with the stack that made it."""

PROJECT = "vmops"
"""The Pulumi project of every stack."""

# Source: ARM resource types, resource provider reference (Microsoft.Network, Microsoft.Compute).
_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "network": "Microsoft.Network/virtualNetworks",
        "security_group": "Microsoft.Network/networkSecurityGroups",
        "address": "Microsoft.Network/publicIPAddresses",
        "nic": "Microsoft.Network/networkInterfaces",
        "vm": "Microsoft.Compute/virtualMachines",
        "disk": "Microsoft.Compute/disks",
    }
)
# Source: Pulumi registry, azure-native, type tokens.
TOKENS: Mapping[str, str] = MappingProxyType(
    {
        "group": "azure-native:resources:ResourceGroup",
        "network": "azure-native:network:VirtualNetwork",
        "subnet": "azure-native:network:Subnet",
        "security_group": "azure-native:network:NetworkSecurityGroup",
        "address": "azure-native:network:PublicIPAddress",
        "nic": "azure-native:network:NetworkInterface",
        "vm": "azure-native:compute:VirtualMachine",
        "disk": "azure-native:compute:Disk",
    }
)
_MEMBERS = frozenset({"virtualmachines", "networkinterfaces", "publicipaddresses", "disks"})
"""The types of resources that each member of a fleet has for itself, in lower case, without their namespace."""
_SUFFIXES: Mapping[str, str] = MappingProxyType(
    {
        "network": "vnet",
        "subnet": "subnet",
        "security_group": "nsg",
        "address": "ip",
        "nic": "nic",
        "os_disk": "osdisk",
    }
)
FIELDS: Mapping[str, str] = MappingProxyType(
    {
        "network": "virtual_network_name",
        "subnet": "subnet_name",
        "security_group": "network_security_group_name",
    }
)
"""The field of a spec with the name of each resource that several VMs may share."""

_LONGEST, _LONGEST_NETWORK = 80, 64
_REMEMBERED = 500
"""Hashes that are kept: each of a fleet's VMs asks for its stack's name several times."""
_LUN = re.compile("0|[1-9][0-9]?")
_OF_MEMBER = re.compile("-(0|[1-9][0-9]?)(?:-.*)?")
"""Matches what follows a fleet's name in the name of a member, and of the member's resources."""
_LOCATION = re.compile("[a-z]{5,}[0-9]?")
"""Matches every location's name. Source: Azure documentation, regions: eastus has the shortest name."""

FIRST_PRIORITY = 1000
"""The priority of our first security rule. Lower numbers are left for the rules of others."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The parameters that identify a VM: its location and size are not among them.

    Compared without case, as ARM does.
    """

    cloud: str
    subscription: str
    resource_group: str
    vm_name: str

    @property
    def stack(self) -> str:
        """The stack's name: the VM's, and 8 hexadecimal digits of the identity's hash.

        Source: Pulumi, stack names: letters, digits, "-", "_" and ".", at most 100.
        """
        return f"{self.vm_name.lower()}-{_hash(self.cloud, self.subscription, self.resource_group, self.vm_name)}"

    @property
    def params(self) -> dict[str, Any]:
        """The parameters that identify this VM."""
        return {to_camel(name): value for name, value in asdict(self).items()}

    @property
    def group_id(self) -> str:
        """The ARM id of the resource group."""
        return f"/subscriptions/{self.subscription}/resourceGroups/{self.resource_group}"

    @property
    def has_group_by_rule(self) -> bool:
        """Tell whether the resource group has the default name of a VM's own group."""
        return self.resource_group.lower() == default_group(self.vm_name).lower()

    @property
    def vm_id(self) -> str:
        """The ARM id of the VM."""
        return self.resource_id("vm", self.vm_name)

    def resource_id(self, kind: str, name: str) -> str:
        """Return the ARM id of a network, security_group, address, nic, vm or disk in the resource group."""
        return f"{self.group_id}/providers/{_TYPES[kind]}/{name}"

    def own_ids(self, region: str = "") -> list[str]:
        """Return the default ARM ids of the VM and its resources, except data disks, in the order of deletion."""
        kinds = {role: role for role in ("nic", "address", "security_group", "network")} | {"os_disk": "disk"}
        named = [self.resource_id(kind, default_name(role, self.vm_name, region)) for role, kind in kinds.items()]
        return [self.vm_id, *named]

    def names(self, arm_id: str) -> bool:
        """Tell whether an ARM id is a default one of the VM's resources in any region, including data disks."""
        wanted = arm_id.lower()
        end = wanted.rpartition("-")[2]
        is_region = _LOCATION.fullmatch(end) and end not in _SUFFIXES.values()
        return any(self._names_in(region, wanted) for region in ("", *([end] if is_region else [])))

    def _names_in(self, region: str, wanted: str) -> bool:
        lun = wanted.removesuffix(f"-{region}").rpartition("-")[2]
        name = data_disk(self.vm_name, int(lun), region) if _LUN.fullmatch(lun) else ""
        data = [self.resource_id("disk", name)] if name else []
        return wanted in map(str.lower, [*self.own_ids(region), *data])

    def member(self, arm_id: str) -> int | None:
        """Return the number of the fleet's member to which an ARM id belongs by its default name; else None.

        Also None for a network or a security group: members have none of their own.
        """
        *_, kind, name = arm_id.split("/")
        found = _OF_MEMBER.fullmatch(name[len(self.vm_name) :])
        if found is None or kind.lower() not in _MEMBERS:
            return None
        number = int(found[1])
        return number if replace(self, vm_name=member_name(self.vm_name, number)).names(arm_id) else None


def member_name(fleet: str, number: int) -> str:
    """Return the VM's name of a fleet's member."""
    return f"{fleet}-{number}"


def default_group(vm_name: str) -> str:
    """Return the default name of the VM's own resource group."""
    return f"vmops-{vm_name}"


def default_name(role: str, vm_name: str, region: str = "") -> str:
    """Return the default name of a VM's network, subnet, security_group, address, nic or os_disk.

    In a ``region`` that is not the VM's first, the name ends with the region. If the VM's name is too long for it, a
    hash replaces its end. Source: resource-name-rules: a virtual network's name has at most 64 characters, that of each
    of the others at least 80.
    """
    return _fitted(vm_name, _SUFFIXES[role], region, _LONGEST_NETWORK if role == "network" else _LONGEST)


def data_disk(vm_name: str, lun: int, region: str = "") -> str:
    """Return the name of the data disk at a logical unit number; ``region`` as for `default_name`."""
    return _fitted(vm_name, f"data-{lun}", region, _LONGEST)


def _fitted(vm_name: str, what: str, region: str, most: int) -> str:
    end = f"-{what}-{region}" if region else f"-{what}"
    if len(vm_name + end) <= most:
        return vm_name + end
    end = f"-{_hash(vm_name)}{end}"
    return vm_name[: most - len(end)] + end


def rule(port: int) -> str:
    """Return the name of the security rule that opens a port."""
    return f"tcp-{port}"


@lru_cache(_REMEMBERED)
def _hash(*pieces: str) -> str:
    """Return 8 hexadecimal digits that distinguish names without regard to case."""
    return hashlib.sha256("\n".join(pieces).lower().encode()).hexdigest()[:8]


def computer_name(vm_name: str) -> str:
    """Return the host name inside the VM: the VM's name without underscores, which a host name cannot have.

    Source: Azure Resource Manager's answer InvalidParameter, computerName (Linux: at most 64 characters, no "_").
    """
    return vm_name.replace("_", "-").rstrip("-.")


def arm_type(arm_id: str) -> str:
    """Return the type of a resource in Azure: ``Microsoft.Compute/virtualMachines``."""
    namespace, *pairs = arm_id.partition("/providers/")[2].split("/")
    return "/".join([namespace, *pairs[::2]]) if namespace else "Microsoft.Resources/resourceGroups"


def in_words(arm_id: str) -> str:
    """Return a resource's name for people: ``VirtualMachine exp1``; empty for a type that no stack declares."""
    return short_name(urn_key(arm_id))


def short_name(urn: str) -> str:
    """Return ``VirtualMachine exp1`` for a resource's URN, or for the end of one; empty for the stack itself.

    Source: Pulumi documentation, ``urn:pulumi:STACK::PROJECT::TYPE::NAME``.
    """
    *_, kind, name = urn.split("::") if "::" in urn else ("", "", "")
    return "" if kind in {"", "pulumi:pulumi:Stack"} else f"{kind.rsplit(':', 1)[-1]} {name}"


def urn_key(arm_id: str) -> str:
    """Return the end of the URN, ``TYPE::NAME``, under which a stack declares a resource; empty if none does."""
    *_, kind, name = arm_id.split("/")
    kinds = {"resourcegroups": "group", "subnets": "subnet"}
    kinds |= {arm_type.rpartition("/")[2].lower(): role for role, arm_type in _TYPES.items()}
    role = kinds.get(kind.lower(), "")
    return f"{TOKENS[role]}::{name}" if role in TOKENS else ""
