"""Letter case: ARM's own names match in any case, and chosen names are kept."""

import json
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.arm import COMPUTE, GROUP, LONG, NETWORK, SUBNET, Arm, machine, refusal
from tests.conformance.spelling import ADDRESS, DISK, NET, PATCHES, PUTS, VM, Spelling
from vmops.local.arm.state.clock import ManualClock

VM_PATH = f"{COMPUTE}/virtualMachines/vm"
FRESH = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}|00-0D-3A[-0-9A-F]*")
SPACE = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
BODIES = {
    "Microsoft.Network/virtualNetworks": SPACE,
    "Microsoft.Network/publicIPAddresses": {},
    "Microsoft.Network/networkSecurityGroups": {},
    "Microsoft.Network/networkInterfaces": {"ipConfigurations": [{"properties": {"subnet": {"id": SUBNET}}}]},
    "Microsoft.ManagedIdentity/userAssignedIdentities": {},
    "Microsoft.Compute/disks": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8},
}


@pytest.mark.parametrize("spell", [str.lower, str.upper, str.swapcase])
@pytest.mark.parametrize("kind", BODIES)
def test_a_type_in_another_case_is_the_same_type(arm: Arm, kind: str, spell: type[str]) -> None:
    """A resource that was made at such a path has the ordinary id, type and behaviour."""
    arm.make_network()
    provider, name = kind.split("/")
    sent = f"{GROUP}/{spell('providers')}/{spell(provider)}/{spell(name)}/Mine"
    made = arm.put(sent, properties=BODIES[kind]).json()
    assert (made["id"], made["type"]) == (f"{GROUP}/providers/{kind}/Mine", kind)
    assert [one["id"] for one in arm.shown(f"{GROUP}/resources")["value"] if one["type"] == kind][:1] == [made["id"]]
    arm.done(arm("DELETE", sent))
    assert arm("GET", made["id"]).status_code == 404


def test_a_child_in_another_case_is_the_same_type(arm: Arm) -> None:
    """Types of subnets and rules are shown in ARM's spelling too."""
    arm.make_network()
    sent = f"{NETWORK}/virtualnetworks/NET/SUBNETS/B"
    made = arm.done(arm("PUT", sent, {"properties": {"addressPrefix": "10.0.9.0/24"}}))
    assert made.json()["id"] == f"{NETWORK}/virtualNetworks/net/subnets/B"


@pytest.mark.parametrize("verb", ["START", "poweroff", "DeAllocate"])
def test_a_verb_in_another_case_is_the_same_verb(arm: Arm, verb: str) -> None:
    """The last word of a POST matches in any case."""
    arm.make_machine()
    assert arm("POST", f"{COMPUTE}/virtualMachines/vm/{verb}").status_code == 202


def test_repeated_slashes_count_as_one(arm: Arm) -> None:
    """``az resource show`` sends two; faults strike such paths too."""
    arm.make_group()
    assert arm("GET", f"{GROUP}//").status_code == 200
    rule = {"path": GROUP, "effect": {"do": "refuse", "code": "AuthorizationFailed"}}
    arm.send("PUT", "/_local/faults", json=[rule])
    assert arm("GET", GROUP.replace("/resourceGroups/", "//resourceGroups///")).status_code == 403


def _made(puts: dict[str, Any], patches: dict[str, Any]) -> str:
    """Send requests to a fresh cloud, and give all that exists then and later, without random values."""
    with tempfile.TemporaryDirectory() as folder, Arm(Path(folder) / "cloud.db", ManualClock()) as arm:
        arm.make_group()
        for path, body in puts.items():
            arm.done(arm("PUT", path, body))
        for path, body in patches.items():
            assert arm("PATCH", path, body).status_code == 200
            arm.clock.advance(LONG)
        kept = [arm.shown(plain) for plain in PUTS]
        arm.done(arm("DELETE", VM))
        left = [one["id"] for one in arm.shown(f"{GROUP}/resources")["value"]]
    return FRESH.sub("", json.dumps([kept, left], sort_keys=True))


@cache
def _asked() -> str:
    return _made(PUTS, PATCHES)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0))
def test_requests_match_in_any_case(seed: int) -> None:
    """Names of properties, words, types and sizes in any case have equal results."""
    spell = Spelling(seed)
    puts = {spell.path(plain): spell.body(plain, request) for plain, request in PUTS.items()}
    patches = {spell.path(plain): spell.body(plain, request) for plain, request in PATCHES.items()}
    assert _made(puts, patches) == _asked()


def test_an_answer_is_a_valid_request(arm: Arm) -> None:
    """A PUT accepts what a GET shows, and changes nothing."""
    arm.make_group()
    for path, body in PUTS.items():
        arm.done(arm("PUT", path, body))
    for path in PUTS:
        before = arm.shown(path)
        arm.done(arm("PUT", path, before))
        assert _lasting(arm.shown(path)) == _lasting(before)


def _lasting(shown: dict[str, Any]) -> str:
    return re.sub(r'"etag": "W/[^ ]*', "", json.dumps(shown, sort_keys=True))


