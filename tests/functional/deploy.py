"""Deploy a program with the real engine, in a separate process.

The Automation API leaves sockets and coroutines behind when an engine fails or is killed; here they end with the
process. The process is forked from one with all imports done, because those take longer than most deployments.
"""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pulumi
import pulumi_azure_native as azure_native
from pulumi import automation
from pulumi.automation._stack import StackInitMode
from pulumi_azure_native import compute, network, resources

STANDARD = network.PublicIPAddressSkuArgs(name="Standard", tier="Regional")


def address() -> None:
    """Declare a group and an address in it, by the default provider."""
    group = resources.ResourceGroup("group", resource_group_name="exp-group", location="westus2")
    network.PublicIPAddress(
        "address",
        resource_group_name=group.name,
        public_ip_address_name="exp-ip",
        public_ip_allocation_method="Static",
        sku=STANDARD,
    )


def adopt(group_id: str, address_id: str, ip_address: str) -> None:
    """Declare an existing group and address, with all of their properties."""
    taken = pulumi.ResourceOptions(import_=group_id)
    group = resources.ResourceGroup("group", resource_group_name="exp-group", location="westus2", opts=taken)
    network.PublicIPAddress(
        "address",
        resource_group_name=group.name,
        location="westus2",
        public_ip_address_name="exp-ip",
        public_ip_allocation_method="Static",
        public_ip_address_version="IPv4",
        idle_timeout_in_minutes=4,
        ip_address=ip_address,
        sku=STANDARD,
        opts=pulumi.ResourceOptions(import_=address_id),
    )


def nameless() -> None:
    """Declare a group and a security group without names, and one location for both."""
    group = resources.ResourceGroup("group", location="westus2")
    network.NetworkSecurityGroup("guard", resource_group_name=group.name)


def foreign() -> None:
    """Declare a resource of a type that the local Azure lacks."""
    network.RouteTable("routes", resource_group_name="exp-group")


def machine(
    password: str = "",
    size: str = "Standard_B2s",
    sku: str = "server",
    subscription: str = "11111111-1111-1111-1111-111111111111",
) -> None:
    """Declare a machine with its network: the seven types, once each; without a password everything but the machine."""
    chosen = azure_native.Provider("azure", subscription_id=subscription, location="westus2")
    group = resources.ResourceGroup(
        "group", resource_group_name="exp-group", opts=pulumi.ResourceOptions(provider=chosen)
    )
    shared = {"resource_group_name": group.name, "opts": pulumi.ResourceOptions(provider=chosen)}
    card = interface(shared)
    pulumi.export("interface", card.ip_configurations[0].private_ip_address)
    if password:
        options = pulumi.ResourceOptions(
            provider=chosen, replace_on_changes=["storageProfile.imageReference"], delete_before_replace=True
        )
        made = virtual_machine(card, password, size, sku, {**shared, "opts": options})
        pulumi.export("user", made.os_profile.admin_username)


def interface(shared: dict[str, Any]) -> network.NetworkInterface:
    """Declare a network interface with its own network, security group and address."""
    rule = network.SecurityRuleArgs(
        name="ssh",
        priority=100,
        direction="Inbound",
        access="Allow",
        protocol="Tcp",
        source_address_prefix="*",
        source_port_range="*",
        destination_address_prefix="*",
        destination_port_range="22",
    )
    guard = network.NetworkSecurityGroup(
        "guard", network_security_group_name="exp-nsg", security_rules=[rule], **shared
    )
    net = network.VirtualNetwork(
        "network",
        virtual_network_name="exp-vnet",
        address_space=network.AddressSpaceArgs(address_prefixes=["10.0.0.0/16"]),
        **shared,
    )
    subnet = network.Subnet(
        "default",
        virtual_network_name=net.name,
        address_prefix="10.0.0.0/24",
        network_security_group=network.NetworkSecurityGroupArgs(id=guard.id),
        **shared,
    )
    public = network.PublicIPAddress(
        "address", public_ip_address_name="exp-ip", public_ip_allocation_method="Static", sku=STANDARD, **shared
    )
    pulumi.export("address", public.ip_address)
    configuration = network.NetworkInterfaceIPConfigurationArgs(
        name="main",
        subnet=network.SubnetArgs(id=subnet.id),
        public_ip_address=network.PublicIPAddressArgs(id=public.id),
    )
    return network.NetworkInterface(
        "card", network_interface_name="exp-nic", ip_configurations=[configuration], **shared
    )


