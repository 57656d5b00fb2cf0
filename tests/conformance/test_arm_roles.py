"""Role assignments and roles: they are stored and shown, and permit nothing."""

from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, GROUP, SUBSCRIPTION, Arm, refusal

WHOLE = f"/subscriptions/{SUBSCRIPTION}"
VM = f"{COMPUTE}/virtualMachines/vm"
SCOPES = {"subscription": WHOLE, "group": GROUP, "machine": VM}
ASSIGNMENTS = "/providers/Microsoft.Authorization/roleAssignments"
DEFINITIONS = "/providers/Microsoft.Authorization/roleDefinitions"
CONTRIBUTOR = f"{WHOLE}{DEFINITIONS}/b24988ac-6180-42a0-ab88-20f7382dd24c"
READER = f"{DEFINITIONS}/acdd72a7-3385-48ef-bd42-f606fba81ae7"
SOMEBODY, ANOTHER = (f"0c0ffee0-0000-4000-8000-00000000000{number}" for number in (1, 2))
NAMES = [f"5eed0000-0000-4000-8000-00000000000{number}" for number in range(4)]


def asked(principal: str = SOMEBODY, role: str = CONTRIBUTOR, **more: str) -> dict[str, Any]:
    """Read roles by a filter."""
    return {"properties": {"principalId": principal, "roleDefinitionId": role, **more}}


def assign(arm: Arm, scope: str, name: str = NAMES[0], **how: str) -> Any:
    """Assign a role at a scope."""
    answer = arm("PUT", f"{scope}{ASSIGNMENTS}/{name}", asked(**how))
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_a_role_is_assigned_at_a_scope(arm: Arm, scope: str) -> None:
    """It is written, read, and shown once more when it is deleted, at a path in any case."""
    arm.make_machine()
    made = assign(arm, scope, principalType="serviceprincipal", description="Runs it")
    rid = f"{scope}{ASSIGNMENTS}/{NAMES[0]}"
    assert (made["id"], made["name"], made["type"]) == (rid, NAMES[0], "Microsoft.Authorization/roleAssignments")
    told = {"principalId": SOMEBODY, "principalType": "ServicePrincipal", "scope": scope, "description": "Runs it"}
    assert made["properties"].items() >= (told | {"roleDefinitionId": CONTRIBUTOR}).items()
    assert arm.shown(rid.upper()) == made
    arm.clock.advance(1)
    same = arm("PUT", rid, made)
    assert (same.status_code, same.json()) == (200, made)
    changed = arm("PUT", rid, asked(description="Ran it")).json()["properties"]
    assert (changed["description"], changed["createdOn"]) == ("Ran it", made["properties"]["createdOn"])
    assert changed["updatedOn"] > changed["createdOn"]
    gone = arm("DELETE", rid)
    assert (gone.status_code, gone.json()["properties"]) == (200, changed)
    assert (arm("DELETE", rid).status_code, arm("DELETE", rid).content) == (204, b"")
    assert refusal(arm("GET", rid)) == (404, "RoleAssignmentNotFound")


