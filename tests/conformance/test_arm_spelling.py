"""Words in any case: what ARM knows by name is the same however it is spelled, and what people name stays as it is."""

import pytest

from tests.conformance.arm import COMPUTE, GROUP, NETWORK, SUBNET, Arm

SPACE = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
BODIES = {
    "Microsoft.Network/virtualNetworks": SPACE,
    "Microsoft.Network/publicIPAddresses": {},
    "Microsoft.Network/networkSecurityGroups": {},
    "Microsoft.Network/networkInterfaces": {"ipConfigurations": [{"properties": {"subnet": {"id": SUBNET}}}]},
    "Microsoft.Compute/disks": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8},
}


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.swapcase])
@pytest.mark.parametrize("kind", BODIES)
def test_a_type_in_another_case_is_the_same_type(arm: Arm, kind: str, spell: type[str]) -> None:
    """What is made at a path in another case has the id, type and life of any other."""
    arm.make_network()
    provider, name = kind.split("/")
    sent = f"{GROUP}/{spell('providers')}/{spell(provider)}/{spell(name)}/Mine"
    made = arm.put(sent, properties=BODIES[kind]).json()
    assert (made["id"], made["type"]) == (f"{GROUP}/providers/{kind}/Mine", kind)
    assert [one["id"] for one in arm.shown(f"{GROUP}/resources")["value"] if one["type"] == kind][:1] == [made["id"]]
    arm.done(arm("DELETE", sent))
    assert arm("GET", made["id"]).status_code == 404


def test_a_child_in_another_case_is_the_same_type(arm: Arm) -> None:
    """The types of subnets and rules are spelled as ARM does too."""
    arm.make_network()
    sent = f"{NETWORK}/virtualnetworks/NET/SUBNETS/B"
    made = arm.done(arm("PUT", sent, {"properties": {"addressPrefix": "10.0.9.0/24"}}))
    assert made.json()["id"] == f"{NETWORK}/virtualNetworks/net/subnets/B"


@pytest.mark.parametrize("verb", ["START", "poweroff", "DeAllocate"])
def test_a_verb_in_another_case_is_the_same_verb(arm: Arm, verb: str) -> None:
    """A POST is known by its last word, however that is spelled."""
    arm.make_machine()
    assert arm("POST", f"{COMPUTE}/virtualMachines/vm/{verb}").status_code == 202


def test_slashes_in_a_row_are_one(arm: Arm) -> None:
    """``az resource show`` sends two where a parent would be; a fault strikes such a path too."""
    arm.make_group()
    assert arm("GET", f"{GROUP}//").status_code == 200
    rule = {"path": GROUP, "effect": {"do": "refuse", "code": "AuthorizationFailed"}}
    arm.send("PUT", "/_local/faults", json=[rule])
    assert arm("GET", GROUP.replace("/resourceGroups/", "//resourceGroups///")).status_code == 403
