"""The local provider's requests to ARM, and its handling of the answers."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.unit.clock import stopped_clock
from vmops.core.errors import CloudError, VmopsError
from vmops.local.provider.arm import Arm, Call, DeadlinePassed, Stopped
from vmops.local.provider.crud import InitFailed, Resource
from vmops.local.provider.resource_types import RESOURCE_GROUP, SUBNET, VIRTUAL_MACHINE, VIRTUAL_NETWORK

Reply = tuple[int, dict[str, str], dict[str, Any]]

GROUP = "/subscriptions/s/resourceGroups/g"
NOWHERE = "http://127.0.0.1:9"
MACHINE = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/net"
OPERATION = "/subscriptions/s/providers/Microsoft.Compute/locations/westus2/operations/1"
NOT_FOUND: Reply = (404, {}, {"error": {"code": "ResourceNotFound", "message": "not found"}})
SOON = {"x-ms-retry-after-ms": "1"}
BODY = {"id": MACHINE, "name": "vm", "location": "westus2", "properties": {"provisioningState": "Succeeded"}}
INPUTS = {"resourceGroupName": "g", "vmName": "vm", "location": "westus2"}


class ScriptedArm(ThreadingHTTPServer):
    """An ARM that answers each request from a script, and repeats the last answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: dict[str, list[Reply]] = {}
        self.heard: list[str] = []
        self.bodies: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def say(self, request: str, *replies: Reply) -> None:
        self.script[request] = list(replies)

    def reply(self, request: str, body: dict[str, Any]) -> Reply:
        self.heard.append(request)
        self.bodies.append(body)
        lines = self.script[request]
        return lines.pop(0) if len(lines) > 1 else lines[0]


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedArm
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length) or b"{}")
        status, headers, content = self.server.reply(f"{self.command} {self.path.partition('?')[0]}", body)
        payload = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(payload))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_PUT = do_DELETE = do_POST = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing."""


@pytest.fixture
def arm() -> Iterator[ScriptedArm]:
    """Give a scripted ARM for one test."""
    with ScriptedArm() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def call(seconds: float = 30.0) -> Call:
    return Call(time.monotonic() + seconds, stopped=lambda: False)


def machine(arm: ScriptedArm) -> Resource:
    return Resource(Arm(arm.url, "token"), VIRTUAL_MACHINE, MACHINE)


def began(arm: ScriptedArm, status: int = 201) -> Reply:
    body = {**BODY, "properties": {"provisioningState": "Creating"}}
    return status, {"Azure-AsyncOperation": f"{arm.url}{OPERATION}?api-version=1", **SOON}, body


def test_create_is_four_requests(arm: ScriptedArm) -> None:
    """It checks that the resource does not exist, puts it, polls the operation once, and reads the resource."""
    arm.say(f"GET {MACHINE}", NOT_FOUND, (200, {}, BODY))
    arm.say(f"PUT {MACHINE}", began(arm))
    arm.say(f"GET {OPERATION}", (200, {}, {"status": "Succeeded"}))
    arm_id, outputs = machine(arm).create(call(), INPUTS)
    assert (arm_id, outputs["provisioningState"]) == (MACHINE, "Succeeded")
    assert arm.heard == [f"GET {MACHINE}", f"PUT {MACHINE}", f"GET {OPERATION}", f"GET {MACHINE}"]


def test_create_refuses_an_existing_resource(arm: ScriptedArm) -> None:
    """A resource that is there already belongs to someone: it is not written over."""
    arm.say(f"GET {MACHINE}", (200, {}, BODY))
    with pytest.raises(VmopsError, match=f"^cannot create already existing resource '{MACHINE}'$"):
        machine(arm).create(call(), INPUTS)
    assert arm.heard == [f"GET {MACHINE}"]


def test_create_uses_arms_spelling_of_the_id(arm: ScriptedArm) -> None:
    """ARM's casing of an id is the one that other resources will show."""
    spelled = MACHINE.replace("/g/", "/G/")
    arm.say(f"GET {MACHINE}", NOT_FOUND, (200, {}, BODY))
    arm.say(f"PUT {MACHINE}", (201, {}, {**BODY, "id": spelled}))
    assert machine(arm).create(call(), INPUTS)[0] == spelled


