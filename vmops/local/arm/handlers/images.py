"""Platform images, from publisher to version; ``exactVersion`` of a machine is one of these.

Source: azure-rest-api-specs, Microsoft.Compute, VirtualMachineImages; these lists are bare arrays.
"""

from collections.abc import Iterable

from vmops.local.arm.data import community
from vmops.local.arm.data.images import Image, find_image, urns
from vmops.local.arm.handlers.machines import require_location
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.wire.messages import Call, Reply

_STEPS = ("publisher", "offer", "sku")
_KINDS = {"publisher": "Publisher", "offer": "Offer", "sku": "SKU"}


def list_publishers(_cloud: Cloud, call: Call) -> Reply:
    """List the publishers of images."""
    return Reply(200, _entries(call, _below(call), call.path))


def list_offers(_cloud: Cloud, call: Call) -> Reply:
    """List the offers of a publisher."""
    return Reply(200, _entries(call, _below(call), call.path))


def list_skus(_cloud: Cloud, call: Call) -> Reply:
    """List the SKUs of an offer."""
    return Reply(200, _entries(call, _below(call), call.path))


def list_versions(_cloud: Cloud, call: Call) -> Reply:
    """List the versions of a SKU: only the one that ``latest`` means."""
    return Reply(200, _entries(call, [_image(call, "latest").version], call.path))


def get_version(_cloud: Cloud, call: Call) -> Reply:
    """Show one version of an image."""
    image = _image(call, call.names["version"])
    entry = _entries(call, [image.version], call.path.rpartition("/")[0])[0]
    return Reply(200, entry | {"properties": _properties(image)})


def get_community_image(_cloud: Cloud, call: Call) -> Reply:
    """Show an image of a community gallery. Source: azure-rest-api-specs, CommunityGalleryImages_Get."""
    gallery, name = call.names["gallery"], call.names["image"]
    image = community.find_image(gallery, name)
    if image is None:
        raise ArmError("NotFound:image", kind="CommunityGalleryImage")
    says = {"osType": image.system, "osState": "Generalized", "hyperVGeneration": image.generation}
    shown = {"identifier": {"uniqueId": f"/CommunityGalleries/{gallery}/Images/{name}"}, "name": name}
    kind = "Microsoft.Compute/locations/communityGalleries/images"
    properties = {**says, "architecture": image.architecture}
    return Reply(200, {**shown, "type": kind, "location": require_location(call), "properties": properties})


def _below(call: Call) -> list[str]:
    """List the next names after those in the path, which match in any case, each once."""
    given = [call.names[step].lower() for step in _STEPS if step in call.names]
    found = [urn for urn in urns() if [name.lower() for name in urn[: len(given)]] == given]
    if not found:
        raise ArmError("NotFound:image", kind=_KINDS[_STEPS[len(given) - 1]])
    return sorted({urn[len(given)] for urn in found})


def _image(call: Call, version: str) -> Image:
    image = find_image(call.names["publisher"], call.names["offer"], call.names["sku"], version)
    if image is None:
        raise ArmError("NotFound:image", kind="VMImage")
    return image


def _entries(call: Call, names: Iterable[str], path: str) -> list[Json]:
    location = require_location(call)
    return [{"location": location, "name": name, "id": f"{path}/{name}"} for name in names]


def _properties(image: Image) -> Json:
    return {
        "hyperVGeneration": image.generation,
        "architecture": image.architecture,
        "osDiskImage": {"operatingSystem": image.system, "sizeInGb": image.size},
        "dataDiskImages": [],
        "automaticOSUpgradeProperties": {"automaticOSUpgradeSupported": False},
        "imageDeprecationStatus": {"imageState": "Active"},
    }