def virtual_machine(
    card: network.NetworkInterface, password: str, size: str, sku: str, shared: dict[str, Any]
) -> compute.VirtualMachine:
    """Declare a machine on an interface."""
    image = compute.ImageReferenceArgs(publisher="Canonical", offer="ubuntu-24_04-lts", sku=sku, version="latest")
    return compute.VirtualMachine(
        "machine",
        vm_name="exp",
        hardware_profile=compute.HardwareProfileArgs(vm_size=size),
        network_profile=compute.NetworkProfileArgs(
            network_interfaces=[compute.NetworkInterfaceReferenceArgs(id=card.id, delete_option="Detach")]
        ),
        os_profile=compute.OSProfileArgs(
            computer_name="exp", admin_username="mlos", admin_password=pulumi.Output.secret(password)
        ),
        storage_profile=compute.StorageProfileArgs(
            image_reference=image,
            os_disk=compute.OSDiskArgs(name="exp-os", create_option="FromImage", delete_option="Delete"),
        ),
        **shared,
    )


PROGRAMS: dict[str, Callable[..., None]] = {
    program.__name__: program for program in (address, adopt, nameless, foreign, machine)
}


def without_aliases(each: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
    """Remove the dozens of aliases of a type, which doubles the engine's speed."""
    each.opts.aliases = None
    return pulumi.ResourceTransformationResult(each.props, each.opts)


def declare(program: str, arguments: dict[str, Any]) -> None:
    """Run a program."""
    pulumi.runtime.register_stack_transformation(without_aliases)
    PROGRAMS[program](**arguments)


class Bare(automation.Stack):
    """A stack whose verbs start one engine process each, without commands for outputs and history."""

    def outputs(self) -> automation.OutputMap:
        """Give none: they are read from the state."""
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:
        """Give an empty summary: the engine's events have the changes."""
        return automation.UpdateSummary("", datetime.now(UTC), "", {}, {}, "")


def select(name: str, program: Callable[[], None]) -> Bare:
    """Give the stack of a name in the environment's backend; it is made if there is none."""
    work_dir = Path.cwd() / name
    work_dir.mkdir(exist_ok=True)
    workspace = automation.LocalWorkspace(
        work_dir=str(work_dir),
        program=program,
        pulumi_command=automation.PulumiCommand(root=os.environ["ENGINE_ROOT"], skip_version_check=True),
        project_settings=automation.ProjectSettings("test", "python"),
    )
    if not (work_dir / f"Pulumi.{name}.yaml").exists():
        workspace.create_stack(name)
    return Bare(name, workspace, StackInitMode.SELECT)


def run(verb: str, stack: Bare) -> dict[str, Any]:
    """Run the verb, and give the changes by kind."""
    changes: dict[str, Any] = {}

    def hear(event: automation.EngineEvent) -> None:
        if event.summary_event:
            changes.update({str(kind): count for kind, count in event.summary_event.resource_changes.items()})

    if verb == "cancel":
        stack.cancel()
    else:
        getattr(stack, verb)(on_event=hear)
    return changes


def main(pipe: Connection, environment: dict[str, str], directory: Path, call: tuple[str, str, str, Any]) -> None:
    """Run a call (verb, stack, program, its arguments); answer with its success, and the changes or the error."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)
    verb, name, program, arguments = call
    try:
        pipe.send((True, run(verb, select(name, lambda: declare(program, arguments)))))
    except automation.CommandError as error:
        pipe.send((False, str(error)))
