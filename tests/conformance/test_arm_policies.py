"""Active policies: denials, added tags, and the supported parts of rules."""

from typing import Any

import pytest

from tests.conformance.arm import COMPUTE, GROUP, NETWORK, SUBSCRIPTION, Arm, refusal

VM = f"{COMPUTE}/virtualMachines/vm"
WHOLE = f"/subscriptions/{SUBSCRIPTION}"
DENIED = (403, "RequestDisallowedByPolicy")
# After the definitions that Azure has built in.
INHERIT = {
    "name": "inherit-tag",
    "properties": {
        "displayName": "Inherit a tag from the resource group",
        "policyType": "BuiltIn",
        "mode": "Indexed",
        "parameters": {"tagName": {"type": "String", "defaultValue": "team"}},
        "policyRule": {
            "if": {
                "allOf": [
                    {
                        "field": "[concat('tags[', parameters('tagName'), ']')]",
                        "notEquals": "[resourceGroup().tags[parameters('tagName')]]",
                    },
                    {"value": "[resourceGroup().tags[parameters('tagName')]]", "notEquals": ""},
                ]
            },
            "then": {
                "effect": "modify",
                "details": {
                    "roleDefinitionIds": ["/providers/microsoft.authorization/roleDefinitions/x"],
                    "operations": [
                        {
                            "operation": "addOrReplace",
                            "field": "[concat('tags[', parameters('tagName'), ']')]",
                            "value": "[resourceGroup().tags[parameters('tagName')]]",
                        }
                    ],
                },
            },
        },
    },
}
PRIVATE = {
    "name": "no-public-ips",
    "displayName": "Network interfaces should not have public IPs",
    "policyRule": {
        "if": {
            "allOf": [
                {"field": "type", "equals": "Microsoft.Network/networkInterfaces"},
                {
                    "not": {
                        "field": "Microsoft.Network/networkInterfaces/ipconfigurations[*].publicIpAddress.id",
                        "notLike": "*",
                    }
                },
            ]
        },
        "then": {"effect": "deny"},
    },
}
SIZES = {
    "name": "allowed-sizes",
    "displayName": "Allowed virtual machine size SKUs",
    "parameters": {"allowed": {"value": ["Standard_D2s_v5"]}, "effect": {"value": "Deny"}},
    "policyRule": {
        "if": {
            "allOf": [
                {"field": "type", "equals": "Microsoft.Compute/virtualMachines"},
                {"not": {"field": "Microsoft.Compute/virtualMachines/sku.name", "in": "[parameters('allowed')]"}},
            ]
        },
        "then": {"effect": "[parameters('effect')]"},
    },
}
TAGGED = {
    "name": "needs-team",
    "policyRule": {
        "if": {"field": "tags['team']", "exists": "false"},
        "then": {"effect": "deny"},
    },
}


def rule(condition: dict[str, Any], effect: str = "deny", **more: Any) -> dict[str, Any]:
    """Give a policy."""
    then = {"effect": effect} | ({"details": more.pop("details")} if "details" in more else {})
    return {"name": "p", "policyRule": {"if": condition, "then": then}, **more}


