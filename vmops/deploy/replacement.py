"""The differences that make an update replace a VM, as far as ARM reports them: it does not report secrets."""

from collections.abc import Iterator, Mapping
from typing import Any

from vmops.deploy import own_image, survey
from vmops.deploy.drift import Drift
from vmops.spec.vm_spec import VmSpec

SECRET = "(secret)"  # noqa: S105 - what is shown in the place of one


def replacing(machine: Mapping[str, Any], spec: VmSpec) -> Iterator[Drift]:
    """Name the requested values that differ from the VM's and cannot be changed in place."""
    for parameter, path, declared, found in _values(machine, own_image.as_made(machine, spec)):
        if str(found).lower() != str(declared).lower():
            yield Drift(machine["id"], path, parameter, parameter, declared, found, replaces=True)
    if (spec.credential_is_given or spec.admin_password_or_key) and not survey.has_key(machine, spec):
        yield of_secret(str(machine["id"]), "adminPasswordOrKey")


def of_secret(vm_id: str, parameter: str) -> Drift:
    """Give the difference of a secret that is requested with another value than the VM has."""
    return Drift(vm_id, f"osProfile.{parameter}", parameter, parameter, SECRET, SECRET, replaces=True)


def _values(machine: Mapping[str, Any], spec: VmSpec) -> Iterator[tuple[str, str, Any, Any]]:
    """Give parameter, path, requested value and present value."""
    properties = machine["properties"]
    profile = properties.get("osProfile", {})
    by_key = (profile.get("linuxConfiguration") or {}).get("disablePasswordAuthentication", False)
    yield "adminUsername", "osProfile.adminUsername", spec.admin_username, profile.get("adminUsername")
    how = "sshPublicKey" if by_key else "password"
    yield "authenticationType", "osProfile.linuxConfiguration", spec.authentication_type, how
    if own_image.is_another(machine, spec):
        parameter, declared = ("imageId", spec.image_id) if spec.image_id else ("image", str(spec.image))
        yield parameter, "storageProfile.imageReference", declared, own_image.of(machine)
