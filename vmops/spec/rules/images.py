"""Rules for images: four parts, or a release of Ubuntu."""

import re
from dataclasses import dataclass

from vmops.spec.rules.arm_ids import arm_id
from vmops.spec.rules.values import text

# Offer, SKU of generation 2, and SKU for Arm, by the release's name in mlos_bench's azuredeploy-ubuntu-vm template.
# Source: Canonical's offers in the Azure Marketplace (az vm image list --publisher Canonical).
_UBUNTU = {
    "18.04-LTS": ("UbuntuServer", "18_04-lts-gen2", "18_04-lts-arm64"),
    "20.04-LTS": ("0001-com-ubuntu-server-focal", "20_04-lts-gen2", "20_04-lts-arm64"),
    "22.04-LTS": ("0001-com-ubuntu-server-jammy", "22_04-lts-gen2", "22_04-lts-arm64"),
    "24.04-LTS": ("ubuntu-24_04-lts", "server", "server-arm64"),
}

_OWN = ("Microsoft.Compute/galleries/images", "Microsoft.Compute/galleries/images/versions", "Microsoft.Compute/images")
# Source: compute REST reference, ImageReference.communityGalleryImageId.
_COMMUNITY = re.compile(r"/communitygalleries/[^/]+/images/[^/]+(?:/versions/[^/]+)?", re.IGNORECASE)
# Source: az vm image list --publisher MicrosoftWindows: the publishers of Windows itself.
_WINDOWS = re.compile(r"microsoftwindows\w*", re.IGNORECASE)
WINDOWS = "it is an image of Windows, and vmops makes VMs of Linux"


@dataclass(frozen=True, slots=True)
class Image:
    """A platform image as in ARM's imageReference; written publisher:offer:sku:version."""

    publisher: str
    offer: str
    sku: str
    version: str

    def __str__(self) -> str:
        """Write the four parts with colons."""
        return f"{self.publisher}:{self.offer}:{self.sku}:{self.version}"


def image(value: object, *, arm64: bool = False) -> Image:
    """Return the image that four parts name, or the newest image of an Ubuntu release for a processor architecture."""
    name = text(value)
    release = name.upper().removesuffix("-LTS") + "-LTS"
    if release in _UBUNTU:
        offer, amd64_sku, arm64_sku = _UBUNTU[release]
        return Image("Canonical", offer, arm64_sku if arm64 else amd64_sku, "latest")
    parts = name.split(":")
    if len(parts) != 4 or not all(parts):
        raise ValueError(f"{name!r} is neither publisher:offer:sku:version nor one of {', '.join(_UBUNTU)}")
    if _WINDOWS.fullmatch(parts[0]):
        raise ValueError(f"{name!r}: {WINDOWS}")
    return Image(*parts)


def image_id(value: object) -> str:
    """Check the id of a gallery image (with or without a version), a community gallery image, or a managed image."""
    return text(value) if is_community(text(value)) else arm_id(value, *_OWN)


def is_community(name: str) -> bool:
    """Tell whether an id is that of an image in a community gallery: /CommunityGalleries/NAME/Images/NAME."""
    return _COMMUNITY.fullmatch(name) is not None


def plan(value: object) -> str:
    """Check the purchase plan of an image. Source: compute REST reference, Plan."""
    if len(parts := text(value).split(":")) != 3 or not all(parts):
        raise ValueError(f"{value!r} is not a plan (publisher:product:name)")
    return ":".join(parts)
