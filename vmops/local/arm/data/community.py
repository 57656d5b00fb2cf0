"""Community galleries: public images, available in every location. Their names are made up."""

import re

from vmops.local.arm.data.images import Image

_GALLERY = "bench-6c2b6a55-3f0d-4c58-9a51-0d1f6f5a7d10"
_TABLE = {
    f"{_GALLERY}/ubuntu-24.04": Image("1.0.0", release="24.04"),
    f"{_GALLERY}/ubuntu-24.04-arm64": Image("1.0.0", architecture="Arm64", release="24.04"),
    f"{_GALLERY}/ubuntu-24.04-gen1": Image("1.0.0", generation="V1", release="24.04", nvme=False),
    f"{_GALLERY}/windows-2022": Image("1.0.0", "Windows", 127, name="windows", release="2022"),
}
_ID = re.compile(r"/communitygalleries/([^/]+)/images/([^/]+)(?:/versions/([^/]+))?", re.IGNORECASE)


def find_image(gallery: str, name: str) -> Image | None:
    """Return an image of a community gallery."""
    return _TABLE.get(f"{gallery}/{name}".lower())


def by_id(text: str) -> Image | None:
    """Return the image that ``communityGalleryImageId`` names; each has one version."""
    found = _ID.fullmatch(text)
    image = find_image(found[1], found[2]) if found else None
    wanted = found[3] if found else None
    return image if image and (wanted or "latest").lower() in ("latest", image.version) else None
