"""The table of resource types, compared with azure-native and the specifications."""

import inspect
import re
from importlib.metadata import version
from typing import Any

import pulumi
import pytest
from azure.mgmt.compute import models as compute_models
from azure.mgmt.network import models as network_models
from pulumi_azure_native import compute, network, resources
from pulumi_azure_native.network import _inputs as network_inputs

from vmops.local.provider.resource_types import TYPES, VERSION
from vmops.local.provider.schema import ENVELOPE, ResourceType, Shape

_CLASSES: dict[str, tuple[type, type]] = {
    "azure-native:resources:ResourceGroup": (resources.ResourceGroup, resources.ResourceGroupArgs),
    "azure-native:network:VirtualNetwork": (network.VirtualNetwork, network.VirtualNetworkInitArgs),
    "azure-native:network:Subnet": (network.Subnet, network.SubnetInitArgs),
    "azure-native:network:NetworkSecurityGroup": (network.NetworkSecurityGroup, network.NetworkSecurityGroupInitArgs),
    "azure-native:network:PublicIPAddress": (network.PublicIPAddress, network.PublicIPAddressInitArgs),
    "azure-native:network:NetworkInterface": (network.NetworkInterface, network.NetworkInterfaceArgs),
    "azure-native:compute:VirtualMachine": (compute.VirtualMachine, compute.VirtualMachineArgs),
    "azure-native:compute:Disk": (compute.Disk, compute.DiskArgs),
}
_PARTS: dict[tuple[str, ...], tuple[type, type]] = {
    ("VirtualNetwork", "virtualNetworkPeerings"): (
        network_inputs.VirtualNetworkPeeringArgs,
        network.outputs.VirtualNetworkPeeringResponse,
    ),
    ("NetworkSecurityGroup", "securityRules"): (
        network_inputs.SecurityRuleArgs,
        network.outputs.SecurityRuleResponse,
    ),
    ("NetworkInterface", "ipConfigurations"): (
        network.NetworkInterfaceIPConfigurationArgs,
        network.outputs.NetworkInterfaceIPConfigurationResponse,
    ),
    ("NetworkInterface", "dnsSettings"): (
        network.NetworkInterfaceDnsSettingsArgs,
        network.outputs.NetworkInterfaceDnsSettingsResponse,
    ),
    ("VirtualMachine", "storageProfile", "imageReference"): (
        compute.ImageReferenceArgs,
        compute.outputs.ImageReferenceResponse,
    ),
    ("VirtualMachine", "storageProfile", "dataDisks"): (compute.DataDiskArgs, compute.outputs.DataDiskResponse),
    ("Disk", "creationData"): (compute.CreationDataArgs, compute.outputs.CreationDataResponse),
    ("Disk", "sku"): (compute.DiskSkuArgs, compute.outputs.DiskSkuResponse),
    ("VirtualMachine", "storageProfile", "osDisk"): (compute.OSDiskArgs, compute.outputs.OSDiskResponse),
    ("VirtualMachine", "networkProfile", "networkInterfaceConfigurations"): (
        compute.VirtualMachineNetworkInterfaceConfigurationArgs,
        compute.outputs.VirtualMachineNetworkInterfaceConfigurationResponse,
    ),
}
_MODELS = {
    "VirtualNetwork": network_models.VirtualNetwork,
    "Subnet": network_models.Subnet,
    "NetworkSecurityGroup": network_models.NetworkSecurityGroup,
    "PublicIPAddress": network_models.PublicIPAddress,
    "NetworkInterface": network_models.NetworkInterface,
    "VirtualMachine": compute_models.VirtualMachine,
    "Disk": compute_models.Disk,
}


def _published(cls: type) -> set[str]:
    properties = inspect.getmembers(cls, lambda member: isinstance(member, property))
    return {getattr(member.fget, "_pulumi_name", name) for name, member in properties}


def _outputs(cls: type) -> set[str]:
    return (_published(cls) - _published(pulumi.CustomResource) - {"azureApiVersion"}) | {"id"}


def _required(cls: type) -> set[str]:
    """Give what the constructor demands, by its Pulumi names."""
    wanted = {
        name
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    spelled = {name: getattr(getattr(cls, name).fget, "_pulumi_name", name) for name in wanted}
    return set(spelled.values())


def _part(path: tuple[str, ...]) -> Shape:
    shape = next(kind.shape for kind in TYPES.values() if kind.name.endswith(f":{path[0]}"))
    for name in path[1:]:
        shape = shape.parts[name]
    return shape


def _beside_properties(model: Any) -> set[str]:
    model()
    return {rest._rest_name for rest in model._attr_to_rest_field.values()} - {"properties"}


@pytest.mark.parametrize("kind", TYPES.values(), ids=lambda kind: kind.name)
def test_properties_are_the_published_ones(kind: ResourceType) -> None:
    """A missing property would never be sent to ARM."""
    resource, arguments = _CLASSES[kind.name]
    assert set(kind.inputs) | set(kind.parameters) == _published(arguments)
    assert set(kind.outputs) == _outputs(resource)


@pytest.mark.parametrize("kind", TYPES.values(), ids=lambda kind: kind.name)
def test_api_version_is_the_published_one(kind: ResourceType) -> None:
    """Every request and every state names the API version that azure-native uses by default."""
    documented = inspect.getsource(_CLASSES[kind.name][0])
    assert set(re.findall(r"Uses Azure REST API version ([\d-]+)", documented)) == {kind.api_version}


@pytest.mark.parametrize("path", _PARTS, ids=".".join)
def test_parts_have_the_published_read_only_and_required_properties(path: tuple[str, ...]) -> None:
    """An import must not treat a read-only property as an input, and a check must report missing required ones."""
    arguments, response = _PARTS[path]
    outputs_only = _published(response) - _published(arguments)
    assert outputs_only <= _part(path).read_only <= outputs_only | {"etag", "provisioningState"}
    assert set(_part(path).required) == _required(arguments)


@pytest.mark.parametrize("name", _MODELS)
def test_top_level_properties_are_the_specifications(name: str) -> None:
    """What lies beside ``properties`` on the wire is what the specification leaves unflattened."""
    shape = _part((name,))
    kind = next(kind for kind in TYPES.values() if kind.name.endswith(f":{name}"))
    assert shape.wrapped
    assert _beside_properties(_MODELS[name]) <= ENVELOPE
    assert ENVELOPE & (kind.inputs | kind.outputs) <= _beside_properties(_MODELS[name])


def test_wrapped_parts_are_wrapped_in_the_specifications() -> None:
    """A part is wrapped if its published model has ``properties``."""
    assert _part(("NetworkInterface", "ipConfigurations", "subnet")).wrapped
    for path, model in {
        ("NetworkInterface", "ipConfigurations"): network_models.NetworkInterfaceIPConfiguration,
        ("NetworkSecurityGroup", "securityRules"): network_models.SecurityRule,
        ("VirtualNetwork", "subnets", "delegations"): network_models.Delegation,
        ("VirtualMachine", "networkProfile", "networkInterfaces"): compute_models.NetworkInterfaceReference,
    }.items():
        assert _part(path).wrapped
        assert _beside_properties(model) <= ENVELOPE


def test_version_is_the_published_one() -> None:
    """The engine gets the release of azure-native whose behaviour the stand-in has."""
    assert version("pulumi-azure-native") == VERSION
