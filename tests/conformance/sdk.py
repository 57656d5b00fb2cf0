"""The unmodified Azure SDK: its clients of one cloud, and what every machine goes through in it."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

from tests.conformance.arm import SUBNET, SUBSCRIPTION, machine


@dataclass
class Azure:
    """The three clients."""

    compute: Any
    network: Any
    resources: Any


@contextmanager
def clients(base_url: str, **settings: Any) -> Iterator[Azure]:
    """Give clients of the cloud at a URL, and close them."""
    kinds = (ComputeManagementClient, NetworkManagementClient, ResourceManagementClient)
    with ExitStack() as opened:
        yield Azure(
            *(opened.enter_context(each(subscription_id=SUBSCRIPTION, base_url=base_url, **settings)) for each in kinds)
        )


def make_machine(azure: Azure) -> Any:
    """Make a group, a network, an address, an interface and a machine, and return the machine."""
    azure.resources.resource_groups.create_or_update("rg", {"location": "westus2"})
    space = {"location": "westus2", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    azure.network.virtual_networks.begin_create_or_update("rg", "net", space).result()
    subnet = {"properties": {"addressPrefix": "10.0.0.0/24"}}
    azure.network.subnets.begin_create_or_update("rg", "net", "sub", subnet).result()
    static = {"location": "westus2", "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
    address = azure.network.public_ip_addresses.begin_create_or_update("rg", "ip", static).result()
    assert address.ip_address == "203.0.113.1"
    part = {"name": "a", "properties": {"subnet": {"id": SUBNET}, "publicIPAddress": {"id": address.id}}}
    nic = {"location": "westus2", "properties": {"ipConfigurations": [part]}}
    azure.network.network_interfaces.begin_create_or_update("rg", "vm-nic", nic).result()
    return azure.compute.virtual_machines.begin_create_or_update("rg", "vm", machine()).result()


def power(azure: Azure) -> list[str]:
    """Return the codes of the machine's states."""
    view = azure.compute.virtual_machines.instance_view("rg", "vm")
    return [status.code for status in view.statuses]


def live_and_die(azure: Azure) -> None:
    """Create, stop, start, restart, deallocate, resize, tag, list and delete a machine, each to its end."""
    vm = make_machine(azure)
    assert vm.provisioning_state == "Succeeded"
    assert vm.storage_profile.os_disk.managed_disk.id.endswith("/disks/vm-os")
    machines = azure.compute.virtual_machines
    for verb, state in (
        (machines.begin_power_off, "stopped"),
        (machines.begin_start, "running"),
        (machines.begin_restart, "running"),
        (machines.begin_deallocate, "deallocated"),
    ):
        assert verb("rg", "vm").result() is None
        assert power(azure) == ["ProvisioningState/succeeded", f"PowerState/{state}"]
    patch = {"properties": {"hardwareProfile": {"vmSize": "Standard_D2s_v5"}}, "tags": {"a": "b"}}
    vm = machines.begin_update("rg", "vm", patch).result()
    assert (vm.hardware_profile.vm_size, vm.tags) == ("Standard_D2s_v5", {"a": "b"})
    assert [found.name for found in machines.list_all()] == ["vm"]
    assert [found.name for found in azure.resources.resources.list_by_resource_group("rg", filter="tagName eq 'a'")]
    machines.begin_delete("rg", "vm").result()
    assert list(machines.list("rg")) == []
    azure.compute.disks.begin_delete("rg", "vm-os").result()
    azure.resources.resource_groups.begin_delete("rg").result()
    assert azure.resources.resource_groups.check_existence("rg") is False