def test_a_refused_put_creates_no_partial_resource(arm: ScriptedArm) -> None:
    """A refusal of the PUT itself leaves nothing, so the engine must not believe that something exists."""
    arm.say(f"GET {MACHINE}", NOT_FOUND)
    arm.say(f"PUT {MACHINE}", (409, {}, {"error": {"code": "SkuNotAvailable", "message": "no such size here"}}))
    with pytest.raises(CloudError, match=r"^no such size here$") as refusal:
        machine(arm).create(call(), INPUTS)
    assert (refusal.value.status, refusal.value.code) == (409, "SkuNotAvailable")


def test_a_failed_operation_leaves_a_partial_resource(arm: ScriptedArm) -> None:
    """The engine gets its id and state with the reason."""
    arm.say(f"GET {MACHINE}", NOT_FOUND, (200, {}, {**BODY, "properties": {"provisioningState": "Failed"}}))
    arm.say(f"PUT {MACHINE}", began(arm))
    failed = {"status": "Failed", "error": {"code": "AllocationFailed", "message": "no capacity"}}
    arm.say(f"GET {OPERATION}", (200, SOON, {"status": "InProgress"}), (200, {}, failed))
    with pytest.raises(InitFailed, match=r'^Status=200 Code="AllocationFailed" Message="no capacity"$') as failure:
        machine(arm).create(call(), INPUTS)
    assert (failure.value.arm_id, failure.value.inputs) == (MACHINE, INPUTS)
    assert failure.value.outputs["provisioningState"] == "Failed"


def test_an_unreadable_partial_resource_keeps_its_id(arm: ScriptedArm) -> None:
    """Otherwise the engine would forget it."""
    arm.say(f"GET {MACHINE}", NOT_FOUND, (403, {}, {"error": {"code": "AuthorizationFailed", "message": "no"}}))
    arm.say(f"PUT {MACHINE}", began(arm))
    arm.say(f"GET {OPERATION}", (200, {}, {"status": "Canceled"}))
    with pytest.raises(InitFailed, match=r"^resource created but read failed: .*AuthorizationFailed.*Canceled") as half:
        machine(arm).create(call(), INPUTS)
    assert (half.value.arm_id, half.value.outputs) == (MACHINE, {})


def test_a_failed_read_after_a_write_is_a_success(arm: ScriptedArm) -> None:
    """The answer to the write is used."""
    arm.say(f"GET {MACHINE}", NOT_FOUND, (403, {}, {"error": {"code": "AuthorizationFailed", "message": "no"}}))
    arm.say(f"PUT {MACHINE}", (201, {}, BODY))
    assert machine(arm).create(call(), INPUTS)[1]["name"] == "vm"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_transient_errors_are_retried(arm: ScriptedArm, status: int) -> None:
    """After the time that the service names, as azcore does."""
    arm.say(f"GET {MACHINE}", (status, SOON, {}), (200, {}, BODY))
    assert machine(arm).read(call())
    assert len(arm.heard) == 2


def test_another_operation_in_progress_is_retried(arm: ScriptedArm) -> None:
    """Network answers so while a neighbour is being written; it is over soon."""
    busy = {"error": {"code": "AnotherOperationInProgress", "message": "wait"}}
    arm.say(f"DELETE {MACHINE}", (409, SOON, busy), (204, {}, {}))
    machine(arm).delete(call())
    assert arm.heard == [f"DELETE {MACHINE}"] * 2


def test_other_conflicts_are_not_retried(arm: ScriptedArm) -> None:
    """A conflict that only the user can resolve is reported at once."""
    arm.say(f"DELETE {MACHINE}", (409, SOON, {"error": {"code": "Conflict", "message": "no"}}))
    with pytest.raises(CloudError, match="no"):
        machine(arm).delete(call())
    assert len(arm.heard) == 1


def test_a_missing_arm_is_restarted_for_waiting_calls(arm: ScriptedArm) -> None:
    """It may have another address; a cancelled call does not restart it."""
    arm.say(f"GET {MACHINE}", (200, {}, BODY))
    asked: list[str] = []

    def revive() -> str:
        asked.append(arm.url)
        return arm.url

    resource = Resource(Arm(NOWHERE, "token", revive), VIRTUAL_MACHINE, MACHINE)
    assert resource.read(call()) is not None
    assert asked == [arm.url]
    answers = iter((False, True, True))
    leaving = Call(time.monotonic() + 30, stopped=lambda: next(answers))
    with pytest.raises(Stopped):
        Resource(Arm(NOWHERE, "token", revive), VIRTUAL_MACHINE, MACHINE).read(leaving)
    assert asked == [arm.url]


