"""The rules of the simulated cloud, by resource type; nothing here knows of HTTP."""

from vmops.local.arm.models.compute.disks import Disks
from vmops.local.arm.models.compute.images import Definitions, Galleries, Images, Proximities, Versions
from vmops.local.arm.models.compute.machines import Machines
from vmops.local.arm.models.groups import ResourceGroups
from vmops.local.arm.models.identities import Identities
from vmops.local.arm.models.kind import Kind
from vmops.local.arm.models.network.addresses import PublicAddresses
from vmops.local.arm.models.network.interfaces import Interfaces
from vmops.local.arm.models.network.networks import Subnets, VirtualNetworks
from vmops.local.arm.models.network.security import SecurityGroups, SecurityRules
from vmops.local.arm.state.resource_id import ResourceId

GROUPS = ResourceGroups()
MACHINES = Machines()
__all__ = ["GROUPS", "KINDS", "MACHINES", "RULES", "Kind", "kind_of"]

KINDS: tuple[Kind, ...] = (
    VirtualNetworks(),
    Subnets(),
    SecurityGroups(),
    SecurityRules(),
    PublicAddresses(),
    Interfaces(),
    Disks(),
    MACHINES,
    Images(),
    Proximities(),
    Galleries(),
    Definitions(),
    Versions(),
    Identities(),
)
RULES: dict[str, Kind] = {kind.type.lower(): kind for kind in (GROUPS, *KINDS)}


def kind_of(rid: ResourceId) -> Kind:
    """Return the rules of a resource's type."""
    return RULES[rid.type.lower()]