def force(arm: Arm, *policies: dict[str, Any]) -> Any:
    """Activate policies, and no others."""
    answer = arm("PUT", "/_local/policies", list(policies))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_denial_names_the_policy_and_its_evaluation(arm: Arm) -> None:
    """In ARM's form, before a provider is called: the write changes nothing."""
    arm.make_network()
    arm.make_interface("vm-nic")
    force(arm, SIZES)
    answer = arm.put_machine()
    assert refusal(answer) == DENIED
    assert answer.headers["x-ms-failure-cause"] == "gateway"
    error = answer.json()["error"]
    home = f"{WHOLE}/providers/Microsoft.Authorization"
    shown = "Allowed virtual machine size SKUs"
    assert error["target"] == "vm"
    assert error["message"] == (
        f"Resource 'vm' was disallowed by policy. Policy identifiers: "
        f'\'[{{"policyAssignment":{{"name":"{shown}","id":"{home}/policyAssignments/allowed-sizes"}},'
        f'"policyDefinition":{{"name":"{shown}","id":"{home}/policyDefinitions/allowed-sizes"}}}}]\'.'
    )
    [violation] = error["additionalInfo"]
    assert (violation["type"], violation["info"]["policyDefinitionEffect"]) == ("PolicyViolation", "deny")
    assert violation["info"]["evaluationDetails"]["evaluatedExpressions"][1] == {
        "result": "False",
        "expressionKind": "Field",
        "expression": "Microsoft.Compute/virtualMachines/sku.name",
        "path": "hardwareProfile.vmSize",
        "expressionValue": "Standard_B2s",
        "targetValue": ["Standard_D2s_v5"],
        "operator": "In",
    }
    assert arm("GET", VM).status_code == 404
    arm.done(arm.put_machine(hardwareProfile__vmSize="Standard_D2s_v5"))
    assert refusal(arm("PATCH", VM, {"properties": {"hardwareProfile": {"vmSize": "Standard_B2s"}}})) == DENIED
    assert arm("PATCH", VM, {"tags": {"a": "b"}}).status_code == 200


def test_a_condition_on_a_list_applies_to_every_element(arm: Arm) -> None:
    """An interface passes only without a public address in any IP configuration."""
    arm.make_network()
    ip = arm.put(f"{NETWORK}/publicIPAddresses/ip", properties={"publicIPAllocationMethod": "Static"}).json()["id"]
    force(arm, PRIVATE)
    arm.make_interface()
    subnet = {"subnet": {"id": f"{NETWORK}/virtualNetworks/net/subnets/sub"}}
    part = {"name": "a", "properties": {**subnet, "publicIPAddress": {"id": ip}}}
    body = {"location": "westus2", "properties": {"ipConfigurations": [part]}}
    assert refusal(arm("PUT", f"{NETWORK}/networkInterfaces/open", body)) == DENIED


def test_a_tag_is_inherited_from_the_group(arm: Arm) -> None:
    """A policy in Azure's form: each written resource gets the group's tag, whatever was requested."""
    arm("PUT", GROUP, {"location": "westus2", "tags": {"Team": "lab"}})
    force(arm, INHERIT)
    path = f"{NETWORK}/publicIPAddresses/ip"
    static = {"properties": {"publicIPAllocationMethod": "Static"}}
    assert arm.put(path, **static).json()["tags"] == {"team": "lab"}
    assert arm.put(path, **static, tags={"team": "mine", "a": "b"}).json()["tags"] == {"team": "lab", "a": "b"}
    assert arm("PATCH", path, {"tags": {"a": "c"}}).json()["tags"] == {"a": "c", "team": "lab"}
    tags = f"{path}/providers/Microsoft.Resources/tags/default"
    arm("PUT", tags, {"properties": {"tags": {}}})
    assert arm.shown(path)["tags"] == {"team": "lab"}
    arm("PATCH", GROUP, {"tags": {}})
    assert arm.put(path, **static, tags={"a": "b"}).json()["tags"] == {"a": "b"}


def test_append_adds_missing_tags_and_changes_none(arm: Arm) -> None:
    """A different value of the tag is denied. Changes are applied before denials."""
    details = [{"field": "tags['team']", "value": "lab"}]
    append = rule({"field": "type", "like": "*/publicIPAddresses"}, "append", details=details)
    arm.make_group()
    force(arm, TAGGED | {"scope": f"{GROUP}/providers"}, append)
    path, static = f"{NETWORK}/publicIPAddresses/ip", {"properties": {"publicIPAllocationMethod": "Static"}}
    assert arm.put(path, **static).json()["tags"] == {"team": "lab"}
    assert refusal(arm("PUT", path, {"location": "westus2", **static, "tags": {"team": "mine"}})) == DENIED


