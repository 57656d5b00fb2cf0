"""The image of a machine: a publisher's, a gallery's, or the subscription's own."""

from dataclasses import asdict

from vmops.local.arm.data import community
from vmops.local.arm.data.images import Image, find_image
from vmops.local.arm.models.compute import images
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource


def chosen(cloud: Cloud, asked: Json, location: str) -> Image | None:
    """Return the requested image, and complete the reference to it; None if none is requested.

    Raises: ArmError PlatformImageNotFound, NotFound, GalleryImageNotFound, InvalidParameter.
    """
    reference = asked.get("storageProfile", {}).get("imageReference")
    if not reference:
        return None
    image = _found(cloud, reference, location)
    if image.version:
        reference["exactVersion"] = image.version
    return image


def note(machine: Resource, image: Image | None) -> None:
    """Record the properties of a machine's image, which may be deleted before the machine."""
    if image:
        machine.hidden["image"] = asdict(image)


def require_plan(machine: Resource, image: Image | None, plan: Json | None) -> None:
    """Refuse an image with a plan if the request names no plan or another one, or if its terms are not accepted.

    Source: openshift/installer#7721, terraform-provider-azurerm#4678, where the refusals are quoted.
    """
    if image is None or not image.plan:
        return
    said = ":".join(str((plan or {}).get(name, "")) for name in ("publisher", "product", "name"))
    if said.lower() != image.plan.lower():
        raise ArmError("VMMarketplaceInvalidInput", vm=machine.id.name)
    if not image.terms:
        raise ArmError("ResourcePurchaseValidationFailed", subscription=machine.id.subscription)


def _found(cloud: Cloud, reference: Json, location: str) -> Image:
    if reference.get("publisher"):
        return _of_publisher(reference)
    if reference.get("id"):
        return images.find(cloud, reference["id"], location)
    if shared := reference.get("communityGalleryImageId"):
        if image := community.by_id(shared):
            return image
        raise ArmError("GalleryImageNotFound", target="imageReference", id=shared, location=location)
    other = "sharedGalleryImageId" if reference.get("sharedGalleryImageId") else None
    kind = "unsupported" if other else "missing"
    raise ArmError(f"InvalidParameter:{kind}", target=f"imageReference.{other or 'publisher'}")


def _of_publisher(reference: Json) -> Image:
    name = [reference.get(key) or "" for key in ("publisher", "offer", "sku", "version")]
    image = find_image(*name)
    if image is None:
        raise ArmError("PlatformImageNotFound", target="imageReference", image=":".join(name))
    return image
