"""User-assigned identities, which machines refer to."""

import pytest

from tests.conformance.arm import COMPUTE, GROUP, SUBSCRIPTION, Arm, refusal

IDENTITIES = "/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
ME, YOU = f"{GROUP}{IDENTITIES}/me", f"{GROUP}{IDENTITIES}/you"
VM = f"{COMPUTE}/virtualMachines/vm"


def test_an_identity_is_created_read_and_deleted(arm: Arm) -> None:
    """At once, with ids that stay for its lifetime, in every API version."""
    arm.make_group()
    made = arm("PUT", ME, {"location": "West US 2", "tags": {"a": "b"}})
    assert (made.status_code, made.headers.keys() & {"location", "azure-asyncoperation"}) == (201, set())
    identity = made.json()
    assert identity == arm.shown(ME) == arm.send("GET", f"{ME}?api-version=2018-11-30").json()
    assert (identity["id"], identity["location"], identity["name"]) == (ME, "westus2", "me")
    assert identity["properties"].keys() == {"tenantId", "principalId", "clientId"}
    again = arm("PUT", ME, {"location": "westus2"})
    assert (again.status_code, again.json()["properties"]) == (200, identity["properties"])
    assert "tags" not in again.json()
    assert arm("PATCH", ME, {"tags": {"c": "d"}}).json()["tags"] == {"c": "d"}
    for scope in (GROUP, f"/subscriptions/{SUBSCRIPTION}"):
        assert [one["id"] for one in arm.shown(scope + IDENTITIES)["value"]] == [ME]
    assert [one["id"] for one in arm.shown(f"{GROUP}/resources")["value"]] == [ME]
    assert [arm("DELETE", ME).status_code for _ in range(2)] == [200, 204]
    assert refusal(arm("GET", ME)) == (404, "ResourceNotFound")
    assert arm.put(ME).json()["properties"]["principalId"] != identity["properties"]["principalId"]


def test_deleting_a_group_deletes_its_identities(arm: Arm) -> None:
    """They do not block the deletion."""
    arm.make_group()
    arm.put(ME)
    arm.done(arm("DELETE", GROUP))
    assert refusal(arm("GET", ME)) == (404, "ResourceGroupNotFound")


def test_a_machine_accepts_existing_identities(arm: Arm) -> None:
    """Their ids are shown. An absent identity, or another type, is refused before anything is made."""
    arm.make_network()
    arm.make_interface("vm-nic")
    for missing in (ME, f"{GROUP}/providers/Microsoft.Network/networkInterfaces/vm-nic", "me"):
        answer = arm.put_machine(identity={"type": "UserAssigned", "userAssignedIdentities": {missing: {}}})
        assert refusal(answer) == (400, "FailedIdentityOperation")
        assert f"Resource '{missing}' was not found." in answer.json()["error"]["message"]
    assert arm("GET", VM).status_code == 404
    identity = arm.put(ME).json()["properties"]
    arm.done(arm.put_machine(identity={"type": "UserAssigned", "userAssignedIdentities": {ME.upper(): {}}}))
    ids = {key: identity[key] for key in ("principalId", "clientId")}
    assert arm.shown(VM)["identity"] == {"type": "UserAssigned", "userAssignedIdentities": {ME: ids}}
    answer = arm("PATCH", VM, {"identity": {"type": "UserAssigned", "userAssignedIdentities": {YOU: {}}}})
    assert refusal(answer) == (400, "FailedIdentityOperation")


def test_identities_of_a_machine_are_added_and_removed(arm: Arm) -> None:
    """A PATCH adds identities, and removes those that are null, as azure-cli does; a PUT names all."""
    arm.make_network()
    for identity in (ME, YOU):
        arm.put(identity)
    arm.make_machine(identity={"type": "UserAssigned", "userAssignedIdentities": {ME: {}}})

    def given(method: str, **named: object) -> set[str]:
        body = {"type": "UserAssigned", "userAssignedIdentities": named}
        if method == "PUT":
            arm.done(arm.put_machine(identity=body))
        else:
            arm.done(arm("PATCH", VM, {"identity": body}))
        return set(arm.shown(VM)["identity"]["userAssignedIdentities"])

    assert given("PATCH", **{YOU: {}}) == {ME, YOU}
    assert given("PATCH", **{ME.upper(): None}) == {YOU}
    assert given("PATCH", **{YOU: None, ME: {}}) == {ME}
    assert given("PUT", **{YOU: {}, ME: None}) == {YOU}
    last = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {YOU: None}}}
    assert refusal(arm("PATCH", VM, last)) == (400, "InvalidParameter")


def test_a_machine_still_shows_a_deleted_identity(arm: Arm) -> None:
    """Other changes of the machine still work."""
    arm.make_network()
    arm.put(ME)
    arm.make_machine(identity={"type": "UserAssigned", "userAssignedIdentities": {ME: {}}})
    before = arm.shown(VM)["identity"]
    assert arm("DELETE", ME).status_code == 200
    for change in ({"tags": {"a": "b"}}, {"identity": {"type": "UserAssigned"}}):
        arm.done(arm("PATCH", VM, change))
        assert arm.shown(VM)["identity"] == before


@pytest.mark.parametrize("null", ["tags", "properties", "identity"])
def test_null_counts_as_absent(arm: Arm, null: str) -> None:
    """Except for an identity that is to be removed."""
    arm.make_network()
    arm.make_machine(tags={"a": "b"})
    before = arm.shown(VM)
    arm.done(arm("PATCH", VM, {null: None, "zones": None, "whatever": None}))
    assert arm.shown(VM) == before
