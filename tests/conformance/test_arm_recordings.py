"""Traffic of Azure that Microsoft has recorded, replayed against the simulated cloud. Each request is sent as recorded.

Status, headers and body must be equal, except for the tolerances below. The clock stops while Azure's operation ran,
and advances to its end.
"""

import ast
import json
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.conformance.arm import LONG, SUBSCRIPTION, Arm
from vmops.local.arm.state.clock import ManualClock
from vmops.local.arm.state.lro import timing

FOLDER = Path(__file__).parents[3] / "shared" / "data" / "arm-recordings"
GROUPS = f"/subscriptions/{SUBSCRIPTION}/resourceGroups"
COMPUTE = "test_mgmt_compute.test_virtual_machines_operations"
RECORDINGS = [
    COMPUTE,
    "test_mgmt_network.test_network_interface_card",
    "test_mgmt_network.test_public_ip_addresses",
    "test_mgmt_resource.test_resource_groups",
]
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="no recordings of Azure's traffic beside the checkout")

# Not replayed: what the simulated cloud does not have.
NOT_SERVED = {
    "/providers/Microsoft.Storage/": "storage accounts",
    "/exportTemplate": "templates",
}
# Headers that must be there when and only when they were recorded.
HEADERS = ("azure-asyncoperation", "location", "azure-asyncnotification", "x-ms-failure-cause", "etag")
# Names and times differ in each run; their formats do not.
NAMES = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<guid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+\+00:00"), "<instant>"),
    (re.compile(r"[0-9a-z]{26}\.[a-z]{2}\.internal"), "<suffix>.internal"),
]
# (difference, reason). Retry-After is not compared, because it was removed from the recordings.
TOLERATED = [
    (r"POST .*: header azure-asyncnotification is new", "Azure has added it since: recorded in 2023"),
    (r".*: body .*privateEndpointNetworkPolicies: 'Enabled' became 'Disabled'", "API versions since 2022-07-01"),
    (r"PUT .*: body .*osDisk\.diskSizeGB is new", "shown in the first answer too since 2023"),
    (r".*: body .*instanceView\.(computerName|osName|osVersion) is new", "the recorded machine's agent was not ready"),
    (r".*: body .*instanceView\.vmAgent\..*", "the recorded machine's agent was not ready"),
    (r"GET /subscriptions/[^/]*/resourcegroups: body \.(value|nextLink).*", "there were groups of others"),
    (r"GET /subscriptions/[^/]*/providers/.*: body \.value\[\d+\] is missing", "there were resources of others"),
]


def interactions(name: str) -> list[dict[str, Any]]:
    """Read a recording."""
    found: list[dict[str, Any]] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())["interactions"]
    return found


def body_of(text: Any) -> Any:
    """Read a recorded body, which may be a repr of Python bytes, even twice."""
    while isinstance(text, (str, bytes)) and text[:2] in ("b'", 'b"', b"b'"):
        text = ast.literal_eval(text if isinstance(text, str) else text.decode())
    return json.loads(text) if text else None


