"""The managed identities of a VM, as ARM reports them."""

from collections.abc import Mapping
from typing import Any

from vmops.spec.rules.protection import SYSTEM


def of(machine: Mapping[str, Any]) -> list[str]:
    """Give ``system`` for a VM's own identity, and the ids of its user-assigned ones.

    Source: compute REST reference, VirtualMachineIdentity.
    """
    identity = machine.get("identity") or {}
    own = [SYSTEM] if "SystemAssigned" in str(identity.get("type")) else []
    return [*own, *(identity.get("userAssignedIdentities") or ())]
