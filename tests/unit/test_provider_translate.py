"""The local provider's translation between a program's properties and ARM's bodies."""

from typing import Any

import pytest

from vmops.core.errors import VmopsError
from vmops.local.provider.resource_types import (
    NETWORK_INTERFACE,
    NETWORK_SECURITY_GROUP,
    PUBLIC_IP_ADDRESS,
    RESOURCE_GROUP,
    SUBNET,
    TYPES,
    VIRTUAL_MACHINE,
)
from vmops.local.provider.schema import ResourceType
from vmops.local.provider.translate import UNKNOWN, path_inputs, preview, resource_id, to_body, to_inputs, to_outputs

SUBNET_ID = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/n/subnets/a"

PAIRS: list[tuple[ResourceType, dict[str, Any], dict[str, Any]]] = [
    (
        RESOURCE_GROUP,
        {"location": "westus2", "tags": {"a": "b"}},
        {"location": "westus2", "tags": {"a": "b"}},
    ),
    (
        NETWORK_INTERFACE,
        {"location": "westus2", "ipConfigurations": [{"name": "main", "primary": True, "subnet": {"id": SUBNET_ID}}]},
        {
            "location": "westus2",
            "properties": {
                "ipConfigurations": [{"name": "main", "properties": {"primary": True, "subnet": {"id": SUBNET_ID}}}]
            },
        },
    ),
    (
        NETWORK_SECURITY_GROUP,
        {"securityRules": [{"name": "ssh", "priority": 100, "access": "Allow"}]},
        {"properties": {"securityRules": [{"name": "ssh", "properties": {"priority": 100, "access": "Allow"}}]}},
    ),
    (
        PUBLIC_IP_ADDRESS,
        {"sku": {"name": "Standard"}, "zones": ["1"], "dnsSettings": {"domainNameLabel": "x"}},
        {
            "sku": {"name": "Standard"},
            "zones": ["1"],
            "properties": {"dnsSettings": {"domainNameLabel": "x"}},
        },
    ),
    (
        VIRTUAL_MACHINE,
        {
            "zones": ["1"],
            "hardwareProfile": {"vmSize": "Standard_B2s"},
            "networkProfile": {"networkInterfaces": [{"id": "nic", "deleteOption": "Detach"}]},
            "storageProfile": {"osDisk": {"createOption": "FromImage"}},
        },
        {
            "zones": ["1"],
            "properties": {
                "hardwareProfile": {"vmSize": "Standard_B2s"},
                "networkProfile": {"networkInterfaces": [{"id": "nic", "properties": {"deleteOption": "Detach"}}]},
                "storageProfile": {"osDisk": {"createOption": "FromImage"}},
            },
        },
    ),
]


@pytest.mark.parametrize(("kind", "inputs", "body"), PAIRS, ids=[pair[0].name for pair in PAIRS])
def test_flat_inputs_are_nested_and_flattened_again(
    kind: ResourceType, inputs: dict[str, Any], body: dict[str, Any]
) -> None:
    """Flat inputs of a program are under ``properties`` in ARM; the translation back restores them."""
    assert to_body(kind, inputs) == body
    assert to_outputs(kind, body) == {**inputs, "azureApiVersion": kind.api_version}


def test_nulls_are_dropped_and_empty_values_stay() -> None:
    """A null of ARM says nothing; an empty list or a false does."""
    body = {"properties": {"subnets": [], "enableDdosProtection": False, "encryption": None}}
    network = TYPES["azure-native:network:VirtualNetwork"]
    outputs = to_outputs(network, body)
    assert outputs == {"subnets": [], "enableDdosProtection": False, "azureApiVersion": "2024-05-01"}


def test_unknown_properties_are_dropped() -> None:
    """A newer service may say more than the schema knows: the state holds only what a program can ask for."""
    assert "kind" not in to_outputs(NETWORK_INTERFACE, {"kind": "Regular", "properties": {"nicType": "Standard"}})


@pytest.mark.parametrize("secret", ["adminPassword", "customData"])
def test_secrets_are_never_outputs(secret: str) -> None:
    """Even a service that echoed a password would not bring it into the state."""
    body = {"properties": {"osProfile": {"adminUsername": "mlos", secret: "hidden"}}}
    assert to_outputs(VIRTUAL_MACHINE, body)["osProfile"] == {"adminUsername": "mlos"}
    assert preview(VIRTUAL_MACHINE, to_outputs(VIRTUAL_MACHINE, body))["osProfile"] == {"adminUsername": "mlos"}


def test_preview_outputs_are_the_inputs_and_unknowns() -> None:
    """In a preview a program can use its own inputs; values of ARM are unknown."""
    outputs = preview(PUBLIC_IP_ADDRESS, {"location": "westus2", "resourceGroupName": "g"})
    assert (outputs["location"], outputs["ipAddress"], outputs["id"]) == ("westus2", UNKNOWN, UNKNOWN)
    assert set(outputs) == PUBLIC_IP_ADDRESS.outputs | {"azureApiVersion"}


def test_imported_inputs_have_no_read_only_properties() -> None:
    """An import must not make a program repeat etags and states."""
    body = {
        "id": "x",
        "etag": "e",
        "properties": {
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
            "ipConfigurations": [
                {
                    "id": "y",
                    "name": "main",
                    "etag": "e",
                    "properties": {"primary": True, "provisioningState": "Succeeded"},
                }
            ],
            "provisioningState": "Succeeded",
        },
    }
    inputs = to_inputs(NETWORK_INTERFACE, to_outputs(NETWORK_INTERFACE, body))
    assert inputs == {"ipConfigurations": [{"id": "y", "name": "main", "primary": True}]}


@pytest.mark.parametrize("kind", TYPES.values(), ids=lambda kind: kind.name)
def test_ids_and_path_parameters_convert_both_ways(kind: ResourceType) -> None:
    """In any case of the fixed words."""
    names = {parameter: f"{parameter}-ä(1)" for parameter in kind.parameters}
    arm_id = resource_id(kind, names, "00000000-0000-0000-0000-000000000001")
    assert path_inputs(kind, arm_id) == names
    assert path_inputs(kind, arm_id.replace("resourceGroups", "resourcegroups")) == names


def test_an_id_of_another_type_is_refused() -> None:
    """The message shows the expected form."""
    with pytest.raises(VmopsError, match=f"'{SUBNET_ID}' is not the id of a azure-native:network:NetworkInterface"):
        path_inputs(NETWORK_INTERFACE, SUBNET_ID)
    assert path_inputs(SUBNET, SUBNET_ID)["subnetName"] == "a"
