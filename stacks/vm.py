"""A VM and everything that it needs, as a Pulumi stack."""

from collections.abc import Mapping
from typing import Any

import pulumi_azure_native as azure
from pulumi import Output, ProviderResource, ResourceOptions, export

from vmops.spec import names
from vmops.spec.foreign import NOTHING, ForeignParts
from vmops.spec.kept import NOTHING_KEPT, Kept
from vmops.spec.vm_spec import VmSpec
from vmops.stacks.disks import data_disks
from vmops.stacks.machine import machine
from vmops.stacks.shared import Shared, in_group, shared_resources


def declare(
    spec: VmSpec,
    *,
    owner: str,
    external: frozenset[str] = frozenset(),
    expires: str | None = None,
    hold: str = "",
    foreign: ForeignParts = NOTHING,
    kept: Kept = NOTHING_KEPT,
    provider: ProviderResource | None = None,
) -> dict[str, Output[Any]]:
    """Declare a VM and what it needs, and export its outputs.

    ``external`` are the roles (group, network, subnet, security_group) that exist and are not ours: they are referred
    to by id and never declared. ``expires`` is a time in ISO 8601 and ``hold`` the mark of the VM's holder; each
    becomes a tag of the VM. ``foreign`` are the parts that others have added to our resources; they are declared, too,
    because a write removes all others. ``kept`` properties stay unchanged.

    Returns: the outputs id, name, resourceGroup, location, privateIp, publicIp, fqdn and adminUsername.
    """
    tags = own_tags(spec, owner)
    options, location = ResourceOptions(provider=provider), kept.group_location
    options = in_group(spec, tags, options, external=external, foreign=foreign, location=location)
    base = shared_resources(spec, tags, options, external=external, foreign=foreign)
    outputs = own_resources(base, spec, tags, marks(expires, hold), foreign, kept)
    for name, value in outputs.items():
        export(name, value)
    return outputs


def own_resources(
    base: Shared, spec: VmSpec, tags: Mapping[str, str], marked: Mapping[str, str], foreign: ForeignParts, kept: Kept
) -> dict[str, Output[Any]]:
    """Declare the resources that a VM has for itself; ``marked`` are tags of the VM only."""
    return machine(
        spec,
        tags,
        base.options,
        subnet_id=base.subnet_id,
        security_group_id=base.security_group_id,
        own_tags=marked,
        foreign=foreign,
        kept=kept,
        separate=data_disks(spec, tags, base.options, foreign),
    )


def own_tags(spec: VmSpec, owner: str) -> dict[str, str]:
    """Give the tags that all resources of a VM have: the user's, and ours."""
    return {**spec.tags, names.STACK_TAG: spec.stack, names.OWNER_TAG: owner}


def marks(expires: str | None, hold: str) -> dict[str, str]:
    """Give the tags that only the VM itself has; an empty value gives no tag."""
    own = {names.EXPIRES_TAG: expires or "", names.HOLD_TAG: hold}
    return {name: value for name, value in own.items() if value}


def touch() -> tuple[type, ...]:
    """Import the packages that `declare` uses, by naming a class of each, because lazy imports are not thread-safe."""
    return (azure.resources.ResourceGroup, azure.network.VirtualNetwork, azure.compute.VirtualMachine)
