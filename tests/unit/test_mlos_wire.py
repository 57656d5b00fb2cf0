"""The statuses that mlos_bench gets for Azure's answers, from an ARM that answers as a case sets."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mlos_bench.environments.status import Status

from tests.unit.clock import stopped_clock
from vmops.core.processes import process_start_time
from vmops.core.state_dir import local_path
from vmops.local.endpoint import Endpoint, Record, write
from vmops.mlos import PulumiVMService
from vmops.spec.names import OWNER_TAG, STACK_TAG
from vmops.spec.target import Target

TARGET = Target.from_params({"vmName": "vm"})
OPERATION = "/subscriptions/s/providers/Microsoft.Compute/locations/westus2/operations/op"
DROPPED = None
WORKING = {"status": "InProgress"}
CREATING = {"provisioningState": "Creating"}
THROTTLED = {"http": 429, "error": {"code": "OperationNotAllowed", "message": "too many requests"}}
RUNS = {"provisioningState": "Succeeded", "instanceView": {"statuses": [{"code": "PowerState/running"}]}}
PARAMS = {"vmName": "vm", "trial_id": 3}

POWER_OFF = "powerOff skipShutdown=false"
FORCED_POWER_OFF = "powerOff skipShutdown=true"
VERBS = {
    "start_host": "start",
    "stop_host": POWER_OFF,
    "shutdown": POWER_OFF,
    "restart_host": "restart",
    "reboot": "restart",
    "deallocate_host": "deallocate",
    "vm_start": "start",
    "vm_stop": POWER_OFF,
    "vm_restart": "restart",
}
FORCED = {"stop_host": FORCED_POWER_OFF, "shutdown": FORCED_POWER_OFF, "restart_host": "restart", "reboot": "restart"}
WAITS = ["wait_host_operation", "wait_os_operation", "wait_vm_operation"]


class Arm(ThreadingHTTPServer):
    """An ARM with one machine: it answers a POST with ``posted``, polls of the operation with ``looks`` in turn, and
    reads of the machine with the properties in ``machines`` in turn.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.posted = 202
        self.looks: list[dict[str, Any] | None] = [{"status": "Succeeded"}]
        self.machines: list[dict[str, Any] | None] = [{}]
        self.after: str | None = None
        self.asked: list[str] = []