def test_a_missing_provider_registration_is_made(arm: ScriptedArm) -> None:
    """As azcore does, and the request is repeated."""
    register = f"POST /subscriptions/{MACHINE.split('/')[2]}/providers/Microsoft.Compute/register"
    missing: Reply = (409, {}, {"error": {"code": "MissingSubscriptionRegistration", "message": "not registered"}})
    arm.say(f"GET {MACHINE}", missing, (200, {}, BODY))
    arm.say(register, (200, {}, {"registrationState": "Registered"}))
    assert machine(arm).read(call()) is not None
    assert arm.heard == [f"GET {MACHINE}", register, f"GET {MACHINE}"]


def test_a_lasting_error_ends_after_three_retries(arm: ScriptedArm) -> None:
    """A service that stays down is reported with its own words."""
    arm.say(f"GET {MACHINE}", (503, SOON, {"error": {"code": "ServerBusy", "message": "still busy"}}))
    with pytest.raises(CloudError, match=r"^still busy$"):
        machine(arm).read(call())
    assert len(arm.heard) == 4


def test_read_of_a_missing_resource_is_none(arm: ScriptedArm) -> None:
    """The engine drops from its state what ARM does not know."""
    arm.say(f"GET {MACHINE}", NOT_FOUND)
    assert machine(arm).read(call()) is None


def test_delete_of_a_missing_resource_succeeds(arm: ScriptedArm) -> None:
    """Absence is what a delete is for."""
    arm.say(f"DELETE {MACHINE}", NOT_FOUND)
    machine(arm).delete(call())
    assert arm.heard == [f"DELETE {MACHINE}"]


def test_delete_whose_operation_vanishes_succeeds(arm: ScriptedArm) -> None:
    """With the resource its operation may go: that too is absence."""
    arm.say(f"DELETE {MACHINE}", (202, {"Azure-AsyncOperation": f"{arm.url}{OPERATION}?api-version=1", **SOON}, {}))
    arm.say(f"GET {OPERATION}", NOT_FOUND)
    machine(arm).delete(call())
    assert arm.heard == [f"DELETE {MACHINE}", f"GET {OPERATION}"]


def test_a_location_is_polled_while_it_answers_202(arm: ScriptedArm) -> None:
    """As for the deletion of a group."""
    first, then = (f"/subscriptions/s/operationresults/{number}" for number in (1, 2))
    arm.say(f"DELETE {GROUP}", (202, {"Location": f"{first}?api-version=1", **SOON}, {}))
    arm.say(f"GET {first}", (202, {"Location": f"{arm.url}{then}?api-version=1", **SOON}, {}))
    arm.say(f"GET {then}", (202, SOON, {}), (200, {}, {}))
    Resource(Arm(arm.url, "token"), RESOURCE_GROUP, GROUP).delete(call())
    assert arm.heard == [f"DELETE {GROUP}", f"GET {first}", f"GET {then}", f"GET {then}"]


def test_without_headers_the_provisioning_state_is_polled(arm: ScriptedArm) -> None:
    """A service that names no operation tells how far it is in the resource itself."""
    making = {**BODY, "properties": {"provisioningState": "Updating"}}
    arm.say(f"PUT {MACHINE}", (200, SOON, making))
    arm.say(f"GET {MACHINE}", (200, SOON, making), (200, {}, BODY))
    assert machine(arm).update(call(), INPUTS)["provisioningState"] == "Succeeded"


def test_an_operation_on_another_host_is_not_polled(arm: ScriptedArm) -> None:
    """The token is not sent there."""
    arm.say(f"GET {MACHINE}", NOT_FOUND, (200, {}, BODY))
    arm.say(f"PUT {MACHINE}", (201, {"Azure-AsyncOperation": "http://127.0.0.1:1/elsewhere"}, BODY))
    with pytest.raises(InitFailed, match=r"'http://127.0.0.1:1/elsewhere' is not at"):
        machine(arm).create(call(), INPUTS)


def test_the_custom_timeout_ends_the_wait(arm: ScriptedArm) -> None:
    """An accepted resource keeps its id."""
    arm.say(f"GET {MACHINE}", NOT_FOUND, (200, {}, BODY))
    arm.say(f"PUT {MACHINE}", (201, {"Azure-AsyncOperation": f"{arm.url}{OPERATION}", "Retry-After": "60"}, BODY))
    with stopped_clock(), pytest.raises(InitFailed, match="operation timed out") as half:
        machine(arm).create(call(0.5), INPUTS)
    assert half.value.arm_id == MACHINE
    assert arm.heard == [f"GET {MACHINE}", f"PUT {MACHINE}"]


