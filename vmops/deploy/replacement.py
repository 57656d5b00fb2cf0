"""For what a VM is made anew, by what ARM tells of it. Its secrets it does not tell."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from vmops.deploy import survey
from vmops.spec.vm_spec import VmSpec

_PARTS = ("publisher", "offer", "sku", "version")


def as_made(machine: Mapping[str, Any] | None, spec: VmSpec) -> VmSpec:
    """Give the spec with its image as the VM says it, if that is the same: the newest, and the version that it was.

    Source: compute REST reference, ImageReference: ``exactVersion`` is the version that the VM was created from.
    """
    image = _image(machine) if machine else {}
    versions = {str(image.get(name, "")).lower() for name in ("version", "exactVersion")} | {"latest"}
    same = all(str(image.get(name)).lower() == str(getattr(spec.image, name)).lower() for name in _PARTS[:-1])
    if not same or spec.image.version.lower() not in versions:
        return spec
    return spec.model_copy(update={"image": replace(spec.image, version=str(image["version"]))})


def _image(machine: Mapping[str, Any]) -> Mapping[str, Any]:
    return machine["properties"].get("storageProfile", {}).get("imageReference") or {}


def replacing(machine: Mapping[str, Any], spec: VmSpec) -> Iterator[str]:
    """Name the parameters that ask for another value than a VM has, and that no VM changes."""
    spec = as_made(machine, spec)
    properties = machine["properties"]
    profile = properties.get("osProfile", {})
    by_key = (profile.get("linuxConfiguration") or {}).get("disablePasswordAuthentication", False)
    if profile.get("adminUsername") != spec.admin_username:
        yield "adminUsername"
    if by_key is not (spec.authentication_type == "sshPublicKey"):
        yield "authenticationType"
    image = _image(machine)
    if any(str(image.get(name)).lower() != str(getattr(spec.image, name)).lower() for name in _PARTS):
        yield "image"
    if (spec.credential_is_given or spec.admin_password_or_key) and not survey.has_key(machine, spec):
        yield "adminPasswordOrKey"
