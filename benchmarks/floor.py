"""The lower bound: the calls of the Azure SDK that every VM needs, one after the other, without an engine."""

from pathlib import Path
from typing import Any

from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline.policies import AzureKeyCredentialPolicy
from azure.mgmt.compute import ComputeManagementClient
from azure.mgmt.network import NetworkManagementClient
from azure.mgmt.resource.resources import ResourceManagementClient

from vmops.local import daemon

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl bench"
WHERE = {"location": "westus2"}


class Floor:
    """The SDK's clients for one local Azure; each VM has a group that is named after it."""

    def __init__(self, state_dir: Path) -> None:
        here = daemon.ensure(state_dir)
        credential = AzureKeyCredential(here.token)
        how: dict[str, Any] = {
            "credential": credential,
            "subscription_id": SUBSCRIPTION,
            "base_url": here.arm,
            "credential_scopes": [f"{here.arm}/.default"],
            "authentication_policy": AzureKeyCredentialPolicy(credential, "Authorization", prefix="Bearer"),
            "polling_interval": 0,
        }
        self._machines = ComputeManagementClient(**how).virtual_machines
        self._network: Any = NetworkManagementClient(**how)
        self._groups = ResourceManagementClient(**how).resource_groups

    def up(self, vm: str) -> None:
        """Make a VM and check that it runs."""
        self.group(vm)
        self.machine(vm, vm)

    def group(self, name: str) -> None:
        """Make a resource group."""
        self._groups.create_or_update(name, WHERE)

    def machine(self, vm: str, group: str) -> None:
        """Make a VM and everything that it needs in an existing group."""
        space = {**WHERE, "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
        self._network.virtual_networks.begin_create_or_update(group, f"{vm}-net", space).result()
        prefix = {"properties": {"addressPrefix": "10.0.0.0/24"}}
        subnet = self._network.subnets.begin_create_or_update(group, f"{vm}-net", "sub", prefix).result()
        rules = {**WHERE, "properties": {"securityRules": [_rule()]}}
        wall = self._network.network_security_groups.begin_create_or_update(group, f"{vm}-nsg", rules).result()
        static = {**WHERE, "sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
        address = self._network.public_ip_addresses.begin_create_or_update(group, f"{vm}-ip", static).result()
        part = {"name": "a", "properties": {"subnet": {"id": subnet.id}, "publicIPAddress": {"id": address.id}}}
        card = {**WHERE, "properties": {"ipConfigurations": [part], "networkSecurityGroup": {"id": wall.id}}}
        nic = self._network.network_interfaces.begin_create_or_update(group, f"{vm}-nic", card).result()
        self._machines.begin_create_or_update(group, vm, _machine(vm, nic.id)).result()
        self._machines.get(group, vm, expand="instanceView")

    def power(self, vm: str, verb: str) -> None:
        """Request a power operation and poll it until it is done."""
        begin = {"stop": "begin_power_off", "start": "begin_start", "restart": "begin_restart"}[verb]
        getattr(self._machines, begin)(vm, vm).result()

    def down(self, vm: str) -> None:
        """Delete the VM and its resources, one by one, and the group; check that it is gone."""
        self._machines.begin_delete(vm, vm).result()
        self._network.network_interfaces.begin_delete(vm, f"{vm}-nic").result()
        self._network.public_ip_addresses.begin_delete(vm, f"{vm}-ip").result()
        self._network.network_security_groups.begin_delete(vm, f"{vm}-nsg").result()
        self._network.virtual_networks.begin_delete(vm, f"{vm}-net").result()
        self._groups.begin_delete(vm).result()
        if self._groups.check_existence(vm):
            raise SystemExit(f"the group {vm} is still there")


def _rule() -> dict[str, Any]:
    open_port = {"priority": 1000, "direction": "Inbound", "access": "Allow", "protocol": "Tcp"}
    anywhere = {"sourcePortRange": "*", "sourceAddressPrefix": "*", "destinationAddressPrefix": "*"}
    return {"name": "tcp-22", "properties": {**open_port, **anywhere, "destinationPortRange": "22"}}


def _machine(vm: str, nic: str | None) -> Any:
    image = {"publisher": "Canonical", "offer": "ubuntu-24_04-lts", "sku": "server", "version": "latest"}
    ssh = {"publicKeys": [{"path": "/home/mlos/.ssh/authorized_keys", "keyData": KEY}]}
    login = {"disablePasswordAuthentication": True, "ssh": ssh}
    disk = {"createOption": "FromImage", "deleteOption": "Delete"}
    properties = {
        "hardwareProfile": {"vmSize": "Standard_B2s"},
        "storageProfile": {"imageReference": image, "osDisk": disk},
        "osProfile": {"computerName": vm, "adminUsername": "mlos", "linuxConfiguration": login},
        "networkProfile": {"networkInterfaces": [{"id": nic, "properties": {"primary": True}}]},
    }
    return {**WHERE, "properties": properties}