def differences(recorded: Any, ours: Any, path: str = "") -> Iterator[str]:
    """List what is missing, new or different in a body."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        yield from (f"body {path}.{key} is missing" for key in recorded.keys() - ours.keys())
        yield from (f"body {path}.{key} is new" for key in ours.keys() - recorded.keys())
        for key in recorded.keys() & ours.keys():
            yield from differences(recorded[key], ours[key], f"{path}.{key}")
    elif isinstance(recorded, list) and isinstance(ours, list):
        yield from (f"body {path}[{n}] is missing" for n in range(len(ours), len(recorded)))
        yield from (f"body {path}[{n}] is new" for n in range(len(recorded), len(ours)))
        for number, (old, new) in enumerate(zip(recorded, ours, strict=False)):
            yield from differences(old, new, f"{path}[{number}]")
    elif nameless(recorded) != nameless(ours):
        yield f"body {path}: {recorded!r} became {ours!r}"


def nameless(value: Any) -> Any:
    """Replace names and instants in a value by their kinds."""
    for pattern, kind in NAMES if isinstance(value, str) else ():
        value = pattern.sub(kind, value)
    return value


def header_differences(recorded: dict[str, Any], ours: Any) -> Iterator[str]:
    """List headers that are missing or new."""
    old = {name.lower() for name in recorded}
    counters = {name for name in old if name.startswith("x-ms-ratelimit-remaining-subscription")}
    for name in sorted({*HEADERS, *counters}):
        if (name in old) != (name in ours):
            yield f"header {name} is {'missing' if name in old else 'new'}"


class Replay:
    """One recording on its way; ``urls`` leads from the recorded operation URLs to ours."""

    def __init__(self, arm: Arm) -> None:
        self.arm = arm
        self.urls: dict[str, str] = {}

    def step(self, request: dict[str, Any], response: dict[str, Any]) -> list[str]:
        """Send a recorded request and return the differences of its answer."""
        status, recorded = response["status"]["code"], body_of(response["body"]["string"])
        if request["uri"] in self.urls and status == 200 and (recorded or {}).get("status") != "InProgress":
            self.arm.clock.advance(LONG)
        parts = urlsplit(request["uri"])
        url = self.urls.get(request["uri"], f"{parts.path}?{parts.query}")
        ours = self.arm.send(request["method"], url, json=body_of(request.get("body")))
        for name, values in response["headers"].items():
            if name.lower() in ("azure-asyncoperation", "location"):
                self.urls[values[0]] = ours.headers.get(name, "")
        found = list(header_differences(response["headers"], ours.headers))
        if ours.status_code == status:
            found += differences(recorded, ours.json() if ours.content else None)
        else:
            found.append(f"status {status} became {ours.status_code}: {ours.text}")
        return [f"{request['method']} {parts.path}: {entry}" for entry in found]


def replay(arm: Arm, name: str) -> list[str]:
    """Replay a recording, in groups that exist before it, and return all differences."""
    served = [x for x in interactions(name) if not any(part in x["request"]["uri"] for part in NOT_SERVED)]
    found = (re.search(r"/resourceGroups/([^/?]+)/providers", x["request"]["uri"]) for x in served)
    for group in {match[1] for match in found if match}:
        assert arm("PUT", f"{GROUPS}/{group}", {"location": "westus"}).status_code == 201
    play = Replay(arm)
    return [entry for x in served for entry in play.step(x["request"], x["response"])]


@pytest.mark.parametrize("name", RECORDINGS)
def test_recorded_traffic_is_answered_as_azure_did(arm: Arm, name: str) -> None:
    """Every exchange has the same status, headers and body."""
    assert [entry for entry in replay(arm, name) if not any(re.fullmatch(row, entry) for row, _ in TOLERATED)] == []


def test_every_tolerance_is_used(tmp_path: Path) -> None:
    """An unused tolerance could hide a difference."""
    found: list[str] = []
    for name in RECORDINGS:
        with Arm(tmp_path / name, ManualClock()) as arm:
            found += replay(arm, name)
    assert [row for row, _ in TOLERATED if not any(re.fullmatch(row, entry) for entry in found)] == []


DURATIONS = [("put", 9), ("deallocate", 17), ("start", 20), ("restart", 24), ("powerOff", 26), ("delete", 29)]


@pytest.mark.parametrize(("verb", "at"), DURATIONS)
def test_operations_take_as_long_as_azure_took(verb: str, at: int) -> None:
    """Our durations are within a third of the recorded ones."""
    ends = [
        body_of(x["response"]["body"]["string"])
        for x in interactions(COMPUTE)[at + 1 :]
        if "operations/" in x["request"]["uri"]
    ]
    end = next(body for body in ends if body["status"] == "Succeeded")
    start, stop = (datetime.fromisoformat(end[key][:26].rstrip("+") + "+00:00") for key in ("startTime", "endTime"))
    took = (stop - start).total_seconds()
    assert timing("Microsoft.Compute/virtualMachines", verb).seconds == pytest.approx(took, rel=1 / 3)
