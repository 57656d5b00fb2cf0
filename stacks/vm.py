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
from vmops.stacks.ground import Ground, ground, in_group
from vmops.stacks.machine import machine


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
    """Declare a VM and what it needs, and export what is known of it.

    ``uses`` are the roles (group, network, subnet, security_group) that exist and are not ours: they are referred to by
    id and never declared. ``expires`` is an instant in ISO 8601 and ``hold`` the mark of the VM's holder; each becomes
    a tag of the VM. ``foreign`` is what others have added to our resources; it is declared too, because a write removes
    what it does not name. ``kept`` stays unchanged.

    Returns: the outputs id, name, resourceGroup, location, privateIp, publicIp, fqdn and adminUsername.
    """
    tags = own_tags(spec, owner)
    options, location = ResourceOptions(provider=provider), kept.group_location
    options = in_group(spec, tags, options, external=external, foreign=foreign, location=location)
    base = ground(spec, tags, options, external=external, foreign=foreign)
    outputs = on_ground(base, spec, tags, marks(expires, hold), foreign, kept)
    for name, value in outputs.items():
        export(name, value)
    return outputs


def on_ground(
    base: Ground, spec: VmSpec, tags: Mapping[str, str], marked: Mapping[str, str], foreign: ForeignParts, kept: Kept
) -> dict[str, Output[Any]]:
    """Declare what each VM has for itself; ``marked`` are tags of the VM only."""
    return machine(
        spec,
        tags,
        base.options,
        subnet_id=base.subnet_id,
        security_group_id=base.security_group_id,
        own_tags=marked,
        foreign=foreign,
        kept=kept,
        apart=data_disks(spec, tags, base.options, foreign),
    )


def own_tags(spec: VmSpec, owner: str) -> dict[str, str]:
    """Give the tags of all resources of a VM: the user's, and ours."""
    return {**spec.tags, names.STACK_TAG: spec.stack, names.OWNER_TAG: owner}


def marks(expires: str | None, hold: str) -> dict[str, str]:
    """Give the tags that only the VM itself has; empty values have no tag."""
    own = {names.EXPIRES_TAG: expires or "", names.HOLD_TAG: hold}
    return {name: value for name, value in own.items() if value}


def touch() -> tuple[type, ...]:
    """Import the packages that `declare` uses, by a class of each: their lazy import is not safe for threads."""
    return (azure.resources.ResourceGroup, azure.network.VirtualNetwork, azure.compute.VirtualMachine)
