"""The shape of a request, by the type of its resource."""

from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.shapes import images, networks
from vmops.local.arm.shapes.disks import DISK
from vmops.local.arm.shapes.identities import IDENTITY
from vmops.local.arm.shapes.machines import MACHINE
from vmops.local.arm.shapes.normal import Misfit, normal
from vmops.local.arm.shapes.placement import PROXIMITY
from vmops.local.arm.shapes.shape import TAGS, Parts, parts, words
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import GROUP_TYPE, ResourceId

_GROUP = parts(
    "location managedBy", "id name type etag systemData", tags=TAGS, properties=parts("", "provisioningState")
)
SHAPES: dict[str, Parts] = {
    GROUP_TYPE: _GROUP,
    "Microsoft.Network/virtualNetworks": networks.NETWORK,
    "Microsoft.Network/virtualNetworks/subnets": networks.SUBNET,
    "Microsoft.Network/networkSecurityGroups": networks.GROUP,
    "Microsoft.Network/networkSecurityGroups/securityRules": networks.RULE,
    "Microsoft.Network/publicIPAddresses": networks.ADDRESS,
    "Microsoft.Network/networkInterfaces": networks.INTERFACE,
    "Microsoft.Compute/disks": DISK,
    "Microsoft.Compute/virtualMachines": MACHINE,
    "Microsoft.Compute/images": images.IMAGE,
    "Microsoft.Compute/proximityPlacementGroups": PROXIMITY,
    "Microsoft.Compute/galleries": images.GALLERY,
    "Microsoft.Compute/galleries/images": images.DEFINITION,
    "Microsoft.Compute/galleries/images/versions": images.VERSION,
    "Microsoft.ManagedIdentity/userAssignedIdentities": IDENTITY,
}
"""The shape of a PUT, and of a PATCH except for Network."""
_TAGGED = parts("location", "id name type etag", tags=TAGS)
TAG_CHANGE = parts("", "id name type", operation=words("Replace|Merge|Delete"), properties=parts(tags=TAGS))
_KNOWN = (
    "id name type location tags properties sku kind plan identity zones etag managedBy managedByExtended scale "
    "extendedLocation systemData placement"
)
"""The top-level properties of every resource type. Source: azure-rest-api-specs, Microsoft.Resources."""
_DEFINITION = {word.lower() for word in _KNOWN.split()}


def spelled(rid: ResourceId, body: Json, *, patch: bool = False) -> Json:
    """Return a resource's request in ARM's spelling; a PATCH of a Network resource may change tags only.

    Raises: ArmError InvalidRequestContent, BadRequest, InvalidParameter, InvalidRequestFormat.
    """
    only_tags = patch and rid.provider == "Microsoft.Network"
    return fitted(body, _TAGGED if only_tags else SHAPES[rid.type], rid.provider)


def fitted(body: Json, shape: Parts, provider: str = "") -> Json:
    """Return a body in its shape's spelling; the provider, or the front door, refuses it otherwise."""
    try:
        found: Json = normal(body, shape)
    except Misfit as misfit:
        raise _refusal(misfit, provider) from None
    return found


def _refusal(misfit: Misfit, provider: str) -> ArmError:
    """Describe a misfit in the words of the layer that finds it.

    Source: azure-sdk-for-net#3487 (the front door), azure-cli#3951 (Compute), sql-server-samples#1294 (Network).
    """
    if misfit.what == "type":
        return ArmError("InvalidRequestContent", reason=f"{misfit.path} is no proper {misfit.detail}")
    alone = "." not in misfit.path and misfit.path.lower() not in _DEFINITION
    if alone or not provider:
        return ArmError("InvalidRequestContent", reason=_reason(misfit))
    if provider == "Microsoft.Network":
        return ArmError("InvalidRequestFormat:json", ArmError("InvalidJson", reason=_reason(misfit)))
    if misfit.what == "value":
        steps = misfit.path.removeprefix("properties.").split(".")
        return ArmError("InvalidParameter:value", target=".".join(steps[-2:]))
    return ArmError("BadRequest:member", target=misfit.path, reason=_reason(misfit))


def _reason(misfit: Misfit) -> str:
    holder, _, name = misfit.path.rpartition(".")
    if misfit.what == "value":
        return f"Error converting value \"{misfit.detail}\" to type '{_kind(misfit.path)}'. Path '{misfit.path}'."
    return f"Could not find member '{name}' on object of type '{_kind(holder)}'. Path '{misfit.path}'."


def _kind(path: str) -> str:
    """Name the type of the value at a path after its last step; not all of Azure's inner type names are known."""
    step = path.rpartition(".")[2].partition("[")[0] or "ResourceDefinition"
    return step[0].upper() + step[1:]
