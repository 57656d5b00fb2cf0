"""The resources that several VMs may share: the resource group, the network, its subnet and the security group.

A resource that the user named may be used by other VMs, so it is not deleted with the stack.
"""

from collections.abc import Mapping
from typing import Any

import pulumi_azure_native as azure
from pulumi import Input, ResourceOptions
from pydantic.alias_generators import to_snake

from vmops.spec import names
from vmops.spec.foreign import NOTHING, ForeignParts
from vmops.spec.vm_spec import VmSpec

_SIDES = ("AddressPrefix", "AddressPrefixes", "PortRange", "PortRanges", "ApplicationSecurityGroups")
_DECLARABLE = frozenset(
    {"description", "protocol", "access", "priority", "direction"}
    | {f"{end}{part}" for end in ("source", "destination") for part in _SIDES}
)
"""The properties of a rule that can be declared; ARM adds the others. Source: network REST reference, SecurityRule."""


def group(
    spec: VmSpec, tags: Mapping[str, str], options: ResourceOptions, location: str | None = None
) -> azure.resources.ResourceGroup:
    """Declare the resource group. A destroy keeps it; the cleanup deletes it once it is empty.

    Its ``location`` is only where Azure stores the group's metadata; by default it is the VM's.
    Source: Azure documentation, resource groups.
    """
    return azure.resources.ResourceGroup(
        spec.resource_group,
        resource_group_name=spec.resource_group,
        location=location or spec.location,
        tags=tags,
        opts=ResourceOptions.merge(options, ResourceOptions(retain_on_delete=True)),
    )


def network(spec: VmSpec, tags: Mapping[str, str], options: ResourceOptions) -> azure.network.VirtualNetwork:
    """Declare the virtual network; its subnets are separate resources."""
    return azure.network.VirtualNetwork(
        spec.virtual_network_name,
        resource_group_name=spec.resource_group,
        virtual_network_name=spec.virtual_network_name,
        location=spec.location,
        address_space=azure.network.AddressSpaceArgs(address_prefixes=[spec.address_prefix]),
        tags=tags,
        opts=ResourceOptions.merge(
            options, ResourceOptions(ignore_changes=["subnets"], retain_on_delete="network" in spec.named_roles)
        ),
    )


def subnet(
    spec: VmSpec,
    options: ResourceOptions,
    parent: azure.network.VirtualNetwork | None,
    security_group_id: Input[str] | None = None,
) -> azure.network.Subnet:
    """Declare the subnet. It lets a VM without a public address reach the internet.

    In a network of ours (``parent``) it is deleted with the network; in an external one, the engine must delete it.
    """
    kept = parent is not None and "subnet" in spec.named_roles
    return azure.network.Subnet(
        spec.subnet_name,
        resource_group_name=spec.resource_group,
        virtual_network_name=spec.virtual_network_name,
        subnet_name=spec.subnet_name,
        address_prefix=spec.subnet_prefix,
        default_outbound_access=True,
        network_security_group=_on_subnet(spec, security_group_id),
        opts=ResourceOptions.merge(
            options, ResourceOptions(depends_on=[parent] if parent else [], retain_on_delete=kept)
        ),
    )


def _on_subnet(spec: VmSpec, security_group_id: Input[str] | None) -> azure.network.NetworkSecurityGroupArgs | None:
    """Give the subnet's reference to the security group, if ``networkSecurityGroupOn`` puts it there."""
    asked = security_group_id is not None and spec.network_security_group_on in ("subnet", "both")
    return azure.network.NetworkSecurityGroupArgs(id=security_group_id) if asked else None


def security_group(
    spec: VmSpec, tags: Mapping[str, str], options: ResourceOptions, foreign: ForeignParts = NOTHING
) -> azure.network.NetworkSecurityGroup:
    """Declare the security group: which sources may connect to which ports."""
    return azure.network.NetworkSecurityGroup(
        spec.network_security_group_name,
        resource_group_name=spec.resource_group,
        network_security_group_name=spec.network_security_group_name,
        location=spec.location,
        security_rules=[
            *(_rule(port, priority, spec.source_address_prefixes) for port, priority in spec.priorities().items()),
            *map(_kept, foreign.rules),
        ],
        tags=foreign.tagged("security_group", tags),
        opts=ResourceOptions.merge(options, ResourceOptions(retain_on_delete="security_group" in spec.named_roles)),
    )


def _rule(port: int, priority: int, sources: tuple[str, ...]) -> azure.network.SecurityRuleArgs:
    return azure.network.SecurityRuleArgs(
        name=names.rule(port),
        priority=priority,
        direction="Inbound",
        access="Allow",
        protocol="Tcp",
        source_port_range="*",
        source_address_prefix=sources[0] if len(sources) == 1 else None,
        source_address_prefixes=sources if len(sources) > 1 else None,
        destination_address_prefix="*",
        destination_port_range=str(port),
    )


def _kept(rule: Mapping[str, Any]) -> azure.network.SecurityRuleArgs:
    """Declare a rule that others have added, unchanged."""
    told = {to_snake(name): value for name, value in rule["properties"].items() if name in _DECLARABLE and value}
    return azure.network.SecurityRuleArgs(name=rule["name"], **told)