CONDITIONS: list[tuple[dict[str, Any], bool]] = [
    ({"field": "location", "in": ["EastUS", "WestUS2"]}, True),
    ({"field": "location", "notIn": ["eastus"]}, True),
    ({"field": "name", "like": "i*"}, True),
    ({"field": "name", "notLike": "i*"}, False),
    ({"field": "type", "contains": "PublicIP"}, True),
    ({"field": "Microsoft.Network/publicIPAddresses/sku.name", "equals": "standard"}, True),
    ({"field": "Microsoft.Network/publicIPAddresses/publicIPAllocationMethod", "notEquals": "Dynamic"}, True),
    ({"field": "Microsoft.Network/networkInterfaces/enableIPForwarding", "exists": True}, False),
    ({"field": "tags.team", "exists": "false"}, True),
    ({"anyOf": [{"field": "name", "equals": "x"}, {"field": "id", "like": "*/ip"}]}, True),
    ({"allOf": [{"field": "name", "equals": "x"}, {"field": "id", "like": "*/ip"}]}, False),
    ({"value": "[toLower(resourceGroup().location)]", "equals": "WESTUS2"}, True),
    ({"value": "[concat(toUpper('it''s '), field('name'))]", "equals": "IT'S ip"}, True),
    ({"field": "name", "equals": "[[literal]"}, False),
]


@pytest.mark.parametrize(("condition", "met"), CONDITIONS, ids=[str(condition) for condition, _ in CONDITIONS])
def test_conditions_of_policies(arm: Arm, condition: dict[str, Any], met: bool) -> None:
    """Values match in any case, as in Azure."""
    arm.make_group()
    force(arm, rule(condition, scope=f"{GROUP}/providers"))
    body = {"sku": {"name": "Standard"}, "properties": {"publicIPAllocationMethod": "Static"}}
    answer = arm("PUT", f"{NETWORK}/publicIPAddresses/ip", {"location": "westus2", **body})
    assert answer.status_code == (403 if met else 201)


def test_a_policy_applies_to_its_scope_and_mode(arm: Arm) -> None:
    """Mode Indexed skips groups and resources without tags; effects audit and disabled change nothing."""
    force(arm, TAGGED)
    assert refusal(arm("PUT", GROUP, {"location": "westus2"})) == DENIED
    force(arm, TAGGED | {"mode": "Indexed"})
    arm.make_group()
    force(arm, TAGGED | {"scope": f"{GROUP}x"}, rule({"field": "name", "exists": True}, "audit"))
    arm.put(f"{NETWORK}/publicIPAddresses/ip", properties={"publicIPAllocationMethod": "Static"})


def test_policies_are_shown_replaced_and_removed(arm: Arm) -> None:
    """They are shown as they were put, and each list replaces the last."""
    assert arm("GET", "/_local/policies").json() == []
    put = force(arm, SIZES, TAGGED)
    assert [each["name"] for each in put] == ["allowed-sizes", "needs-team"]
    assert arm("GET", "/_local/policies").json() == put
    assert force(arm, *put) == put
    assert arm("DELETE", "/_local/policies").json() == []
    arm.make_group()


WRONG: list[tuple[Any, str]] = [
    ({}, "policies: Input should be a valid list"),
    ([{"name": "p"}], "0.policyRule: Field required"),
    ([rule({"field": "name", "matches": "a"})], "is no condition that is known here"),
    ([rule({"count": {}, "greater": 1})], "is no condition that is known here"),
    ([rule({"field": "name", "equals": "[uniqueString('a')]"})], "uniqueString() is no function that is known here"),
    ([rule({"field": "name", "equals": "[concat('a']"})], "Unable to parse language expression 'concat('a'"),
    ([rule({"field": "name", "exists": True}, "deployIfNotExists")], "the effect 'deployifnotexists' is none of deny"),
    (
        [rule({"field": "name", "exists": True}, "append", details=[{"field": "location", "value": "x"}])],
        "only tags are put into a resource",
    ),
]


@pytest.mark.parametrize(("plain", "words"), WRONG, ids=[words for _, words in WRONG])
def test_an_unsupported_policy_is_refused(arm: Arm, plain: Any, words: str) -> None:
    """The active policies stay."""
    before = force(arm, TAGGED)
    answer = arm("PUT", "/_local/policies", plain)
    assert answer.status_code == 400
    assert words in " ".join(answer.json()["problems"])
    assert arm("GET", "/_local/policies").json() == before
    assert arm.send("PUT", "/_local/policies", content=b"{").json()["problems"] == ["policies: the body is no JSON"]
