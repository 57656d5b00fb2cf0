"""The simulated cloud's answers to malformed requests."""

import copy
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.arm import COMPUTE, GROUP, NETWORK, SUBNET, Arm, machine, refusal
from vmops.local.arm.state.clock import ManualClock
from vmops.local.arm.state.secrets import matches, seal

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
)
REQUESTS: dict[str, dict[str, Any]] = {
    f"{COMPUTE}/virtualMachines/vm": machine(),
    f"{NETWORK}/virtualNetworks/other": {
        "location": "westus2",
        "properties": {
            "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
            "subnets": [{"name": "a", "properties": {"addressPrefix": "10.0.0.0/24"}}],
        },
    },
    f"{NETWORK}/networkInterfaces/nic": {
        "location": "westus2",
        "properties": {"ipConfigurations": [{"name": "a", "properties": {"subnet": {"id": SUBNET}}}]},
    },
    f"{NETWORK}/publicIPAddresses/ip": {
        "location": "westus2",
        "sku": {"name": "Standard"},
        "properties": {"publicIPAllocationMethod": "Static", "dnsSettings": {"domainNameLabel": "a"}},
    },
    f"{NETWORK}/networkSecurityGroups/nsg": {
        "location": "westus2",
        "properties": {
            "securityRules": [
                {
                    "name": "a",
                    "properties": {
                        "priority": 100,
                        "direction": "Inbound",
                        "access": "Allow",
                        "protocol": "Tcp",
                        "destinationPortRange": "22",
                    },
                }
            ]
        },
    },
    f"{COMPUTE}/disks/disk": {
        "location": "westus2",
        "sku": {"name": "Standard_LRS"},
        "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8},
    },
}


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the paths to all values inside a value."""
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield (*path, key)
        yield from places(part, (*path, key))


def spoiled(request: dict[str, Any], place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """Return a request with one value replaced."""
    request = copy.deepcopy(request)
    holder: Any = request
    for step in place[:-1]:
        holder = holder[step]
    holder[place[-1]] = value
    return request


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arm]:
    """Give a cloud with a network and an interface, which all requests here share."""
    with Arm(tmp_path_factory.mktemp("arm") / "cloud.db", ManualClock()) as client:
        client.make_network()
        client.make_interface("vm-nic")
        yield client


@given(st.data())
@settings(max_examples=80)
def test_any_mutated_request_is_accepted_or_refused(arm: Arm, data: st.DataObject) -> None:
    """It is never an internal error."""
    path = data.draw(st.sampled_from(sorted(REQUESTS)))
    place = data.draw(st.sampled_from(list(places(REQUESTS[path]))))
    request = spoiled(REQUESTS[path], place, data.draw(VALUES))
    for left in (path, f"{COMPUTE}/disks/vm-os"):
        arm("DELETE", left)
        arm.clock.advance(600)
    if data.draw(st.booleans()):
        arm.done(arm("PUT", path, REQUESTS[path]))
    for method in ("PUT", "PATCH"):
        answer = arm(method, path, request)
        assert answer.status_code < 500, answer.text
        arm.clock.advance(600)
        assert arm("GET", f"{GROUP}/resources").status_code == 200


DEPLOYMENT = f"{GROUP}/providers/Microsoft.Resources/deployments/d"
TEMPLATE: dict[str, Any] = {
    "parameters": {"a": {"type": "string", "defaultValue": "[resourceGroup().name]", "allowedValues": ["rg"]}},
    "variables": {"b": ["[parameters('a')]"], "copy": [{"name": "c", "count": 2, "input": "[copyIndex('c')]"}]},
    "resources": [
        {
            "type": "Microsoft.Compute/disks",
            "apiVersion": "2024-03-02",
            "name": "[concat('disk', copyIndex())]",
            "location": "westus2",
            "copy": {"name": "disks", "count": 2, "mode": "serial"},
            "condition": "[not(empty(variables('b')))]",
            "tags": {"a": "[string(variables('c')[1])]"},
            "properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8},
        },
        {
            "type": "Microsoft.Network/publicIPAddresses",
            "apiVersion": "2024-05-01",
            "name": "ip",
            "location": "[reference('disk1', '2024-03-02', 'Full').location]",
            "dependsOn": ["disks"],
            "sku": {"name": "Standard"},
            "properties": {"publicIPAllocationMethod": "Static"},
        },
    ],
    "outputs": {"o": {"type": "string", "value": "[reference('ip').ipAddress]"}},
}
EXPRESSIONS = st.sampled_from(
    ["[", "[]", "[null()]", "[1]", "[createObject()]", "[reference('ip')]", "[variables('c')]"]
)


@given(st.data())
@settings(max_examples=100)
def test_any_mutated_template_is_refused_or_finishes(arm: Arm, data: st.DataObject) -> None:
    """A template with anything at any place is refused or carried out, and then it comes to an end."""
    place = data.draw(st.sampled_from(list(places(TEMPLATE))))
    template = spoiled(TEMPLATE, place, data.draw(VALUES | EXPRESSIONS))
    body = {"properties": {"mode": "Incremental", "template": template}}
    for method, path in (("POST", f"{DEPLOYMENT}/validate"), ("PUT", DEPLOYMENT)):
        answer = arm(method, path, body)
        assert answer.status_code < 500, answer.text
    arm.clock.advance(3600)
    assert arm("GET", f"{GROUP}/resources").status_code == 200
    if answer.status_code < 300:
        shown = arm.shown(DEPLOYMENT)
        assert shown["properties"]["provisioningState"] in ("Succeeded", "Failed")
        assert "InternalServerError" not in str(shown)


def test_a_too_deeply_nested_template_is_refused(arm: Arm) -> None:
    """By the JSON parser, or below its limit by ours."""
    for depth in (300, 900, 100_000):
        opened, closed = '{"a":' * depth, "}" * depth
        parts = '{"properties":{"mode":"Incremental","template":{"resources":[],"variables":{"v":', '},"outputs":{"o":'
        value = '{"type":"object","value":"[variables(\'v\')]"}}}}}'
        text = f"{parts[0]}{opened}1{closed}{parts[1]}{value}"
        answer = arm.send("PUT", f"{DEPLOYMENT}x{depth}?api-version=2022-09-01", content=text)
        assert answer.status_code in (201, 400), answer.text
        arm.clock.advance(600)
        assert arm("GET", GROUP).status_code == 200


def test_an_exception_is_an_internal_error(tmp_path: Path) -> None:
    """It has ARM's form and the cause, and is in the journal."""
    with Arm(tmp_path / "cloud.db", ManualClock()) as arm:
        arm.make_group()
        with sqlite3.connect(tmp_path / "cloud.db") as db:
            db.execute("DROP TABLE resource")
        db.close()
        answer = arm("GET", GROUP)
        assert refusal(answer) == (500, "InternalServerError")
        assert "no such table" in answer.json()["error"]["message"]
        assert arm("GET", "/_local/journal").json()[-1]["status"] == 500


