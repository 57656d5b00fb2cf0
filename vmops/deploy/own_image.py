"""The image of a VM: whether it differs from the declared one, and whether Azure would refuse it late."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vmops.azure.client import Arm
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.spec.rules import hardware, images
from vmops.spec.vm_spec import VmSpec

_PARTS = ("publisher", "offer", "sku", "version")


def as_made(machine: Mapping[str, Any] | None, spec: VmSpec) -> VmSpec:
    """Use the VM's spelling of the image if the spec means the same: its version, its exact version, or ``latest``.

    Source: compute REST reference, ImageReference: ``exactVersion`` is the version that the VM was created from.
    """
    image = _reference(machine) if machine else {}
    versions = {str(image.get(name, "")).lower() for name in ("version", "exactVersion")} | {"latest"}
    same = all(str(image.get(name)).lower() == str(getattr(spec.image, name)).lower() for name in _PARTS[:-1])
    if spec.image_id or not same or spec.image.version.lower() not in versions:
        return spec
    return spec.model_copy(update={"image": replace(spec.image, version=str(image["version"]))})


def of(machine: Mapping[str, Any]) -> str:
    """Give the image that a VM was made from, as ARM reports it: its id, or its four parts."""
    image = _reference(machine)
    by_id = image.get("communityGalleryImageId") or image.get("id")
    return str(by_id) if by_id else ":".join(str(image.get(name)) for name in _PARTS)


def _reference(machine: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = machine["properties"].get("storageProfile", {}).get("imageReference") or {}
    return found


def processor(spec: VmSpec) -> str:
    """Give the processor type of the image if its name shows it; else ''.

    Source: Canonical's SKUs in the Azure Marketplace: the names of those for Arm end so.
    """
    if spec.image_id:
        return ""
    if "arm64" in spec.image.sku.lower():
        return "Arm64"
    return "x64" if spec.image.publisher.lower() == "canonical" else ""


def is_another(machine: Mapping[str, Any], spec: VmSpec) -> bool:
    """Tell whether the image that a VM was made from differs from the spec's."""
    declared = spec.image_id or str(spec.image)
    return of(machine).lower() != declared.lower()


def refuse_misfit(arm: Arm, spec: VmSpec, location: str) -> None:
    """Check that the image of ``imageId`` exists, is a Linux image, and boots on the size.

    An image that this principal may use but not read passes.

    Raises: OperationFailed (invalid), naming the parameter; CloudError if ARM refuses the read.
    """
    if not spec.image_id:
        return
    try:
        found = _look(arm, spec, spec.image_id, location)
    except CloudError as error:
        if error.status == 403:
            return
        raise
    if problem := f"there is no {spec.image_id}" if found is None else _misfit(spec, found):
        raise OperationFailed(Failure(FailureKind.INVALID, f"imageId: {problem}", resource=spec.vm_id))


def _look(arm: Arm, spec: VmSpec, image_id: str, location: str) -> dict[str, Any] | None:
    """Read the properties of an image; in a gallery they are in the image definition, not in its versions."""
    definition = image_id.lower().partition("/versions/")[0]
    if images.is_community(image_id):
        return arm.properties(
            f"/subscriptions/{spec.subscription}/providers/Microsoft.Compute/locations/{location}{definition}"
        )
    return arm.properties(image_id[: len(definition)])


def _misfit(spec: VmSpec, says: dict[str, Any]) -> str:
    """Say why an image does not fit; empty if it does. Unknown properties count as fitting.

    Source: azure-rest-api-specs, Microsoft.Compute, Image and GalleryImage: an image outside a gallery is for x64.
    """
    system = says.get("osType") or says.get("storageProfile", {}).get("osDisk", {}).get("osType")
    processor, generation = says.get("architecture") or "x64", says.get("hyperVGeneration") or "V1"
    wanted = "Arm64" if hardware.is_arm64(spec.vm_size) else "x64"
    if system == "Windows":
        return images.WINDOWS
    if processor != wanted:
        return f"it is for {processor} processors, and vmSize {spec.vm_size} has {wanted}"
    if generation == "V1" and not hardware.boots_generation_1(spec.vm_size):
        return f"it is of generation 1, and vmSize {spec.vm_size} boots only generation 2"
    return ""
