"""Foreign resources in place of ours, or beside them: one of each kind, as ARM accepts it."""

from typing import Any

from vmops.spec.names import OWNER_TAG, STACK_TAG

SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
API = {"Microsoft.Compute/disks": "2024-03-02", "Microsoft.Compute": "2024-07-01", "Microsoft.Network": "2024-05-01"}
HOME = f"{SUBSCRIPTION}/resourceGroups/theirs/providers"
_NET = f"{HOME}/Microsoft.Network/virtualNetworks/hers"
_NIC = f"{HOME}/Microsoft.Network/networkInterfaces/hers-nic"
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGY1bGxPZk5vdGhpbmdBdEFsbEhlcmVJbkFUZXN0 hers"
_IMAGE = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}

TAGS: dict[str, dict[str, str]] = {
    "none": {},
    "of a team": {"team": "payroll"},
    "of another owner": {OWNER_TAG: "somebody-else"},
    "of another stack": {STACK_TAG: "x9-00000000", OWNER_TAG: "somebody-else"},
}
"""Tags of others, by kind."""

CLAIMING = ("of another owner", "of another stack")
"""Those of them that mark a resource as another owner's."""

_ADDRESS: dict[str, Any] = {"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
_INTERFACE: dict[str, Any] = {
    "properties": {"ipConfigurations": [{"name": "hers", "properties": {"subnet": {"id": f"{_NET}/subnets/hers"}}}]}
}
_MACHINE: dict[str, Any] = {
    "properties": {
        "hardwareProfile": {"vmSize": "Standard_B2s"},
        "storageProfile": {
            "imageReference": _IMAGE,
            "osDisk": {"createOption": "FromImage", "name": "hers-osdisk", "deleteOption": "Delete"},
        },
        "osProfile": {
            "computerName": "hers",
            "adminUsername": "her",
            "linuxConfiguration": {
                "disablePasswordAuthentication": True,
                "ssh": {"publicKeys": [{"path": "/home/her/.ssh/authorized_keys", "keyData": _KEY}]},
            },
        },
        "networkProfile": {"networkInterfaces": [{"id": _NIC, "properties": {"deleteOption": "Detach"}}]},
    }
}
BODIES: dict[str, dict[str, Any]] = {
    "vm": _MACHINE,
    "nic": _INTERFACE,
    "address": _ADDRESS,
    "security_group": {"properties": {"securityRules": []}},
}
"""A foreign resource for each role, with the id of ours."""

KINDS = {
    "nic": "Microsoft.Network/networkInterfaces",
    "address": "Microsoft.Network/publicIPAddresses",
    "security_group": "Microsoft.Network/networkSecurityGroups",
}
"""Types whose tags a policy may copy."""

AT_HOME: dict[str, dict[str, Any]] = {
    _NET: {
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.9.0.0/16"]},
            "subnets": [{"name": "hers", "properties": {"addressPrefix": "10.9.0.0/24"}}],
        }
    },
    _NIC: _INTERFACE,
}
"""Foreign resources in a separate group, so that none is in a network of ours."""

USERS = {"vm": (), "nic": ("vm",), "address": ("vm", "nic"), "security_group": ("vm", "nic")}
"""The users of a resource, which must be deleted first."""


def versioned(arm_id: str) -> str:
    """Add the API version to a path."""
    _, _, provider = arm_id.rpartition("/providers/")
    return f"{arm_id}?api-version={next(API[name] for name in API if provider.lower().startswith(name.lower()))}"
