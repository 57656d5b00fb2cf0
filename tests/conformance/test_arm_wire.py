"""The wire: headers, envelopes, operations, authentication, and the calls that only this cloud has."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conformance.arm import (
    API_VERSION,
    AUTHORIZED,
    COMPUTE,
    GROUP,
    NETWORK,
    SUBNET,
    SUBSCRIPTION,
    TOKEN,
    Arm,
    machine,
    refusal,
)
from vmops.core.polling import NotYet, poll_until
from vmops.local.arm.state.clock import ManualClock

VM = f"{COMPUTE}/virtualMachines/vm"
NET = f"{NETWORK}/virtualNetworks/net"


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer wrong", f"bearer {TOKEN}", f"Basic {TOKEN}"])
def test_every_path_requires_the_token(arm: Arm, value: str | None) -> None:
    """Without it every call answers 401 in ARM's form, also below /_local."""
    headers = {"Authorization": value or ""}
    for path in (f"{GROUP}?api-version={API_VERSION}", "/_local/resources", "/_local/reset"):
        answer = arm.send("GET", path, headers=headers)
        assert refusal(answer) == (401, "AuthenticationFailed")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")


def test_an_api_version_is_required(arm: Arm) -> None:
    """A missing or malformed version is refused."""
    for query, code in (("", "Missing"), ("?api-version=", "Missing"), ("?api-version=v1", "Invalid")):
        assert refusal(arm.send("GET", GROUP + query)) == (400, f"{code}ApiVersionParameter")
    arm.make_group()
    assert arm.send("GET", f"{GROUP}?api-version=2020-06-01-PREVIEW").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", f"{GROUP}/providers/Microsoft.Nope/things/a", (404, "InvalidResourceNamespace")),
        ("GET", f"{COMPUTE}/things/a", (404, "InvalidResourceType")),
        ("GET", "/nowhere", (404, "InvalidResourceNamespace")),
        ("GET", f"/subscriptions/{SUBSCRIPTION}/providers/Nope", (404, "InvalidResourceNamespace")),
        ("GET", f"{VM}/providers/Microsoft.Nope/things/a", (404, "InvalidResourceNamespace")),
        ("PUT", f"{COMPUTE}/sshPublicKeys/a", (404, "InvalidResourceType")),
        ("DELETE", f"{COMPUTE}/virtualMachines", (405, "MethodNotAllowed")),
    ],
)
def test_unknown_paths_are_refused(arm: Arm, method: str, path: str, expected: tuple[int, str]) -> None:
    """By the front door, in words that name the local Azure."""
    answer = arm(method, path)
    assert refusal(answer) == expected
    assert expected[0] == 405 or "the local Azure" in answer.json()["error"]["message"]
    assert answer.headers["x-ms-failure-cause"] == "gateway"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{", "Expecting property name"),
        (b"[]", "an object is expected"),
        (b'{"location": 1}', "location is no proper str"),
        (b'{"properties": NaN}', "NaN is no JSON"),
        (b'{"tags": {"a": "\\ud800"}}', "surrogates not allowed"),
        (b'{"a":' * 100_000, "recursion"),
        (b'{"location": "westus2", "tags": {"a": 1}}', "tags.a is no proper str"),
        (b'{"location": "westus2", "properties": []}', "properties is no proper dict"),
        (b'{"location": "westus2", "properties": {"subnets": [null]}}', "properties.subnets is no proper list"),
        (b'{"location": "westus2", "properties": {"subnets": [{"name": 1}]}}', "subnets[0].name is no proper str"),
    ],
)
def test_an_invalid_body_names_the_position(arm: Arm, body: bytes, reason: str) -> None:
    """The answer is 400 with one sentence."""
    arm.make_group()
    answer = arm.send("PUT", f"{NET}?api-version={API_VERSION}", content=body)
    assert refusal(answer) == (400, "InvalidRequestContent")
    assert reason in answer.json()["error"]["message"]


def test_each_provider_has_its_error_form(arm: Arm) -> None:
    """Network always adds details, Compute only with a cause, and neither claims to be the gateway."""
    arm.make_machine()
    network = arm("DELETE", f"{NETWORK}/networkInterfaces/vm-nic")
    assert network.json()["error"]["details"] == []
    compute = arm.put_machine(priority="Spot")
    assert set(compute.json()["error"]) == {"code", "message", "target"}
    for answer in (network, compute):
        assert "x-ms-failure-cause" not in answer.headers


