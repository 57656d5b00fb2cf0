"""For what a VM is made anew, by what ARM tells of it. Its secrets it does not tell."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from vmops.deploy import survey
from vmops.deploy.drift import Drift
from vmops.spec.vm_spec import VmSpec

SECRET = "(secret)"  # noqa: S105 - what is shown in the place of one
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


def replacing(machine: Mapping[str, Any], spec: VmSpec) -> Iterator[Drift]:
    """Name what is asked for with another value than a VM has, and no VM changes."""
    for parameter, path, declared, found in _values(machine, as_made(machine, spec)):
        if str(found).lower() != str(declared).lower():
            yield Drift(machine["id"], path, parameter, parameter, declared, found, replaces=True)
    if (spec.credential_is_given or spec.admin_password_or_key) and not survey.has_key(machine, spec):
        yield of_secret(str(machine["id"]), "adminPasswordOrKey")


def of_secret(vm_id: str, parameter: str) -> Drift:
    """Name a secret that is asked for with another value than the VM has."""
    return Drift(vm_id, f"osProfile.{parameter}", parameter, parameter, SECRET, SECRET, replaces=True)


def _values(machine: Mapping[str, Any], spec: VmSpec) -> Iterator[tuple[str, str, Any, Any]]:
    """Give parameter, path, value that is asked for and value that is there."""
    properties = machine["properties"]
    profile = properties.get("osProfile", {})
    by_key = (profile.get("linuxConfiguration") or {}).get("disablePasswordAuthentication", False)
    image = _image(machine)
    yield "adminUsername", "osProfile.adminUsername", spec.admin_username, profile.get("adminUsername")
    how = "sshPublicKey" if by_key else "password"
    yield "authenticationType", "osProfile.linuxConfiguration", spec.authentication_type, how
    there = ":".join(str(image.get(name)) for name in _PARTS)
    yield "image", "storageProfile.imageReference", str(spec.image), there
