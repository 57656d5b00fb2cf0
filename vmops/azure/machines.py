"""Lists the VMs of a subscription with four requests, whatever the number of VMs."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread
from typing import Any, TypeVar

from vmops.azure.client import Arm
from vmops.azure.ownership import fleet_of, stack_of
from vmops.azure.vm_state import power_of
from vmops.spec.names import Identity

T = TypeVar("T")
Resource = Mapping[str, Any]

_MACHINES = "Microsoft.Compute/virtualMachines"
_INTERFACES = "Microsoft.Network/networkInterfaces"
_ADDRESSES = "Microsoft.Network/publicIPAddresses"


@dataclass(frozen=True)
class ListedMachine:
    """A VM as ARM returns it, its power state in lower case, and its addresses; '' for what is unknown."""

    resource: Resource
    power: str
    public_ip: str
    private_ip: str

    @property
    def provisioning(self) -> str:
        """Give its provisioning state, in lower case."""
        return str(self.resource["properties"].get("provisioningState", "")).lower()

    @property
    def running(self) -> bool:
        """Tell whether it is provisioned and runs."""
        return (self.provisioning, self.power) == ("succeeded", "running")

    @property
    def stopped(self) -> bool:
        """Tell whether it is stopped until somebody starts it."""
        return self.provisioning == "succeeded" and self.power in {"stopped", "deallocated"}

    @property
    def changing(self) -> bool:
        """Tell whether a change of it is in progress."""
        return not (self.running or self.stopped or self.provisioning == "failed")


def list_machines(arm: Arm, subscription: str, wanted: Callable[[Resource], bool]) -> list[ListedMachine]:
    """List the ``wanted`` VMs; if there are none, no further list is requested.

    Raises: CloudError if ARM refuses a list.
    """
    found = [each for each in arm.of_type(subscription, _MACHINES) if wanted(each)]
    if not found:
        return []
    states = _by_id(arm.of_type(subscription, _MACHINES, status_only=True))
    interfaces = _by_id(arm.of_type(subscription, _INTERFACES))
    addresses = _by_id(arm.of_type(subscription, _ADDRESSES))
    return [_listed(each, states, interfaces, addresses) for each in found]


def is_member(resource: Resource, fleet: Identity) -> bool:
    """Tell whether a VM is a member of a fleet, by its tags and its name."""
    named = fleet.member(resource["id"]) is not None
    return named and stack_of(resource) == fleet.stack and bool(fleet_of(resource))


def members(arm: Arm, fleet: Identity) -> list[ListedMachine]:
    """List the VMs of a fleet, sorted by number. Raises: CloudError if ARM refuses a list."""
    found = list_machines(arm, fleet.subscription, lambda each: is_member(each, fleet))
    return sorted(found, key=lambda each: fleet.member(each.resource["id"]) or 0)


def states(arm: Arm, subscription: str) -> dict[str, str]:
    """Give the power state of each VM of a subscription by its ARM id, both in lower case, with one request.

    Raises: CloudError if ARM refuses it.
    """
    listed = _by_id(arm.of_type(subscription, _MACHINES, status_only=True))
    return {arm_id: power_of(each) for arm_id, each in listed.items()}


def of_ids(arm: Arm, subscription: str, ids: Sequence[str]) -> dict[str, Resource | None]:
    """Give VMs by their ids with one request; None for each that does not exist. Raises: CloudError."""
    listed = _by_id(arm.of_type(subscription, _MACHINES))
    return {arm_id: listed.get(arm_id.lower()) for arm_id in ids}


def running(arm: Arm, subscription: str, ids: Sequence[str]) -> list[Resource]:
    """Give VMs by their ids, in that order, with two requests at once; empty if any does not exist or does not run.

    Raises: CloudError if ARM refuses a list.
    """
    listed = _in_a_thread(lambda: of_ids(arm, subscription, ids))
    power = states(arm, subscription)
    if not all(power.get(arm_id.lower()) == "running" for arm_id in ids):
        return []
    found = listed.result().values()
    made = [each for each in found if each and each["properties"].get("provisioningState") == "Succeeded"]
    return made if len(made) == len(ids) else []


def _in_a_thread(read: Callable[[], T]) -> "Future[T]":
    """Read in a daemon thread, so that an interrupted caller does not wait for it."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(read())
        except BaseException as error:  # the caller raises it
            future.set_exception(error)

    Thread(target=run, name="list", daemon=True).start()
    return future


def _listed(
    machine: Resource, states: Mapping[str, Resource], interfaces: Mapping[str, Resource], addresses: Mapping[str, Any]
) -> ListedMachine:
    public, private = _addresses(machine, lambda arm_id: interfaces.get(arm_id) or addresses.get(arm_id))
    state = states.get(machine["id"].lower(), {})
    return ListedMachine(machine, power_of(state), public, private)


def addresses_of(arm: Arm, machine: Resource) -> tuple[str, str]:
    """Give the public and the private address of a VM; '' if it has none. Raises: CloudError if ARM refuses."""
    return _addresses(machine, arm.get)


def _addresses(machine: Resource, resource: Callable[[str], Resource | None]) -> tuple[str, str]:
    """Find the addresses of a VM by its first interface; ``resource`` gives a resource by its id in lower case."""
    interfaces_of_vm = machine["properties"].get("networkProfile", {}).get("networkInterfaces") or [{}]
    card = _found(interfaces_of_vm[0], resource)
    first = next(iter(card.get("properties", {}).get("ipConfigurations") or [{}])).get("properties", {})
    address = _found(first.get("publicIPAddress") or {}, resource)
    return address.get("properties", {}).get("ipAddress", ""), first.get("privateIPAddress", "")


def _found(reference: Mapping[str, Any], resource: Callable[[str], Resource | None]) -> Resource:
    """Follow a reference; empty if its target does not exist."""
    return (resource(str(reference["id"]).lower()) if reference.get("id") else None) or {}


def _by_id(resources: list[dict[str, Any]]) -> dict[str, Resource]:
    return {each["id"].lower(): each for each in resources}