def test_every_answer_has_the_standard_headers(arm: Arm) -> None:
    """Caching is off, and requests have ids."""
    arm.make_group()
    for answer in (arm("GET", GROUP), arm("GET", NET), arm("HEAD", GROUP)):
        assert answer.headers["Cache-Control"] == "no-cache"
        assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["x-ms-request-id"])
        assert answer.headers["x-ms-correlation-request-id"]
        assert re.fullmatch(r"LOCAL:\d{8}T\d{6}Z:[0-9a-f-]{36}", answer.headers["x-ms-routing-request-id"])


def test_remaining_request_counters_decrease(arm: Arm) -> None:
    """Reads, writes and deletes count by subscription, Compute's in its own buckets, and windows end."""
    arm.make_group()
    before = int(arm("GET", GROUP).headers["x-ms-ratelimit-remaining-subscription-reads"])
    assert int(arm("GET", GROUP).headers["x-ms-ratelimit-remaining-subscription-reads"]) == before - 1
    first = arm("PUT", VM, machine()).headers["x-ms-ratelimit-remaining-resource"]
    assert first == "Microsoft.Compute/PutVM3Min;239,Microsoft.Compute/PutVM30Min;1199"
    arm.clock.advance(180)
    second = arm("PUT", VM, machine()).headers["x-ms-ratelimit-remaining-resource"]
    assert second == "Microsoft.Compute/PutVM3Min;239,Microsoft.Compute/PutVM30Min;1198"


def test_compute_answers_with_status_and_result_urls(arm: Arm) -> None:
    """A create has only the status; a verb has both, distinguished by an opaque query."""
    arm.make_network()
    arm.make_interface("vm-nic")
    created = arm.put_machine()
    assert "Location" not in created.headers
    assert created.headers["Azure-AsyncNotification"] == "Enabled"
    assert created.headers["Retry-After"] == "10"
    arm.done(created)
    verb = arm("POST", f"{VM}/deallocate")
    status, result = verb.headers["Azure-AsyncOperation"], verb.headers["Location"]
    assert status.partition("?")[0] == result.partition("?")[0]
    assert "monitor=true" in result
    assert status.startswith(
        f"http://arm.test/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/westus2/"
    )
    waiting = arm.send("GET", result)
    assert (waiting.status_code, waiting.content, waiting.headers["Location"]) == (202, b"", result)
    arm.done(verb)
    assert (arm.send("GET", result).status_code, arm.send("GET", result).content) == (200, b"")


def test_a_status_of_compute_has_name_and_times(arm: Arm) -> None:
    """In ARM's format; endTime is absent until the end."""
    arm.make_machine()
    verb = arm("POST", f"{VM}/restart")
    running = arm.poll(verb)
    assert running.status_code == 200
    assert set(running.json()) == {"startTime", "status", "name"}
    assert running.headers["Retry-After"] == "8"
    arm.clock.advance(8)
    ended = arm.poll(verb)
    assert set(ended.json()) == {"startTime", "endTime", "status", "name"}
    assert "Retry-After" not in ended.headers
    assert ended.json()["startTime"] < ended.json()["endTime"]


def test_a_status_of_network_is_bare_and_a_deletion_ends_in_204(arm: Arm) -> None:
    """The status has nothing else, and the result of a deletion has another URL."""
    arm.make_network()
    deleted = arm("DELETE", NET)
    result = deleted.headers["Location"]
    assert "/operationResults/" in result
    assert arm.poll(deleted).json() == {"status": "InProgress"}
    assert arm.send("GET", result).status_code == 202
    arm.done(deleted)
    assert arm.poll(deleted).json() == {"status": "Succeeded"}
    assert arm.send("GET", result).status_code == 204


def test_a_failed_result_is_an_error(arm: Arm) -> None:
    """The status URL answers 200; the result URL answers with the error."""
    arm.make_machine()
    verb = arm("POST", f"{VM}/redeploy")
    arm("DELETE", VM)
    assert arm.poll(verb).status_code == 200
    assert refusal(arm.send("GET", verb.headers["Location"])) == (409, "OperationPreempted")


