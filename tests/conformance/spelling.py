"""Requests that name all there is, and the same requests in any other case of what ARM knows by name."""

from collections.abc import Mapping
from random import Random
from typing import Any

from tests.conformance.arm import COMPUTE, IMAGE, KEY, NETWORK, SUBNET
from tests.conformance.arm import GROUP as RESOURCES
from vmops.local.arm.shapes import requests
from vmops.local.arm.shapes.identities import ASSIGNMENT
from vmops.local.arm.shapes.shape import Many, Named, Parts, Shape, Word
from vmops.local.arm.state.resource_id import ResourceId

SHAPES: dict[str, Parts] = requests.SHAPES | {"Microsoft.Authorization/roleAssignments": ASSIGNMENT}
TAGS = {"Owner": "Spot", "properties": "delete", "NAME": "FromImage"}
RULE = {"protocol": "Tcp", "access": "Allow", "direction": "Inbound", "priority": 100}
RULE |= {"sourcePortRange": "*", "destinationPortRange": "22"}
RULE |= {"sourceAddressPrefix": "Internet", "destinationAddressPrefixes": ["10.0.0.0/24"]}
GROUP = f"{NETWORK}/networkSecurityGroups/Walls"
ADDRESS = f"{NETWORK}/publicIPAddresses/Door"
NIC = f"{NETWORK}/networkInterfaces/Wire"
DISK = f"{COMPUTE}/disks/Big"
VM = f"{COMPUTE}/virtualMachines/Box"
IDENTITY = f"{RESOURCES}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Me"
ROLE = f"{RESOURCES}/providers/Microsoft.Authorization/roleAssignments/8e1ee7d6-0a8c-4ddb-9a5c-3f6b0a1d2c3e"
CONTRIBUTOR = "/providers/Microsoft.Authorization/roleDefinitions/b24988ac-6180-42a0-ab88-20f7382dd24c"
NET = SUBNET.rpartition("/subnets")[0]
MACHINE = {
    "hardwareProfile": {"vmSize": "Standard_D2s_v5"},
    "storageProfile": {
        "imageReference": IMAGE,
        "osDisk": {
            "name": "Root",
            "osType": "Linux",
            "createOption": "FromImage",
            "caching": "ReadOnly",
            "deleteOption": "Delete",
            "managedDisk": {"storageAccountType": "StandardSSD_LRS"},
        },
        "dataDisks": [
            {"lun": 0, "name": "New", "createOption": "Empty", "diskSizeGB": 4, "deleteOption": "Delete"},
            {"lun": 1, "createOption": "Attach", "managedDisk": {"id": DISK}, "deleteOption": "Detach"},
        ],
    },
    "osProfile": {
        "computerName": "Box",
        "adminUsername": "Mlos",
        "linuxConfiguration": {
            "disablePasswordAuthentication": True,
            "ssh": {"publicKeys": [{"keyData": KEY, "path": "/home/Mlos/.ssh/authorized_keys"}]},
            "patchSettings": {"patchMode": "AutomaticByPlatform", "assessmentMode": "ImageDefault"},
        },
    },
    "networkProfile": {"networkInterfaces": [{"id": NIC, "properties": {"primary": True, "deleteOption": "Delete"}}]},
    "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
    "priority": "Spot",
    "evictionPolicy": "Delete",
    "billingProfile": {"maxPrice": -1},
}
INTERFACE = {
    "networkSecurityGroup": {"id": GROUP},
    "nicType": "Standard",
    "auxiliaryMode": "None",
    "disableTcpStateTracking": True,
    "ipConfigurations": [
        {
            "name": "Main",
            "properties": {
                "subnet": {"id": SUBNET},
                "privateIPAllocationMethod": "Static",
                "privateIPAddress": "10.0.0.9",
                "publicIPAddress": {"id": ADDRESS, "properties": {"deleteOption": "Delete"}},
            },
        }
    ],
}
# In this order, because later resources refer to earlier ones.
PUTS: dict[str, dict[str, Any]] = {
    GROUP: {
        "location": "westus2",
        "tags": TAGS,
        "properties": {"securityRules": [{"name": "Ssh", "properties": RULE}]},
    },
    f"{GROUP}/securityRules/Web": {"properties": RULE | {"priority": 110, "access": "Deny", "direction": "Outbound"}},
    NET: {
        "location": "westus2",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "encryption": {"enabled": False, "enforcement": "AllowUnencrypted"},
            "subnets": [{"name": "sub", "properties": {"addressPrefix": "10.0.0.0/24"}}],
        },
    },
    SUBNET: {"properties": {"addressPrefix": "10.0.0.0/24", "privateEndpointNetworkPolicies": "Enabled"}},
    ADDRESS: {
        "location": "westus2",
        "zones": ["1"],
        "sku": {"name": "Standard", "tier": "Regional"},
        "properties": {"publicIPAllocationMethod": "Static", "dnsSettings": {"domainNameLabel": "Front"}},
    },
    NIC: {"location": "westus2", "tags": TAGS, "properties": INTERFACE},
    DISK: {
        "location": "westus2",
        "sku": {"name": "Premium_LRS"},
        "properties": {"diskSizeGB": 8, "osType": "Linux", "creationData": {"createOption": "Empty"}},
    },
    IDENTITY: {"location": "westus2", "tags": TAGS, "properties": {"isolationScope": "Regional"}},
    ROLE: {
        "properties": {
            "roleDefinitionId": CONTRIBUTOR,
            "principalId": "0c0ffee0-0000-4000-8000-00000000cafe",
            "principalType": "ServicePrincipal",
            "description": "Runs It",
        }
    },
    VM: {
        "location": "westus2",
        "tags": TAGS,
        "identity": {"type": "SystemAssigned, UserAssigned", "userAssignedIdentities": {IDENTITY: {}}},
        "properties": MACHINE,
    },
}
PATCHES: dict[str, dict[str, Any]] = {
    NIC: {"tags": {"Owner": "me"}},
    IDENTITY: {"tags": {"Owner": "me"}, "properties": {"isolationScope": "None"}},
    VM: {
        "tags": {"Owner": "me"},
        "properties": {
            "storageProfile": {"osDisk": {"deleteOption": "Detach"}},
            "networkProfile": {"networkInterfaces": [{"id": NIC, "properties": {"deleteOption": "Detach"}}]},
        },
    },
}
_COMPARED = {"vmSize", "location", "id", "roleDefinitionId"}
"""What is no word of a shape and is compared without regard to case all the same."""