class Handler(BaseHTTPRequestHandler):
    """Answer for the one machine, its power actions, and its operation."""

    server: Arm
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        path, _, query = self.path.partition("?")
        options = [each for each in query.split("&") if not each.startswith("api-version=")]
        self.server.asked.append(" ".join([path.rpartition("/")[2], *options]))
        headers = {"Azure-AsyncOperation": self.server.url + OPERATION} if self.server.posted == 202 else {}
        error = {"error": {"code": "Refused", "message": "no"}} if self.server.posted >= 400 else {}
        self.answer(self.server.posted, error, headers)

    def do_GET(self) -> None:
        operation = self.path.startswith(OPERATION)
        looks = self.server.looks if operation else self.server.machines
        look = looks.pop(0) if len(looks) > 1 else looks[0]
        if operation:
            self.server.asked.append(self.path)
        if look is DROPPED:
            self.close_connection = True
            return None
        if not operation:
            tags = {STACK_TAG: TARGET.stack, OWNER_TAG: "tester"}
            known = {"id": TARGET.vm_id, "name": "vm", "type": "Microsoft.Compute/virtualMachines"}
            machine = {**known, "tags": tags, "properties": look}
            return self.answer(look.get("http", 200), look if "http" in look else machine, {})
        after = {"Retry-After": self.server.after} if self.server.after else {}
        return self.answer(look.get("http", 200), look, after)

    def answer(self, status: int, body: dict[str, Any], headers: dict[str, str]) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def arm() -> Iterator[Arm]:
    """Give an ARM on a free port."""
    with Arm() as arm:
        thread = threading.Thread(target=arm.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield arm
        arm.shutdown()
        thread.join()


@pytest.fixture
def service(arm: Arm, tmp_path: Path) -> PulumiVMService:
    """Give a service with this ARM as its local Azure."""
    started = process_start_time(os.getpid())
    assert started is not None
    local_path(tmp_path).mkdir()
    write(tmp_path, Record(Endpoint(arm.url, "token", 1, os.getpid()), started, 0))
    return PulumiVMService({"stateDir": str(tmp_path), "owner": "tester"})


@pytest.mark.parametrize(
    ("answered", "expected"),
    [(200, Status.SUCCEEDED), (202, Status.PENDING), (401, Status.FAILED), (404, Status.FAILED)],
)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_the_status_of_azures_answer(
    service: PulumiVMService, arm: Arm, verb: str, answered: int, expected: Status
) -> None:
    """PENDING has the params and the handle in a new dict; every other status has an empty one."""
    arm.posted = answered
    params = dict(PARAMS)
    status, result = getattr(service, verb)(params)
    handed = {**PARAMS, "asyncResultsUrl": arm.url + OPERATION} if expected is Status.PENDING else {}
    assert (status, result) == (expected, handed)
    assert params == PARAMS
    assert arm.asked == [VERBS[verb]]


@pytest.mark.parametrize("verb", FORCED)
def test_force_skips_the_graceful_shutdown(service: PulumiVMService, arm: Arm, verb: str) -> None:
    """A restart has no such option."""
    assert getattr(service, verb)(PARAMS, force=True)[0] is Status.PENDING
    assert arm.asked == [FORCED[verb]]


@pytest.mark.parametrize("verb", [*VERBS, "provision_host", "deprovision_host", "vm_provision", "vm_deprovision"])
def test_a_verb_without_a_name_is_a_value_error(service: PulumiVMService, arm: Arm, verb: str) -> None:
    """Nothing is requested of Azure."""
    with pytest.raises(ValueError, match="vmName: is required"):
        getattr(service, verb)({})
    assert arm.asked == []


def test_a_critical_unknown_name_fails_the_trial(
    service: PulumiVMService, arm: Arm, caplog: pytest.LogCaptureFixture
) -> None:
    """It raises no exception; other unknown names are ignored."""
    params = {**PARAMS, "sched_latency_ns": 3, "managedIdentityName": "bench"}
    assert service.provision_host(params) == (Status.FAILED, {})
    (record,) = [each for each in caplog.records if each.levelname == "WARNING"]
    assert record.getMessage().startswith(
        "vm: invalid: managedIdentityName: no such parameter; did you mean managedIdentity"
    )
    assert arm.asked == []


def test_vm_name_may_come_from_the_config(arm: Arm, service: PulumiVMService, tmp_path: Path) -> None:
    """One VM for all trials is named once; the wait uses that name, too."""
    named = PulumiVMService({"stateDir": str(tmp_path), "owner": "tester", "vmName": "vm"})
    status, result = named.stop_host({})
    assert (status, result) == (Status.PENDING, {"asyncResultsUrl": arm.url + OPERATION})
    assert named.wait_host_operation(result)[0] is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("machines", "expected"),
    [
        ([CREATING, DROPPED, DROPPED, CREATING, RUNS], (Status.SUCCEEDED, {"id": TARGET.vm_id})),
        ([CREATING, THROTTLED, RUNS], (Status.SUCCEEDED, {"id": TARGET.vm_id})),
        ([CREATING, DROPPED], (Status.FAILED, {})),
        ([CREATING], (Status.TIMED_OUT, {})),
    ],
    ids=["dropped", "throttled", "lost", "endless"],
)
def test_a_wait_without_a_record_polls_arm(
    service: PulumiVMService, arm: Arm, machines: list[Any], expected: tuple[Status, dict[str, Any]]
) -> None:
    """Lost connections and throttling do not end it."""
    arm.machines = list(machines)
    params = {**PARAMS, "pollInterval": 0.01, "pollTimeout": 0.2 if machines == [CREATING] else 120}
    assert service.wait_host_deployment(params, is_setup=True) == expected


