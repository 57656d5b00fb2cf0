"""For what a VM is made anew, by what ARM tells of it. Its secrets it does not tell."""

from collections.abc import Iterator, Mapping
from typing import Any

from vmops.deploy import own_image, survey
from vmops.spec.vm_spec import VmSpec


def replacing(machine: Mapping[str, Any], spec: VmSpec) -> Iterator[str]:
    """Name the parameters that ask for another value than a VM has, and that no VM changes."""
    properties = machine["properties"]
    profile = properties.get("osProfile", {})
    by_key = (profile.get("linuxConfiguration") or {}).get("disablePasswordAuthentication", False)
    if profile.get("adminUsername") != spec.admin_username:
        yield "adminUsername"
    if by_key is not (spec.authentication_type == "sshPublicKey"):
        yield "authenticationType"
    if own_image.is_another(machine, spec):
        yield "imageId" if spec.image_id else "image"
    if (spec.credential_is_given or spec.admin_password_or_key) and not survey.has_key(machine, spec):
        yield "adminPasswordOrKey"
