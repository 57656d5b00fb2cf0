"""A recorded deployment by azure-native 2.76, replayed call by call to the stand-in on the local Azure.

Each call of the engine is sent as recorded, and each answer must be equal, except for the tolerances below. The
recorded provider had its subscription from a login; this one is configured with it.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message import Message
from pulumi.runtime.proto import plugin_pb2
from pulumi.runtime.proto import provider_pb2 as protocol
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from vmops.local import daemon

RECORDING = Path(__file__).parents[3] / "shared" / "data" / "provider" / "networked-vm.provider.jsonl"
SUBSCRIPTION = "0282681f-7a9e-424b-80b2-96babd57a8a1"
REQUESTS: dict[str, type[Message]] = {
    "Attach": plugin_pb2.PluginAttach,
    "GetPluginInfo": Empty,
    "CheckConfig": protocol.CheckRequest,
    "Configure": protocol.ConfigureRequest,
    "Check": protocol.CheckRequest,
    "Create": protocol.CreateRequest,
}
pytestmark = pytest.mark.skipif(not RECORDING.is_file(), reason="no recorded calls of azure-native beside the checkout")

# Names and times differ in each run; their formats do not.
NAMES = [
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<guid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT[0-9:.]+\+00:00"), "<instant>"),
    (re.compile(r"[0-9a-z]{26}\.[a-z]{2}\.internal"), "<suffix>.internal"),
    (re.compile(r"(?<=_OsDisk_1_)[0-9a-f]{32}"), "<random>"),
]
# (difference, reason)
TOLERATED = [
    (
        r"GetPluginInfo: .version: '2\.76\.0' became '3\..*'",
        "the recording is of version 2; the local Azure is version 3",
    ),
    (r"Configure: .supportsAutonamingConfiguration: is new", "later releases follow the engine's naming rules"),
    (r"(Check|Create) .*azureApiVersion: is new", "version 3 keeps the API version in inputs and outputs"),
    (r"Create .*: .properties.__inputs: is gone", "version 3 has the old inputs from the engine, and keeps no copy"),
    (
        r"Check (\w+): .inputs.\w+Name: '\1[0-9a-f]{8}' became '\1[0-9a-f]{8}'",
        "made from the same seed by another hash",
    ),
]


def recorded() -> list[dict[str, Any]]:
    """Read the calls."""
    return [json.loads(line) for line in RECORDING.read_text().splitlines()]


def subject(call: dict[str, Any]) -> str:
    """Name a call: ``Create vnet``."""
    return f"{call['method'].rpartition('/')[2]} {call['request'].get('name', '')}".strip()


def differences(was: Any, now: Any, path: str = "") -> Iterator[str]:
    """List the differences of an answer from the recorded one."""
    if isinstance(was, dict) and isinstance(now, dict):
        for name in sorted(was.keys() | now.keys()):
            yield from _member(was, now, name, f"{path}.{name}")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for index, (before, after) in enumerate(zip(was, now, strict=True)):
            yield from differences(before, after, f"{path}[{index}]")
    elif was != now:
        yield f"{path}: {was!r} became {now!r}"


def _member(was: dict[str, Any], now: dict[str, Any], name: str, path: str) -> Iterator[str]:
    if name not in now:
        yield f"{path}: is gone"
    elif name not in was:
        yield f"{path}: is new"
    else:
        yield from differences(was[name], now[name], path)


def impersonal(answer: Any) -> Any:
    """Replace values that differ each time."""
    text = json.dumps(answer)
    for pattern, name in NAMES:
        text = pattern.sub(name, text)
    return json.loads(text)


def replay(port: int) -> Iterator[str]:
    """Send every recorded call, and list every difference."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ResourceProviderStub(channel)
        for call in recorded():
            method = call["method"].rpartition("/")[2]
            request = ParseDict(call["request"], REQUESTS[method]())
            if isinstance(request, protocol.ConfigureRequest):
                request.variables["azure-native:config:subscriptionId"] = SUBSCRIPTION
            try:
                answer = MessageToDict(getattr(stub, method)(request))
            except grpc.RpcError as refusal:
                yield f"{subject(call)}: refused: {refusal.details()}"
                continue
            for difference in differences(impersonal(call["response"]), impersonal(answer)):
                yield f"{subject(call)}: {difference}"


def test_recorded_calls_are_answered_as_by_the_real_provider(state_dir: Path) -> None:
    """Every answer is equal except for tolerances, each of which occurs."""
    found = list(replay(daemon.ensure(state_dir, 0).provider))
    strange = [each for each in found if not any(re.fullmatch(pattern, each) for pattern, _ in TOLERATED)]
    unused = [pattern for pattern, _ in TOLERATED if not any(re.fullmatch(pattern, each) for each in found)]
    assert (strange, unused) == ([], [])
