"""The resources that each VM has for itself: the VM, its network interface and its public address."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pulumi_azure_native as azure
from pulumi import Input, Output, ResourceOptions

from vmops.spec import names
from vmops.spec.foreign import NOTHING, ForeignParts
from vmops.spec.kept import NOTHING_KEPT, Kept
from vmops.spec.vm_spec import VmSpec
from vmops.stacks.profiles import os_profile, plan, storage_profile
from vmops.stacks.protection import identity, security_profile

Tags = Mapping[str, str]
Disks = Mapping[int, Input[str]]
"""Ids of data disks by lun."""
NO_DISKS: Disks = MappingProxyType({})

_ACCELERATED = {"true": True, "false": False}
"""The declared values of accelerated networking; ``auto`` has been replaced before."""

# Property paths that ARM refuses to change on a VM (409 PropertyChangeNotAllowed); a change replaces the VM.
# Source: compute REST reference, OSProfile and ImageReference; Pulumi, resource option replaceOnChanges.
REPLACES_THE_VM = [
    "osProfile.adminUsername",
    "osProfile.adminPassword",
    "osProfile.customData",
    "osProfile.linuxConfiguration.disablePasswordAuthentication",
    "osProfile.linuxConfiguration.ssh",
    "storageProfile.imageReference",
]

MOVES_THE_VM = ["location", "zones", "priority", "evictionPolicy", "billingProfile"]
"""More properties that ARM refuses to change; a change replaces the VM only if it never ran."""

_SECRET = {"adminPasswordOrKey": "osProfile.adminPassword", "customData": "osProfile.customData"}
"""Property paths of the secret parameters."""

_EXPIRES = f'tags["{names.EXPIRES_TAG}"]'


def machine(
    spec: VmSpec,
    tags: Tags,
    options: ResourceOptions,
    *,
    subnet_id: Input[str],
    security_group_id: Input[str],
    own_tags: Tags,
    foreign: ForeignParts = NOTHING,
    kept: Kept = NOTHING_KEPT,
    separate: Disks = NO_DISKS,
) -> dict[str, Output[Any]]:
    """Declare a VM with an interface and, by default, an address, and return its outputs.

    ``own_tags`` are tags of the VM only, ``kept`` is what stays unchanged, ``separate`` are data disks that are
    declared separately.
    """
    public = address(spec, foreign.tagged("address", tags), options, kept) if spec.public_ip else None
    interface = nic(
        spec,
        foreign.tagged("nic", tags),
        options,
        subnet_id=subnet_id,
        security_group_id=security_group_id,
        public=public,
    )
    own = {**tags, **own_tags}
    vm = virtual_machine(spec, own, options, interface=interface, foreign=foreign, kept=kept, separate=separate)
    return {
        "id": vm.id,
        "name": vm.name,
        "resourceGroup": Output.from_input(spec.resource_group),
        "location": vm.location,
        "privateIp": interface.ip_configurations.apply(lambda found: found[0].private_ip_address if found else None),
        "publicIp": public.ip_address if public else Output.from_input(None),
        "fqdn": public.dns_settings.apply(lambda dns: dns.fqdn if dns else None) if public else Output.from_input(None),
        "adminUsername": Output.from_input(spec.admin_username),
    }


def address(
    spec: VmSpec, tags: Tags, options: ResourceOptions, kept: Kept = NOTHING_KEPT
) -> azure.network.PublicIPAddress:
    """Declare a public address that stays the same while the VM is in the location, even if the VM is replaced.

    If the VM may be in several zones, the address is in all of them. The zones of an existing address never change.
    Source: ARM's answer ResourceAvailabilityZonesCannotBeModified.
    """
    name = spec.name_of("address")
    label = spec.dns_label_prefix
    return azure.network.PublicIPAddress(
        name,
        resource_group_name=spec.resource_group,
        public_ip_address_name=name,
        location=spec.location,
        sku=azure.network.PublicIPAddressSkuArgs(name="Standard"),
        public_ip_allocation_method="Static",
        delete_option="Detach",
        dns_settings=azure.network.PublicIPAddressDnsSettingsArgs(domain_name_label=label) if label else None,
        zones=_address_zones(spec, kept),
        tags=tags,
        opts=options,
    )


def _address_zones(spec: VmSpec, kept: Kept) -> list[str] | None:
    if kept.address_zones is not None:
        return list(kept.address_zones) or None
    return None if "zone" in spec.moves else _zones(spec)


def nic(
    spec: VmSpec,
    tags: Tags,
    options: ResourceOptions,
    *,
    subnet_id: Input[str],
    security_group_id: Input[str],
    public: azure.network.PublicIPAddress | None,
) -> azure.network.NetworkInterface:
    """Declare the network interface. The security group is on it by default, so that no external subnet is changed."""
    name = spec.name_of("nic")
    return azure.network.NetworkInterface(
        name,
        resource_group_name=spec.resource_group,
        network_interface_name=name,
        location=spec.location,
        ip_configurations=[
            azure.network.NetworkInterfaceIPConfigurationArgs(
                name="primary",
                primary=True,
                private_ip_allocation_method="Static" if spec.private_ip_address else "Dynamic",
                private_ip_address=spec.private_ip_address,
                subnet=azure.network.SubnetArgs(id=subnet_id),
                public_ip_address=_detached(public) if public else None,
            )
        ],
        network_security_group=None if spec.network_security_group_on == "subnet" else _guard(security_group_id),
        enable_accelerated_networking=_ACCELERATED.get(spec.accelerated_networking or ""),
        tags=tags,
        opts=options,
    )


def _guard(security_group_id: Input[str]) -> azure.network.NetworkSecurityGroupArgs:
    return azure.network.NetworkSecurityGroupArgs(id=security_group_id)


def _detached(public: azure.network.PublicIPAddress) -> azure.network.PublicIPAddressArgs:
    return azure.network.PublicIPAddressArgs(id=public.id, delete_option="Detach")


def virtual_machine(
    spec: VmSpec,
    tags: Tags,
    options: ResourceOptions,
    *,
    interface: azure.network.NetworkInterface,
    foreign: ForeignParts = NOTHING,
    kept: Kept = NOTHING_KEPT,
    separate: Disks = NO_DISKS,
) -> azure.compute.VirtualMachine:
    """Declare the VM itself. Its own disks are deleted with it; its interface and address are not.

    Source: Pulumi, resource option ignoreChanges: such an input keeps its value, unless the VM is replaced.
    """
    compute = azure.compute
    own = ResourceOptions(
        replace_on_changes=[*REPLACES_THE_VM, *(MOVES_THE_VM if kept.never_ran else ())],
        delete_before_replace=True,
        ignore_changes=[*(_SECRET[name] for name in sorted(kept.secrets)), *([_EXPIRES] if kept.expires else [])],
    )
    return compute.VirtualMachine(
        spec.machine_name,
        resource_group_name=spec.resource_group,
        vm_name=spec.machine_name,
        location=spec.location,
        hardware_profile=compute.HardwareProfileArgs(vm_size=spec.vm_size),
        plan=plan(spec),
        identity=identity(spec, foreign.identities),
        security_profile=security_profile(spec),
        os_profile=os_profile(spec),
        storage_profile=storage_profile(spec, foreign.disks, kept.disks, separate),
        additional_capabilities=_capabilities(spec),
        network_profile=compute.NetworkProfileArgs(
            network_interfaces=[
                compute.NetworkInterfaceReferenceArgs(id=interface.id, primary=True, delete_option="Detach")
            ]
        ),
        diagnostics_profile=_diagnostics(spec),
        proximity_placement_group=compute.SubResourceArgs(id=near)
        if (near := spec.proximity_placement_group)
        else None,
        priority=spec.priority,
        eviction_policy=spec.eviction_policy,
        billing_profile=compute.BillingProfileArgs(max_price=spec.max_price) if spec.max_price else None,
        zones=_zones(spec),
        tags=foreign.tagged("vm", tags),
        opts=ResourceOptions.merge(options, own),
    )


def _capabilities(spec: VmSpec) -> azure.compute.AdditionalCapabilitiesArgs | None:
    """Allow Ultra disks to be attached. Source: compute REST reference, AdditionalCapabilities.ultraSSDEnabled."""
    has_ultra = spec.data_disk_type == "UltraSSD_LRS" and spec.data_disks
    return azure.compute.AdditionalCapabilitiesArgs(ultra_ssd_enabled=True) if has_ultra else None


def _diagnostics(spec: VmSpec) -> azure.compute.DiagnosticsProfileArgs:
    """Declare where the console's output is stored: by default in storage that Azure manages."""
    asked = spec.boot_diagnostics or "true"
    console = azure.compute.BootDiagnosticsArgs(
        enabled=asked != "false", storage_uri=asked if asked.startswith("https:") else None
    )
    return azure.compute.DiagnosticsProfileArgs(boot_diagnostics=console)


def _zones(spec: VmSpec) -> list[str] | None:
    return [spec.zone] if spec.zone else None
