"""The managed identities of a machine: each has ids of its own, the same whenever it is looked at."""

from uuid import NAMESPACE_URL, uuid5

from vmops.local.arm.data.tenant import TENANT
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.resource import Json
from vmops.local.arm.state.resource_id import ResourceId


def identified(asked: Json, machine: ResourceId) -> Json:
    """Complete an identity that is asked for; one of type None is empty.

    Raises: ArmError InvalidParameter. Source: azure-rest-api-specs, Microsoft.Compute, VirtualMachineIdentity.
    """
    kind, named = asked.get("type"), asked.get("userAssignedIdentities", {})
    if not kind:
        raise ArmError("InvalidParameter:missing", target="identity.type")
    if ("UserAssigned" in kind.split(", ")) != bool(named):
        raise ArmError("InvalidParameter:value", target="identity.userAssignedIdentities")
    identity: Json = {} if kind == "None" else {"type": kind}
    if "SystemAssigned" in kind.split(", "):
        identity |= {"principalId": _known("principal", machine.key), "tenantId": TENANT}
    if named:
        identity["userAssignedIdentities"] = {name: _assigned(name) for name in named}
    return identity


def _assigned(name: str) -> Json:
    return {kind + "Id": _known(kind, name.lower()) for kind in ("principal", "client")}


def _known(kind: str, key: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{kind}:{key}"))