def test_no_retry_is_sent_after_the_deadline(arm: ScriptedArm) -> None:
    """A retry that would come too late is not made."""
    arm.say(f"GET {MACHINE}", (503, {"Retry-After": "60"}, {}))
    with stopped_clock(), pytest.raises(DeadlinePassed):
        machine(arm).read(call(0.2))
    assert len(arm.heard) == 1


def test_cancel_ends_a_wait_and_keeps_the_resource(arm: ScriptedArm) -> None:
    """The refusal has the id of an accepted create."""
    cancelled = threading.Event()
    arm.say(f"GET {MACHINE}", NOT_FOUND)
    arm.say(f"PUT {MACHINE}", began(arm))
    arm.say(f"GET {OPERATION}", (200, {"Retry-After": "60"}, {"status": "InProgress"}))
    waiting = Call(time.monotonic() + 30, stopped=lambda: cancelled.is_set() or _set_after_poll(arm, cancelled))
    with pytest.raises(InitFailed, match="operation canceled") as half:
        machine(arm).create(waiting, INPUTS)
    assert half.value.arm_id == MACHINE
    assert arm.heard[-1] == f"GET {OPERATION}"


def _set_after_poll(arm: ScriptedArm, cancelled: threading.Event) -> bool:
    if f"GET {OPERATION}" in arm.heard:
        cancelled.set()
    return cancelled.is_set()


def test_nothing_is_written_for_a_dead_engine(arm: ScriptedArm) -> None:
    """It may have died between the read and the write."""
    arm.say(f"GET {MACHINE}", NOT_FOUND)
    dead = Call(time.monotonic() + 30, stopped=lambda: bool(arm.heard))
    with pytest.raises(Stopped):
        machine(arm).create(dead, INPUTS)
    assert arm.heard == [f"GET {MACHINE}"]


def test_update_keeps_undeclared_children(arm: ScriptedArm) -> None:
    """A PUT of a network replaces its subnets."""
    subnets = [{"name": "default", "properties": {"addressPrefix": "10.0.0.0/24"}}]
    stored = {"id": NETWORK, "name": "net", "properties": {"provisioningState": "Succeeded", "subnets": subnets}}
    arm.say(f"GET {NETWORK}", (200, {}, stored))
    arm.say(f"PUT {NETWORK}", (200, {}, stored))
    network = Resource(Arm(arm.url, "token"), VIRTUAL_NETWORK, NETWORK)
    network.update(call(), {"resourceGroupName": "g", "virtualNetworkName": "net", "tags": {"a": "b"}})
    assert arm.bodies[1] == {"properties": {"subnets": subnets}, "tags": {"a": "b"}}


def test_create_sends_an_empty_list_of_children(arm: ScriptedArm) -> None:
    """A new network has an explicit empty list of subnets."""
    arm.say(f"GET {NETWORK}", NOT_FOUND, (200, {}, {"id": NETWORK}))
    arm.say(f"PUT {NETWORK}", (201, {}, {"id": NETWORK, "properties": {"provisioningState": "Succeeded"}}))
    network = Resource(Arm(arm.url, "token"), VIRTUAL_NETWORK, NETWORK)
    network.create(call(), {"resourceGroupName": "g", "virtualNetworkName": "net"})
    assert arm.bodies[1] == {"properties": {"subnets": [], "virtualNetworkPeerings": []}}


def test_path_parameters_are_not_in_the_body(arm: ScriptedArm) -> None:
    """Names are in the URL, flags are the provider's own: ARM would refuse them in a body."""
    subnet = f"{NETWORK}/subnets/a"
    arm.say(f"GET {subnet}", NOT_FOUND, (200, {}, {"id": subnet}))
    arm.say(f"PUT {subnet}", (201, {}, {"id": subnet, "properties": {"provisioningState": "Succeeded"}}))
    names = {"resourceGroupName": "g", "virtualNetworkName": "net", "subnetName": "a"}
    flags = {"__createBeforeDelete": True, "azureApiVersion": "2024-05-01"}
    Resource(Arm(arm.url, "token"), SUBNET, subnet).create(call(), {**names, **flags, "addressPrefix": "10.0.0.0/24"})
    assert arm.bodies[1] == {"properties": {"addressPrefix": "10.0.0.0/24"}}
