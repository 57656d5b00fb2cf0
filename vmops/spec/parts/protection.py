"""The identities of a VM towards other services, and its security features."""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from vmops.spec.parts.machine import Machine
from vmops.spec.rules import protection, values
from vmops.spec.target import choice

SecurityType = Literal["Standard", "TrustedLaunch"]


class Protection(Machine):
    """Managed identities (``system``, or ids of user-assigned ones), and what protects the VM's boot and disks."""

    managed_identity: Annotated[tuple[str, ...] | None, BeforeValidator(protection.identities)] = None
    security_type: Annotated[SecurityType | None, choice(SecurityType)] = None
    secure_boot: Annotated[bool | None, BeforeValidator(protection.of_trusted_launch)] = None
    v_tpm: Annotated[bool | None, BeforeValidator(protection.of_trusted_launch)] = None
    encryption_at_host: Annotated[bool | None, BeforeValidator(values.boolean)] = None