@pytest.mark.parametrize("wait", WAITS)
def test_a_wait_without_a_handle_is_pending(service: PulumiVMService, arm: Arm, wait: str) -> None:
    """There is no operation to poll."""
    assert getattr(service, wait)(PARAMS) == (Status.PENDING, {})
    assert arm.asked == []


@pytest.mark.parametrize(
    ("looks", "expected"),
    [
        ([{"status": "Succeeded"}], Status.SUCCEEDED),
        ([{"status": "InProgress"}, {"status": "Succeeded"}], Status.SUCCEEDED),
        ([THROTTLED, {"status": "Succeeded"}], Status.SUCCEEDED),
        ([{"status": "Failed", "error": {"code": "InternalOperationError", "message": "no"}}], Status.FAILED),
        ([{"status": "Canceled"}], Status.FAILED),
        ([{"status": "Sideways"}], Status.FAILED),
        ([{"http": 404, "error": {"code": "NotFound", "message": "no"}}], Status.FAILED),
        ([WORKING, DROPPED, DROPPED, WORKING, {"status": "Succeeded"}], Status.SUCCEEDED),
        ([{"status": "InProgress"}], Status.TIMED_OUT),
    ],
    ids=["at once", "later", "throttled", "failed", "canceled", "a word never seen", "forgotten", "dropped", "endless"],
)
@pytest.mark.parametrize("wait", WAITS)
def test_a_wait_has_the_status_of_the_operation(
    service: PulumiVMService, arm: Arm, wait: str, looks: list[Any], expected: Status
) -> None:
    """It polls exactly the handle, survives a lost connection, and has a result only if the operation succeeded."""
    arm.looks = list(looks)
    params = {**PARAMS, "asyncResultsUrl": arm.url + OPERATION, "pollInterval": 0.01}
    params["pollTimeout"] = 0.5 if expected is Status.TIMED_OUT else 120
    status, result = getattr(service, wait)(params)
    assert (status, result) == (expected, {"status": "Succeeded"} if expected is Status.SUCCEEDED else {})
    assert set(arm.asked) == {OPERATION}


def test_the_poll_interval_of_the_params_is_used(service: PulumiVMService, arm: Arm) -> None:
    """Between the first poll and the one at the deadline there is none."""
    arm.looks = [{"status": "InProgress"}]
    params = {"vmName": "vm", "asyncResultsUrl": arm.url + OPERATION, "pollInterval": 12345, "pollTimeout": 600}
    with stopped_clock():
        assert service.wait_host_operation(params) == (Status.TIMED_OUT, {})
    assert len(arm.asked) == 2


def test_retry_after_takes_precedence_over_the_poll_interval(service: PulumiVMService, arm: Arm) -> None:
    """Retry-After is Azure's word on when to ask again."""
    arm.looks, arm.after = [{"status": "InProgress"}, {"status": "Succeeded"}], "0"
    params = {"vmName": "vm", "asyncResultsUrl": arm.url + OPERATION, "pollInterval": 12345}
    assert service.wait_host_operation(params)[0] is Status.SUCCEEDED


def test_a_poll_timeout_of_zero_polls_once(service: PulumiVMService, arm: Arm) -> None:
    """The status is PENDING."""
    arm.looks = [{"status": "InProgress"}]
    params = {"vmName": "vm", "asyncResultsUrl": arm.url + OPERATION, "pollTimeout": 0}
    assert service.wait_host_operation(params) == (Status.PENDING, {})
    assert len(arm.asked) == 1


def test_a_handle_on_another_host_is_a_value_error(service: PulumiVMService, arm: Arm) -> None:
    """The token is not sent there."""
    with pytest.raises(ValueError, match="is not on this cloud's endpoint"):
        service.wait_host_operation({"vmName": "vm", "asyncResultsUrl": "http://127.0.0.1:1/elsewhere"})
    assert arm.asked == []


def test_an_unreachable_azure_is_failed(service: PulumiVMService, arm: Arm) -> None:
    """After a few attempts, without an exception."""
    arm.looks = [DROPPED]
    assert service.wait_host_operation({"vmName": "vm", "asyncResultsUrl": arm.url + OPERATION}) == (Status.FAILED, {})
    assert len(arm.asked) > 1