def test_a_lower_case_delete_option_takes_effect(arm: Arm) -> None:
    """``delete`` counts as Delete for disks, interfaces and addresses."""
    arm.make_network()
    address = arm.put(f"{NETWORK}/publicIPAddresses/ip", properties={"publicIpAllocationMethod": "static"}).json()["id"]
    arm.make_interface("vm-nic", publicIpAddress={"ID": address, "properties": {"deleteOption": "delete"}})
    request = machine("vm")
    storage, wires = request["properties"]["storageProfile"], request["properties"]["networkProfile"]
    storage["osDisk"] = {"createOption": "fromImage", "deleteOption": "delete"}
    storage["dataDisks"] = [{"lun": 0, "diskSizeGB": 4, "createOption": "empty", "deleteoption": "DELETE"}]
    wires["networkInterfaces"][0]["properties"] = {"DeleteOption": "delete"}
    arm.done(arm("PUT", VM_PATH, request))
    arm.done(arm("DELETE", VM_PATH))
    assert [one["name"] for one in arm.shown(f"{GROUP}/resources")["value"]] == ["net"]


def test_a_lower_case_priority_takes_effect(arm: Arm) -> None:
    """``spot`` counts as Spot: it is shown, counted and evicted as such."""
    arm.make_machine(hardwareProfile__vmSize="standard_d2S_V5", priority="spot", evictionPolicy="DEALLOCATE")
    shown = arm.shown(VM_PATH)["properties"]
    assert (shown["priority"], shown["evictionPolicy"]) == ("Spot", "Deallocate")
    assert arm("POST", f"{VM_PATH}/simulateEviction").status_code == 204


def test_chosen_names_keep_their_case(arm: Arm) -> None:
    """Tags and resource names are unchanged, even if ARM knows the word."""
    tags = {"Priority": "spot", "deleteOption": "DELETE", "Ünï": "ß"}
    made = arm.make_machine(tags=tags)
    assert arm.shown(made)["tags"] == tags


@pytest.mark.parametrize(
    ("path", "body", "expected", "words"),
    [
        (
            ADDRESS,
            {"sKu": {}, "color": 1},
            (400, "InvalidRequestContent"),
            "'color' on object of type 'ResourceDefinition'",
        ),
        (VM_PATH, {"properties": {"osDisk": {}}}, (400, "BadRequest"), "'osDisk' on object of type 'Properties'"),
        (
            VM_PATH,
            {"properties": {"storageProfile": {"dataDisks": [{"size": 1}]}}},
            (400, "BadRequest"),
            "'size' on object of type 'DataDisks'. Path 'properties.storageProfile.dataDisks[0].size'",
        ),
        (DISK, {"properties": {"createOption": "Empty"}}, (400, "BadRequest"), "'createOption'"),
        (ADDRESS, {"properties": {"Sku": {}}}, (400, "InvalidRequestFormat"), "Cannot parse the request."),
        (ADDRESS, {"properties": {"publicIPAllocationMethod": "Fix"}}, (400, "InvalidRequestFormat"), "Cannot parse"),
        (DISK, {"sku": {"name": "Gold"}}, (400, "InvalidParameter"), "sku.name"),
        (VM_PATH, {"properties": {"priority": "Low!"}}, (400, "InvalidParameter"), "parameter priority is invalid"),
        (GROUP, {"properties": {"a": 1}}, (400, "InvalidRequestContent"), "'a' on object of type 'Properties'"),
    ],
)
def test_unknown_members_are_refused(
    arm: Arm, path: str, body: dict[str, Any], expected: tuple[int, str], words: str
) -> None:
    """No unknown property or word is ignored."""
    arm.make_network()
    answer = arm("PUT", path, {"location": "westus2", **body})
    assert refusal(answer) == expected
    assert words in answer.json()["error"]["message"]
    assert expected[1] != "InvalidRequestFormat" or answer.json()["error"]["details"][0]["code"] == "InvalidJson"


def test_a_network_patch_accepts_tags_only(arm: Arm) -> None:
    """Other properties are refused."""
    arm.make_network()
    answer = arm("PATCH", NET, {"tags": {}, "properties": {"enableDdosProtection": True}})
    assert refusal(answer) == (400, "InvalidRequestFormat")


def test_tag_names_match_in_any_case(arm: Arm) -> None:
    """For merging and deleting; values are case-sensitive."""
    arm.make_group()
    tags = f"{GROUP}/providers/microsoft.resources/TAGS/default"

    def change(operation: str, **asked: str) -> Any:
        request = {"Operation": operation, "Properties": {"Tags": asked}}
        return arm("PATCH", tags, request).json()["properties"]["tags"]

    assert change("merge", Owner="a", Other="b") == {"Owner": "a", "Other": "b"}
    assert change("MERGE", owner="c") == {"Other": "b", "owner": "c"}
    assert change("delete", OTHER="B", OWNER="c") == {"Other": "b"}
