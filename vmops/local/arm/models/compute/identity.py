"""The managed identities of a machine: its own, and the assigned ones."""

from uuid import NAMESPACE_URL, uuid5

from vmops.local.arm.data.tenant import TENANT
from vmops.local.arm.models.identities import Identities
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json, Resource
from vmops.local.arm.state.resource_id import ResourceId

_GIVEN = "userAssignedIdentities"


def identified(cloud: Cloud, machine: ResourceId, asked: Json, held: Json | None = None) -> Json:
    """Complete a requested identity; one of type None is empty.

    A change is merged into what is ``held``: identities are added, and those that are null are removed.

    Raises: ArmError InvalidParameter; FailedIdentityOperation for one that does not exist.
    Source: azure-rest-api-specs, Microsoft.Compute, VirtualMachineIdentity; azure-policy#1311.
    """
    kind = asked.get("type")
    if not kind:
        raise ArmError("InvalidParameter:missing", target="identity.type")
    kinds, given = kind.split(", "), asked.get(_GIVEN, {})
    if "UserAssigned" in kinds:
        given = _laid_over((held or {}).get(_GIVEN, {}), given)
    if ("UserAssigned" in kinds) != bool(given):
        raise ArmError("InvalidParameter:value", target=f"identity.{_GIVEN}")
    identity: Json = {} if kind == "None" else {"type": kind}
    if "SystemAssigned" in kinds:
        principal = str(uuid5(NAMESPACE_URL, f"principal:{machine.key}"))
        identity |= {"principalId": principal, "tenantId": TENANT}
    if given:
        identity[_GIVEN] = dict(_assigned(cloud, machine, name, ids) for name, ids in given.items())
    return identity


def _laid_over(held: Json, asked: Json) -> Json:
    named = {name.lower() for name in asked}
    kept = {name: ids for name, ids in held.items() if name.lower() not in named}
    return kept | {name: {} for name, part in asked.items() if part is not None}


def _assigned(cloud: Cloud, machine: ResourceId, name: str, held: Json) -> tuple[str, Json]:
    """Return the id of an identity, and its own ids; a machine keeps those of an identity that is gone."""
    if held:
        return name, held
    identity = _find(cloud, name)
    if identity is None:
        raise ArmError("FailedIdentityOperation", id=machine, identity=name)
    return str(identity.id), {key: identity.properties[key] for key in ("principalId", "clientId")}


def _find(cloud: Cloud, name: str) -> Resource | None:
    try:
        found = cloud.store.get(ResourceId.parse(name))
    except ValueError:
        return None
    return found if found and found.id.type == Identities.type else None
