"""What templates are made of in tests: entries for resources, and the request that brings them."""

from typing import Any

from tests.conformance.arm import GROUP, machine

DEPLOYMENTS = f"{GROUP}/providers/Microsoft.Resources/deployments"
DEPLOYMENT = f"{DEPLOYMENTS}/d"


def resource(kind: str, name: str, **words: Any) -> dict[str, Any]:
    """Return an entry for a resource in westus2."""
    return {"type": kind, "apiVersion": "2024-05-01", "name": name, "location": "westus2", **words}


def network(name: str = "net", **words: Any) -> dict[str, Any]:
    """Return an entry for a network with a subnet."""
    subnet = {"name": "sub", "properties": {"addressPrefix": "10.0.0.0/24"}}
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": [subnet]}
    return resource("Microsoft.Network/virtualNetworks", name, properties=space, **words)


def address(name: str = "ip", **words: Any) -> dict[str, Any]:
    """Return an entry for a public address."""
    own = {"publicIPAllocationMethod": "Static"}
    return resource("Microsoft.Network/publicIPAddresses", name, sku={"name": "Standard"}, properties=own, **words)


def interface(name: str = "vm-nic", **words: Any) -> dict[str, Any]:
    """Return an entry for an interface in the subnet."""
    part = {
        "name": "a",
        "properties": {"subnet": {"id": "[resourceId('Microsoft.Network/virtualNetworks/subnets', 'net', 'sub')]"}},
    }
    return resource("Microsoft.Network/networkInterfaces", name, properties={"ipConfigurations": [part]}, **words)


def vm(name: str = "vm", **words: Any) -> dict[str, Any]:
    """Return an entry for the usual machine."""
    return resource("Microsoft.Compute/virtualMachines", name, properties=machine(name)["properties"], **words)


def disk(name: str = "disk", **words: Any) -> dict[str, Any]:
    """Return an entry for an empty disk."""
    own = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8}
    return resource("Microsoft.Compute/disks", name, **({"properties": own} | words))


def request(*resources: Any, mode: str = "Incremental", given: Any = None, **parts: Any) -> dict[str, Any]:
    """Return the request for a deployment."""
    template = {"$schema": "https://example.test/#", "contentVersion": "1.0.0.0", "resources": list(resources), **parts}
    values = {name: {"value": value} for name, value in (given or {}).items()}
    return {"properties": {"mode": mode, "template": template, "parameters": values}}


def text(value: Any) -> dict[str, Any]:
    """Return the outputs of a template that has one, a text called ``o``."""
    return {"o": {"type": "string", "value": value}}