def test_an_unknown_operation_is_not_found(arm: Arm) -> None:
    """So is an operation of another subscription."""
    arm.make_machine()
    verb = arm("POST", f"{VM}/restart").headers["Azure-AsyncOperation"]
    far = verb.replace(SUBSCRIPTION, "11111111-1111-1111-1111-111111111111")
    assert refusal(arm.send("GET", far)) == (404, "NotFound")
    assert arm.send("GET", verb).status_code == 200


@pytest.mark.parametrize(
    ("pace", "first"),
    [
        (1, {"Retry-After": "10"}),
        (0.15, {"Retry-After": "2"}),
        (0.02, {"x-ms-retry-after-ms": "200"}),
        (0, {"x-ms-retry-after-ms": "1"}),
    ],
)
def test_retry_after_follows_the_pace(tmp_path: Path, pace: float, first: dict[str, str]) -> None:
    """Below a second it is in milliseconds, without Retry-After, which clients would round to 0."""
    with Arm(tmp_path / "cloud.db", ManualClock(), pace) as arm:
        arm.make_network()
        arm.make_interface("vm-nic")
        headers = arm.put_machine().headers
        found = {name: headers[name] for name in ("Retry-After", "x-ms-retry-after-ms") if name in headers}
        assert found == first


def test_every_poll_has_a_retry_after_at_a_fast_pace(tmp_path: Path) -> None:
    """Where Azure sends none, clients would wait half a minute."""
    with Arm(tmp_path / "cloud.db", ManualClock(), 0.02) as arm:
        arm.make_machine()
        verb = arm("POST", f"{VM}/powerOff")
        assert verb.headers["x-ms-retry-after-ms"] == "130"
        assert arm.poll(verb).headers["x-ms-retry-after-ms"] == "130"


def test_pace_zero_ends_an_operation_by_its_first_poll(tmp_path: Path) -> None:
    """The create answers 201 and Creating, and has ended at the first poll."""
    with Arm(tmp_path / "cloud.db", ManualClock(), 0) as arm:
        arm.make_network()
        arm.make_interface("vm-nic")
        created = arm.put_machine()
        assert created.json()["properties"]["provisioningState"] == "Creating"
        assert arm.poll(created).json()["status"] == "Succeeded"


def test_the_journal_has_every_request_in_order(arm: Arm) -> None:
    """Method, path and status of ARM's calls, also refused ones, but not of those below /_local."""
    arm.make_group()
    arm("GET", GROUP, expand="x")
    arm.send("GET", GROUP, headers={"Authorization": "Bearer wrong"})
    arm("GET", "/_local/health")
    journal = arm("GET", "/_local/journal").json()
    assert [(entry["method"], entry["path"], entry["status"]) for entry in journal] == [
        ("PUT", GROUP, 201),
        ("GET", GROUP, 200),
        ("GET", GROUP, 401),
    ]
    assert journal[0]["time"] == arm.clock.now()


def test_local_resources_lists_everything(arm: Arm) -> None:
    """Groups, children and disks of all subscriptions, each with the five usual members."""
    assert arm("GET", "/_local/resources").json() == []
    arm.make_machine(tags={"a": "b"})
    listed = arm("GET", "/_local/resources").json()
    assert {entry["id"] for entry in listed} == {
        GROUP,
        NET,
        SUBNET,
        f"{NETWORK}/networkInterfaces/vm-nic",
        VM,
        f"{COMPUTE}/disks/vm-os",
    }
    assert all({"id", "name", "type", "location", "tags"} <= set(entry) for entry in listed)


def test_reset_deletes_everything(arm: Arm) -> None:
    """Running operations included."""
    arm.make_network()
    arm.make_interface("vm-nic")
    created = arm.put_machine()
    assert arm("POST", "/_local/reset").status_code == 200
    assert arm("GET", "/_local/resources").json() == []
    assert arm("GET", "/_local/journal").json() == []
    assert refusal(arm.poll(created)) == (404, "NotFound")
    assert arm("HEAD", GROUP).status_code == 404


