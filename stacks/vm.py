"""A VM and all that it needs, as a Pulumi stack."""

from collections.abc import Mapping
from typing import Any

import pulumi_azure_native as azure
from pulumi import Input, Output, ProviderResource, ResourceOptions, export

from vmops.spec import names
from vmops.spec.foreign import NOTHING, ForeignParts
from vmops.spec.kept import NOTHING_KEPT, Kept
from vmops.spec.vm_spec import VmSpec
from vmops.stacks.disks import data_disks
from vmops.stacks.machine import machine
from vmops.stacks.network import group, network, security_group, subnet


def declare(
    spec: VmSpec,
    *,
    owner: str,
    uses: frozenset[str] = frozenset(),
    expires: str | None = None,
    hold: str = "",
    foreign: ForeignParts = NOTHING,
    kept: Kept = NOTHING_KEPT,
    provider: ProviderResource | None = None,
) -> dict[str, Output[Any]]:
    """Declare a VM and what it needs, and export what is known of it.

    ``uses`` are the roles (group, network, subnet, security_group) of what exists and is not ours: it is referred to by
    id and never declared. ``expires`` is an instant in ISO 8601, for a tag of the VM, and ``hold`` the mark of who
    holds it, for another. ``foreign`` is what others have added to what is ours, and is declared too: a write takes
    away what it does not name. ``kept`` stays as it is.

    Returns: the outputs id, name, resourceGroup, location, privateIp, publicIp, fqdn and adminUsername.
    """
    tags = {**spec.tags, names.STACK_TAG: spec.stack, names.OWNER_TAG: owner}
    options = ResourceOptions(provider=provider)
    if "group" not in uses:
        first = group(spec, foreign.tagged("group", tags), options, kept.group_location)
        options = ResourceOptions(provider=provider, depends_on=[first])
    guard = None if "security_group" in uses else security_group(spec, tags, options, foreign)
    guard_id: Input[str] = guard.id if guard else spec.ids()["security_group"]
    outputs = machine(
        spec,
        tags,
        options,
        subnet_id=_subnet_id(spec, tags, options, uses, foreign, guard_id),
        security_group_id=guard_id,
        own_tags=_own_tags(expires, hold),
        foreign=foreign,
        kept=kept,
        apart=data_disks(spec, tags, options, foreign),
    )
    for name, value in outputs.items():
        export(name, value)
    return outputs


def _subnet_id(
    spec: VmSpec,
    tags: Mapping[str, str],
    options: ResourceOptions,
    uses: frozenset[str],
    foreign: ForeignParts,
    guard_id: Input[str],
) -> Input[str]:
    """Declare network and subnet, unless they are only used, and give the id of the subnet."""
    if spec.subnet_id:
        return spec.subnet_id
    parent = None if "network" in uses else network(spec, foreign.tagged("network", tags), options)
    return spec.ids()["subnet"] if "subnet" in uses else subnet(spec, options, parent, guard_id).id


def _own_tags(expires: str | None, hold: str) -> dict[str, str]:
    """Give the tags that only the VM itself has, and only while there is something to tell."""
    own = {names.EXPIRES_TAG: expires or "", names.HOLD_TAG: hold}
    return {name: value for name, value in own.items() if value}


def touch() -> tuple[type, ...]:
    """Import the packages that `declare` uses, by a class of each: their lazy import is not safe for threads."""
    return (azure.resources.ResourceGroup, azure.network.VirtualNetwork, azure.compute.VirtualMachine)
