"""The resources that VMs share: the group, and for each location a network, a subnet and a security group."""

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import Input, ResourceOptions

from vmops.spec.foreign import ForeignParts
from vmops.spec.vm_spec import VmSpec
from vmops.stacks.network import group, network, security_group, subnet


@dataclass(frozen=True)
class Shared:
    """The options for the resources of a VM, and the ids of its subnet and its security group."""

    options: ResourceOptions
    subnet_id: Input[str]
    security_group_id: Input[str]


def in_group(
    spec: VmSpec,
    tags: Mapping[str, str],
    options: ResourceOptions,
    *,
    external: frozenset[str],
    foreign: ForeignParts,
    location: str | None,
) -> ResourceOptions:
    """Declare the group, unless it is external, and give the options for all resources in it."""
    if "group" in external:
        return options
    made = group(spec, foreign.tagged("group", tags), options, location)
    return ResourceOptions(provider=options.provider, depends_on=[made])


def shared_resources(
    spec: VmSpec, tags: Mapping[str, str], options: ResourceOptions, *, external: frozenset[str], foreign: ForeignParts
) -> Shared:
    """Declare what VMs in one location share, except the ``external`` roles, which are referred to by their ids."""
    guard = None if "security_group" in external else security_group(spec, tags, options, foreign)
    guard_id: Input[str] = guard.id if guard else spec.ids()["security_group"]
    return Shared(options, _subnet_id(spec, tags, options, external, foreign, guard_id), guard_id)


def _subnet_id(
    spec: VmSpec,
    tags: Mapping[str, str],
    options: ResourceOptions,
    external: frozenset[str],
    foreign: ForeignParts,
    guard_id: Input[str],
) -> Input[str]:
    """Declare network and subnet, unless they are external, and give the subnet's id."""
    if spec.subnet_id:
        return spec.subnet_id
    parent = None if "network" in external else network(spec, foreign.tagged("network", tags), options)
    return spec.ids()["subnet"] if "subnet" in external else subnet(spec, options, parent, guard_id).id
