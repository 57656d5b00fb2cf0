"""The VMs of a subscription, by its lists: four of them, however many VMs there are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.vm_state import power_of

Resource = Mapping[str, Any]

_MACHINES = "Microsoft.Compute/virtualMachines"
_INTERFACES = "Microsoft.Network/networkInterfaces"
_ADDRESSES = "Microsoft.Network/publicIPAddresses"


@dataclass(frozen=True)
class ListedMachine:
    """A VM as ARM tells it, its power state in lower case, and its addresses; '' for what is not told."""

    resource: Resource
    power: str
    public_ip: str
    private_ip: str

    @property
    def provisioning(self) -> str:
        """Give its provisioning state, in lower case."""
        return str(self.resource["properties"].get("provisioningState", "")).lower()


def list_machines(arm: Arm, subscription: str, wanted: Callable[[Resource], bool]) -> list[ListedMachine]:
    """List the VMs that are ``wanted``; where there are none, nothing more is asked.

    Raises: CloudError if ARM refuses a list.
    """
    found = [each for each in arm.of_type(subscription, _MACHINES) if wanted(each)]
    if not found:
        return []
    states = _by_id(arm.of_type(subscription, _MACHINES, status_only=True))
    interfaces = _by_id(arm.of_type(subscription, _INTERFACES))
    addresses = _by_id(arm.of_type(subscription, _ADDRESSES))
    return [_listed(each, states, interfaces, addresses) for each in found]


def _listed(
    machine: Resource, states: Mapping[str, Resource], interfaces: Mapping[str, Resource], addresses: Mapping[str, Any]
) -> ListedMachine:
    public, private = _addresses(machine, lambda arm_id: interfaces.get(arm_id) or addresses.get(arm_id))
    state = states.get(machine["id"].lower(), {})
    return ListedMachine(machine, power_of(state), public, private)


def addresses_of(arm: Arm, machine: Resource) -> tuple[str, str]:
    """Give the public and the private address of a VM; '' for what it has not. Raises: CloudError if ARM refuses."""
    return _addresses(machine, arm.get)


def _addresses(machine: Resource, resource: Callable[[str], Resource | None]) -> tuple[str, str]:
    """Find the addresses of a VM by its first interface; ``resource`` gives what has an id, in lower case."""
    cards = machine["properties"].get("networkProfile", {}).get("networkInterfaces") or [{}]
    card = _found(cards[0], resource)
    first = next(iter(card.get("properties", {}).get("ipConfigurations") or [{}])).get("properties", {})
    address = _found(first.get("publicIPAddress") or {}, resource)
    return address.get("properties", {}).get("ipAddress", ""), first.get("privateIPAddress", "")


def _found(reference: Mapping[str, Any], resource: Callable[[str], Resource | None]) -> Resource:
    """Follow a reference; nothing where it leads nowhere."""
    return (resource(str(reference["id"]).lower()) if reference.get("id") else None) or {}


def _by_id(resources: list[dict[str, Any]]) -> dict[str, Resource]:
    return {each["id"].lower(): each for each in resources}