def test_a_scope_lists_its_role_assignments(arm: Arm) -> None:
    """Inherited ones too, and those below unless ``atScope()`` is given; a filter selects a principal."""
    arm.make_machine()
    for name, scope in zip(NAMES, SCOPES.values(), strict=False):
        assign(arm, scope, name)
    assign(arm, GROUP, NAMES[3], principal=ANOTHER)

    def listed(scope: str, text: str = "") -> list[int]:
        found = arm.shown(scope + ASSIGNMENTS, **({"filter": text} if text else {}))["value"]
        return sorted(NAMES.index(each["name"]) for each in found)

    assert listed(WHOLE) == listed(GROUP) == [0, 1, 2, 3]
    assert listed(WHOLE, "atScope()") == [0]
    assert listed(GROUP, "atscope()") == [0, 1, 3]
    assert listed(VM, "atScope() and assignedTo('" + SOMEBODY.upper() + "')") == [0, 1, 2]
    assert listed(WHOLE, f"principalId eq '{ANOTHER}'") == [3]
    assert listed(WHOLE, f"principalId eq '{ANOTHER}' and assignedTo('{SOMEBODY}')") == []
    for text in ("name eq 'a'", "atScope() and", "atScope() or atScope()"):
        assert refusal(arm("GET", GROUP + ASSIGNMENTS, filter=text)) == (400, "InvalidFilterInQueryString")


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("mine", asked(), (400, "InvalidRoleAssignmentId")),
        (NAMES[1], {}, (400, "InvalidRequestContent")),
        (NAMES[1], {"properties": {"principalId": SOMEBODY}}, (400, "InvalidRequestContent")),
        (NAMES[1], asked("me"), (400, "InvalidPrincipalId")),
        (NAMES[1], asked(role="Contributor"), (400, "InvalidRequestContent")),
        (NAMES[1], asked(color="red"), (400, "InvalidRequestContent")),
        (NAMES[1], asked(role=CONTRIBUTOR.removeprefix(WHOLE)), (409, "RoleAssignmentExists")),
        (NAMES[0], asked(ANOTHER), (400, "RoleAssignmentUpdateNotPermitted")),
    ],
)
def test_an_invalid_role_assignment_is_refused(
    arm: Arm, name: str, body: dict[str, Any], expected: tuple[int, str]
) -> None:
    """Its name must be a GUID, it needs a principal and a role, and a principal has a role once per scope."""
    arm.make_group()
    assign(arm, GROUP)
    assert refusal(arm("PUT", f"{GROUP}{ASSIGNMENTS}/{name}", body)) == expected
    assert [one["name"] for one in arm.shown(GROUP + ASSIGNMENTS)["value"]] == [NAMES[0]]


def test_role_assignments_are_deleted_with_their_scope(arm: Arm) -> None:
    """With a machine its own, with a group all in it, and none of a similar scope."""
    arm.make_machine()
    for name, scope in zip(NAMES, SCOPES.values(), strict=False):
        assign(arm, scope, name)
    assert arm("PUT", f"{GROUP}2", {"location": "westus2"}).status_code == 201
    assign(arm, f"{GROUP}2", NAMES[3])

    def left() -> list[str]:
        return [one["name"] for one in arm.shown(WHOLE + ASSIGNMENTS)["value"]]

    arm.done(arm("DELETE", VM))
    assert left() == [NAMES[0], NAMES[1], NAMES[3]]
    arm.done(arm("DELETE", GROUP))
    assert left() == [NAMES[0], NAMES[3]]
    for scope, code in ((GROUP, "ResourceGroupNotFound"), (VM, "ResourceGroupNotFound")):
        assert refusal(arm("PUT", f"{scope}{ASSIGNMENTS}/{NAMES[0]}", asked())) == (404, code)


@pytest.mark.parametrize("scope", SCOPES.values(), ids=SCOPES)
def test_a_role_is_found_by_its_name(arm: Arm, scope: str) -> None:
    """Clients look roles up by name; the id is that in the subscription."""
    arm.make_machine()
    found = arm.shown(scope + DEFINITIONS, filter="roleName eq 'contributor'")["value"]
    assert [(one["id"], one["properties"]["roleName"]) for one in found] == [(CONTRIBUTOR, "Contributor")]
    assert arm.shown(CONTRIBUTOR.upper()) == found[0]
    assert arm.shown(scope + DEFINITIONS, filter="roleName eq 'Nobody'")["value"] == []
    every = arm.shown(scope + DEFINITIONS)["value"]
    assert len({one["id"] for one in every}) == len(every) > 5
    assert arm.shown(scope + DEFINITIONS, filter="atScopeAndBelow() and type eq 'BuiltInRole'")["value"] == every
    assert arm.shown(scope + DEFINITIONS, filter="type eq 'CustomRole'")["value"] == []


def test_roles_of_the_tenant_are_the_same(arm: Arm) -> None:
    """Templates use their ids."""
    assert arm.shown(READER)["properties"]["roleName"] == "Reader"
    assert READER in {one["id"] for one in arm.shown(DEFINITIONS)["value"]}
    assert refusal(arm("GET", f"{DEFINITIONS}/{NAMES[0]}")) == (404, "RoleDefinitionDoesNotExist")
    assert refusal(arm("GET", DEFINITIONS, filter="color eq 'red'")) == (400, "InvalidFilterInQueryString")
