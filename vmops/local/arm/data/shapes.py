"""The shape of a request: which of the values that the rules look at are of which type.

A shape is a type, a list of one shape, or a dict of shapes by name; what a shape does not name may be anything, and
nothing has to be there.
"""

from collections.abc import Iterator
from typing import Any

from vmops.local.arm.refusals.error import ArmError

Shape = Any
_ID = {"id": str}
_TAGS: dict[str, Shape] = {}
_TRACKED = {"location": str, "tags": _TAGS}
_SUBNET = {
    "addressPrefix": str,
    "addressPrefixes": [str],
    "networkSecurityGroup": _ID,
}
_RULE = {
    "access": str,
    "direction": str,
    "priority": int,
    "protocol": str,
    "sourcePortRange": str,
    "destinationPortRange": str,
    "sourcePortRanges": [str],
    "destinationPortRanges": [str],
    "sourceAddressPrefix": str,
    "destinationAddressPrefix": str,
    "sourceAddressPrefixes": [str],
    "destinationAddressPrefixes": [str],
}
_IP_CONFIGURATION = {
    "name": str,
    "properties": {
        "subnet": _ID,
        "publicIPAddress": {"id": str, "properties": {"deleteOption": str}},
        "privateIPAllocationMethod": str,
        "privateIPAddress": str,
        "primary": bool,
    },
}
_DISK = {
    "name": str,
    "createOption": str,
    "caching": str,
    "deleteOption": str,
    "diskSizeGB": int,
    "managedDisk": {"id": str, "storageAccountType": str},
}
_MACHINE = {
    "hardwareProfile": {"vmSize": str},
    "storageProfile": {
        "imageReference": {"publisher": str, "offer": str, "sku": str, "version": str},
        "osDisk": _DISK | {"osType": str, "vhd": {"uri": str}},
        "dataDisks": [_DISK | {"lun": int, "toBeDetached": bool}],
        "diskControllerType": str,
    },
    "osProfile": {
        "computerName": str,
        "adminUsername": str,
        "adminPassword": str,
        "customData": str,
        "linuxConfiguration": {
            "disablePasswordAuthentication": bool,
            "ssh": {"publicKeys": [{"path": str, "keyData": str}]},
            "patchSettings": {},
        },
        "windowsConfiguration": {},
    },
    "networkProfile": {"networkInterfaces": [{"id": str, "properties": {"deleteOption": str}}]},
    "diagnosticsProfile": {"bootDiagnostics": {"enabled": bool}},
    "priority": str,
    "evictionPolicy": str,
    "userData": str,
}
_SKU = {"name": str}

# resource type in lower case → the shape of its requests. Source: the requests that azure-mgmt models describe.
SHAPES: dict[str, Shape] = {
    "microsoft.resources/resourcegroups": _TRACKED,
    "microsoft.network/virtualnetworks": _TRACKED
    | {"properties": {"addressSpace": {"addressPrefixes": [str]}, "subnets": [{"name": str, "properties": _SUBNET}]}},
    "microsoft.network/virtualnetworks/subnets": {"properties": _SUBNET},
    "microsoft.network/networksecuritygroups": _TRACKED
    | {"properties": {"securityRules": [{"name": str, "properties": _RULE}]}},
    "microsoft.network/networksecuritygroups/securityrules": {"properties": _RULE},
    "microsoft.network/publicipaddresses": _TRACKED
    | {
        "sku": _SKU,
        "zones": [str],
        "properties": {"publicIPAllocationMethod": str, "dnsSettings": {"domainNameLabel": str}},
    },
    "microsoft.network/networkinterfaces": _TRACKED
    | {"properties": {"ipConfigurations": [_IP_CONFIGURATION], "networkSecurityGroup": _ID, "dnsSettings": {}}},
    "microsoft.compute/disks": _TRACKED
    | {"sku": _SKU, "zones": [str], "properties": {"diskSizeGB": int, "creationData": {"createOption": str}}},
    "microsoft.compute/virtualmachines": _TRACKED | {"zones": [str], "properties": _MACHINE},
}


def require_shape(value: object, shape: Shape, path: str = "") -> None:
    """Check a request against a shape; raises ``ArmError`` InvalidRequestContent that names the first misfit."""
    if value is None:
        return
    kind = shape if isinstance(shape, type) else type(shape)
    misfit = kind is int and isinstance(value, bool)
    if misfit or not isinstance(value, kind) or (isinstance(value, list) and None in value):
        raise ArmError("InvalidRequestContent", reason=f"{path} is no proper {kind.__name__}")
    for name, part, of in _parts(value, shape):
        require_shape(part, of, f"{path}{name}".lstrip("."))


def _parts(value: Any, shape: Shape) -> Iterator[tuple[str, object, Shape]]:
    """Lay out what a value consists of: name, part, and the shape of the part."""
    if isinstance(shape, list):
        yield from ((f"[{number}]", part, shape[0]) for number, part in enumerate(value))
    elif shape is _TAGS:
        yield from ((f".{name}", part, str) for name, part in value.items())
    elif isinstance(shape, dict):
        yield from ((f".{name}", value.get(name), part) for name, part in shape.items())