class Spelling:
    """Some case for every letter, drawn by a seed."""

    def __init__(self, seed: int) -> None:
        self._drawn = Random(seed)

    def text(self, text: str) -> str:
        """Give a text with some of its letters in the other case."""
        return "".join(letter.swapcase() if self._drawn.random() < 0.5 else letter for letter in text)

    def path(self, plain: str) -> str:
        """Give the path of a resource with its words in any case, and its names as they are."""
        return "/".join(self.text(step) if at % 2 else step for at, step in enumerate(plain.split("/")))

    def body(self, plain: str, request: dict[str, Any]) -> Any:
        """Give the request for a path, with all names that ARM defines in another case."""
        return self._value(request, SHAPES[ResourceId.parse(plain).type])

    def _value(self, value: Any, shape: Shape) -> Any:
        match shape:
            case Word():
                return self.text(value)
            case Many(of):
                return [self._value(part, of) for part in value]
            case Named(of, removable=True):
                return {self.text(name): self._value(part, of) for name, part in value.items()}
            case Parts(names):
                return {self.text(name): self._part(name, part, names) for name, part in value.items()}
        return value

    def _part(self, name: str, value: Any, names: Mapping[str, tuple[str, Shape]]) -> Any:
        return self.text(value) if name in _COMPARED else self._value(value, names[name.lower()][1])