def test_an_api_version_shows_its_properties(arm: Arm) -> None:
    """The requested version decides, not the one that made the resource."""
    arm.make_machine()
    nic = f"{NETWORK}/networkInterfaces/vm-nic"
    old = arm.send("GET", f"{nic}?api-version=2019-11-01").json()["properties"]
    new = arm.send("GET", f"{nic}?api-version=2024-05-01").json()["properties"]
    assert new.keys() - old.keys() == {
        *("nicType", "kind", "vnetEncryptionSupported", "auxiliaryMode", "auxiliarySku", "disableTcpStateTracking"),
        "allowPort25Out",
    }
    assert "timeCreated" not in arm.send("GET", f"{VM}?api-version=2021-07-01").json()["properties"]
    assert "timeCreated" in arm.send("GET", f"{VM}?api-version=2021-11-01").json()["properties"]


SERVE = """
import socket, sys
from pathlib import Path
import uvicorn
from vmops.local.arm.app import create_app
listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
listener.bind(("127.0.0.1", 0))
listener.listen()
print(listener.getsockname()[1], flush=True)
app = create_app(Path(sys.argv[1]), sys.argv[2])
uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none")).run(sockets=[listener])
"""


@contextmanager
def killed_at_the_end(database: Path) -> Iterator[httpx.Client]:
    """Serve a cloud from a separate process, and kill it with SIGKILL."""
    command = [sys.executable, "-c", SERVE, str(database), TOKEN]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        base, version = f"http://127.0.0.1:{process.stdout.readline().strip()}", {"api-version": API_VERSION}
        try:
            with httpx.Client(base_url=base, headers=AUTHORIZED, params=version, timeout=60, trust_env=False) as client:
                yield client
        finally:
            process.kill()


def ended(client: httpx.Client, accepted: httpx.Response) -> Any:
    """Poll an operation until it has ended, with its own pauses."""
    path = urlsplit(accepted.headers["Azure-AsyncOperation"]).path

    def look() -> Any:
        seen = client.get(path)
        running = seen.json()["status"] == "InProgress"
        bid = seen.headers.get("Retry-After") or float(seen.headers.get("x-ms-retry-after-ms", 0)) / 1000
        return NotYet(float(bid)) if running else seen.json()

    return poll_until(look, timeout=120)


def test_machines_and_operations_survive_kill_9(tmp_path: Path) -> None:
    """Acknowledged writes exist after the kill, and running operations continue."""
    space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
    subnets = [{"name": "sub", "properties": {"addressPrefix": "10.0.0.0/24"}}]
    part = {"name": "a", "properties": {"subnet": {"id": SUBNET}}}
    with killed_at_the_end(tmp_path / "cloud.db") as client:
        client.put(GROUP, json={"location": "westus2"})
        ended(client, client.put(NET, json={"location": "westus2", "properties": space | {"subnets": subnets}}))
        nic = {"location": "westus2", "properties": {"ipConfigurations": [part]}}
        client.put(f"{NETWORK}/networkInterfaces/vm-nic", json=nic)
        accepted = client.put(VM, json=machine())
        assert accepted.status_code == 201
    with killed_at_the_end(tmp_path / "cloud.db") as client:
        assert ended(client, accepted)["status"] == "Succeeded"
        assert client.get(VM).json()["properties"]["vmId"] == accepted.json()["properties"]["vmId"]


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_the_result_of_a_write_is_the_resource(arm: Arm, method: str) -> None:
    """The result has what a GET shows, as clients with final-state-via location require."""
    arm.make_group()
    disk = f"{COMPUTE}/disks/d"
    body = {"properties": {"creationData": {"createOption": "Empty"}, "diskSizeGB": 8}}
    begun = arm.put(disk, **body)
    if method == "PATCH":
        begun = arm.done(arm("PATCH", disk, {"tags": {"a": "b"}}))
    result = arm.send("GET", begun.headers["Location"])
    assert (result.status_code, result.json()) == (200, arm.shown(disk))


def test_the_result_of_a_network_write_is_the_resource(arm: Arm) -> None:
    """Network's result is at another path than its status."""
    arm.make_group()
    address = f"{NETWORK}/publicIPAddresses/a"
    status = arm.put(address).headers["Azure-AsyncOperation"]
    assert arm.send("GET", status.replace("/operations/", "/operationResults/")).json() == arm.shown(address)


def test_the_result_of_a_power_verb_is_empty(arm: Arm) -> None:
    """200 without a body, as recorded."""
    arm.make_machine()
    result = arm.send("GET", arm.done(arm("POST", f"{VM}/restart")).headers["Location"])
    assert (result.status_code, result.content) == (200, b"")
