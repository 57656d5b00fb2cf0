"""Role assignments: who has which role at a scope. They are stored and shown, but permit or forbid nothing.

Source: azure-rest-api-specs, Microsoft.Authorization, RoleAssignments and RoleDefinitions; Microsoft's page on listing
role assignments by REST.
"""

import re

from vmops.local.arm.data.roles import ROLES
from vmops.local.arm.models.scopes import covers, scope_of
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.clock import timestamp
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json

ASSIGNMENTS = "/providers/Microsoft.Authorization/roleAssignments"
DEFINITIONS = "/providers/Microsoft.Authorization/roleDefinitions"
ASSIGNMENT_TYPE = "Microsoft.Authorization/roleAssignments"
_KIND = "roleAssignment"
_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WHO = ("principalId", "roleDefinitionId")


def put_assignment(cloud: Cloud, scope: str, name: str, request: Json) -> tuple[Json, bool]:
    """Write a role assignment at a scope; return it, and whether it is new.

    Raises: ArmError InvalidRoleAssignmentId, InvalidRequestContent, InvalidPrincipalId, RoleAssignmentExists, or
    RoleAssignmentUpdateNotPermitted for a change of the principal.
    """
    asked, before = request.get("properties", {}), find_assignment(cloud, scope, name)
    _require_sound(name, asked)
    role = f"{_subscription(scope)}{DEFINITIONS}/{_last(asked['roleDefinitionId'])}"
    assigned = {"principalType": "ServicePrincipal"} | asked | {"roleDefinitionId": role, "scope": scope}
    _require_new(cloud, scope, name, assigned)
    if before and not _same(before["properties"], assigned, "principalId"):
        raise ArmError("RoleAssignmentUpdateNotPermitted")
    name = before["name"] if before else name
    rid, properties = f"{scope}{ASSIGNMENTS}/{name}", assigned | _times(before, assigned, timestamp(cloud.now()))
    body = {"properties": properties, "id": rid, "type": ASSIGNMENT_TYPE, "name": name}
    return body, cloud.store.documents.put(_KIND, rid.lower(), body)


def _times(before: Json | None, assigned: Json, now: str) -> Json:
    """Give the times of a role assignment's creation and last change."""
    if before is None:
        return {"createdOn": now, "updatedOn": now}
    times = {name: before["properties"][name] for name in ("createdOn", "updatedOn")}
    return times if before["properties"] == assigned | times else times | {"updatedOn": now}


def find_assignment(cloud: Cloud, scope: str, name: str) -> Json | None:
    """Return the role assignment of that name at a scope; None if there is none."""
    return cloud.store.documents.find(_KIND, f"{scope}{ASSIGNMENTS}/{name}".lower())


def delete_assignment(cloud: Cloud, scope: str, name: str) -> Json | None:
    """Delete a role assignment; return it, None if there was none."""
    found = find_assignment(cloud, scope, name)
    cloud.store.documents.remove(_KIND, f"{scope}{ASSIGNMENTS}/{name}".lower())
    return found


def assignments_for(cloud: Cloud, scope: str, *, below: bool) -> list[Json]:
    """List the role assignments at a scope and above it, and on request those below it."""
    key = scope.lower()
    return [found for at, found in _assignments(cloud) if covers(at, key) or (below and covers(key, at))]


def definitions(scope: str) -> list[Json]:
    """List the built-in roles in the form of a scope."""
    return [
        {
            "properties": {"roleName": name, "type": "BuiltInRole", "assignableScopes": ["/"]},
            "id": f"{_subscription(scope)}{DEFINITIONS}/{guid}",
            "type": "Microsoft.Authorization/roleDefinitions",
            "name": guid,
        }
        for name, guid in ROLES.items()
    ]


def definition(scope: str, name: str) -> Json:
    """Return a built-in role by its GUID; raises ``ArmError`` RoleDefinitionDoesNotExist."""
    found = next((one for one in definitions(scope) if one["name"] == name.lower()), None)
    if found is None:
        raise ArmError("RoleDefinitionDoesNotExist", name=name)
    return found


def _assignments(cloud: Cloud) -> list[tuple[str, Json]]:
    """List the role assignments, each with its scope in the form for comparison."""
    return [(scope_of(found, ASSIGNMENTS).lower(), found) for _, found in cloud.store.documents.of_kind(_KIND)]


def _require_sound(name: str, asked: Json) -> None:
    if not _GUID.fullmatch(name):
        raise ArmError("InvalidRoleAssignmentId", name=name)
    for needed in _WHO:
        if not asked.get(needed):
            raise ArmError("InvalidRequestContent", reason=f"properties.{needed} is required")
    if not _GUID.fullmatch(asked["principalId"]):
        raise ArmError("InvalidPrincipalId", principal=asked["principalId"])
    if not _GUID.fullmatch(_last(asked["roleDefinitionId"])):
        raise ArmError("InvalidRequestContent", reason="properties.roleDefinitionId is not the id of a role")


def _require_new(cloud: Cloud, scope: str, name: str, assigned: Json) -> None:
    """Refuse to give a principal a role twice at a scope, under two names."""
    for at, found in _assignments(cloud):
        other = at == scope.lower() and found["name"].lower() != name.lower()
        if other and _same(found["properties"], assigned, *_WHO):
            raise ArmError("RoleAssignmentExists")


def _same(one: Json, other: Json, *names: str) -> bool:
    return all(one[name].lower() == other[name].lower() for name in names)


def _subscription(scope: str) -> str:
    """Return the subscription in a scope; empty for the tenant, whose scope is empty."""
    return "/".join(scope.split("/")[:3])


def _last(rid: str) -> str:
    """Return the last step of an id in the form for comparison."""
    return rid.rpartition("/")[2].lower()
