"""The role assignments of subscriptions, groups and resources, and the roles that can be assigned."""

import re

from vmops.local.arm.handlers.scopes import asked_scope
from vmops.local.arm.models.roles import (
    ASSIGNMENTS,
    DEFINITIONS,
    assignments_for,
    definition,
    definitions,
    delete_assignment,
    find_assignment,
    put_assignment,
)
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.shapes.identities import ASSIGNMENT
from vmops.local.arm.shapes.requests import fitted
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.state.resource import Json
from vmops.local.arm.wire.messages import Call, Reply
from vmops.local.arm.wire.pages import page

_TEXT = r"'((?:[^']|'')*)'"
_ASSIGNED = re.compile(rf"(atScope)\(\)|principalId\s+eq\s+{_TEXT}|assignedTo\(\s*{_TEXT}\s*\)", re.IGNORECASE)
_DEFINED = re.compile(rf"atScopeAndBelow\(\)|roleName\s+eq\s+{_TEXT}|type\s+eq\s+{_TEXT}", re.IGNORECASE)
_AND = re.compile(r"\s+and\s+", re.IGNORECASE)


def put(cloud: Cloud, call: Call) -> Reply:
    """Create a role assignment, or replace its changeable parts."""
    request = fitted(call.body, ASSIGNMENT)
    body, created = put_assignment(cloud, asked_scope(cloud, call, ASSIGNMENTS), call.names["assignment"], request)
    return Reply(201 if created else 200, body)


def get(cloud: Cloud, call: Call) -> Reply:
    """Show a role assignment."""
    found = find_assignment(cloud, asked_scope(cloud, call, ASSIGNMENTS), call.names["assignment"])
    if found is None:
        raise ArmError("RoleAssignmentNotFound", name=call.names["assignment"])
    return Reply(200, found)


def delete(cloud: Cloud, call: Call) -> Reply:
    """Delete a role assignment and show it once more; an absent one answers 204."""
    found = delete_assignment(cloud, asked_scope(cloud, call, ASSIGNMENTS), call.names["assignment"])
    return Reply(200 if found else 204, found)


def list_assignments(cloud: Cloud, call: Call) -> Reply:
    """List the role assignments at a scope, above and below; ``atScope()`` leaves out those below."""
    clauses = _clauses(call, _ASSIGNED)
    at_scope = any(clause[1] for clause in clauses)
    principals = {(clause[2] or clause[3]).lower() for clause in clauses if not clause[1]}
    scope = asked_scope(cloud, call, ASSIGNMENTS)
    found = assignments_for(cloud, scope, below=not at_scope)
    return page(call, [one for one in found if principals <= {one["properties"]["principalId"].lower()}])


def list_definitions(cloud: Cloud, call: Call) -> Reply:
    """List the roles that can be assigned at a scope, or only the role with a given name."""
    clauses = _clauses(call, _DEFINED)
    found = definitions(asked_scope(cloud, call, DEFINITIONS))
    return page(call, [one for one in found if all(_fits(clause, one["properties"]) for clause in clauses)])


def get_definition(cloud: Cloud, call: Call) -> Reply:
    """Show a role."""
    return Reply(200, definition(asked_scope(cloud, call, DEFINITIONS), call.names["role"]))


def _fits(clause: re.Match[str], role: Json) -> bool:
    wanted = {"roleName": clause[1], "type": clause[2]}
    return all(text is None or text.lower() == role[name].lower() for name, text in wanted.items())


def _clauses(call: Call, known: re.Pattern[str]) -> list[re.Match[str]]:
    """Read a filter whose clauses are all joined by and; raises ``ArmError`` InvalidFilterInQueryString."""
    text = call.query.get("$filter", "").strip()
    found = [known.fullmatch(clause) for clause in _AND.split(text)] if text else []
    if None in found:
        raise ArmError("InvalidFilterInQueryString", filter=text)
    return [clause for clause in found if clause]