def test_a_refused_write_changes_nothing(tmp_path: Path) -> None:
    """A request that is refused halfway leaves no partial change."""
    with Arm(tmp_path / "cloud.db", ManualClock()) as arm:
        arm.make_network()
        space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
        wrong = [{"name": name, "properties": {"addressPrefix": "10.0.9.0/24"}} for name in ("a", "b")]
        body = {"location": "westus2", "properties": space | {"subnets": wrong}}
        assert refusal(arm("PUT", f"{NETWORK}/virtualNetworks/net", body)) == (400, "NetcfgSubnetRangesOverlap")
        subnets = arm.shown(f"{NETWORK}/virtualNetworks/net")["properties"]["subnets"]
        assert [subnet["name"] for subnet in subnets] == ["sub"]


def test_a_secret_is_stored_as_a_salted_hash() -> None:
    """It distinguishes the same secret from another, differs each time, and does not contain it."""
    sealed = seal("secret")
    assert matches("secret", sealed)
    assert not matches("Secret", sealed)
    assert sealed != seal("secret")
    assert "secret" not in sealed


def test_two_clouds_on_one_file_share_their_state(tmp_path: Path) -> None:
    """No state is kept in memory only."""
    with Arm(tmp_path / "cloud.db", ManualClock()) as first, Arm(tmp_path / "cloud.db", ManualClock()) as second:
        first.make_machine()
        second.clock.advance(10_000)
        assert second.shown(f"{COMPUTE}/virtualMachines/vm") == first.shown(f"{COMPUTE}/virtualMachines/vm")


def test_the_state_file_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    """Other users cannot read the cloud's state."""
    with Arm(tmp_path / "cloud.db", ManualClock()):
        assert (tmp_path / "cloud.db").stat().st_mode & 0o777 == 0o600
