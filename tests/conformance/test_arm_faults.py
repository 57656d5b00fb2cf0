"""The faults of the simulated cloud: the calls that they strike, and their effects."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import requests

from tests.conformance.arm import API_VERSION, AUTHORIZED, COMPUTE, GROUP, LONG, NETWORK, Arm, Served, refusal
from vmops.core.polling import NotYet, poll_until
from vmops.local.arm.faults.catalogue import FAULTS, IN_GUESTS, REPLICA_LAG
from vmops.local.arm.faults.effects import Lag
from vmops.local.arm.state.clock import ManualClock

FAULTS_PATH = "/_local/faults"
HOW: dict[str, Any] = {"headers": AUTHORIZED, "params": {"api-version": API_VERSION}, "timeout": 60}
VM = f"{COMPUTE}/virtualMachines/vm"


def put(arm: Arm, *rules: dict[str, Any]) -> httpx.Response:
    """Replace the rules."""
    answer = arm("PUT", FAULTS_PATH, list(rules))
    assert answer.status_code == 200, answer.text
    return answer


def put_known(arm: Arm, name: str, **when: Any) -> None:
    """Replace the rules by one of the catalogue."""
    put(arm, dict(FAULTS[name].rule(name, **when).plain()))


def refuse(**rule: Any) -> dict[str, Any]:
    """Give a rule that by default refuses the creation of groups."""
    return {"method": "PUT", "path": GROUP, "effect": {"do": "refuse", "code": "Teapot", **TEAPOT}, **rule}


TEAPOT = {"status": 418, "message": "I am a teapot."}


def struck(arm: Arm, calls: int) -> list[int]:
    """Give the numbers of the struck calls among so many PUTs of a group."""
    answers = [arm("PUT", GROUP, {"location": "westus2"}).status_code for _ in range(calls)]
    return [number for number, status in enumerate(answers, 1) if status == 418]


def test_fault_rules_are_shown_as_they_were_put(arm: Arm) -> None:
    """The list is replaced as a whole; an empty one clears it."""
    rule = refuse(name="tea", nth=2, share=0.5, seed=7, verbs=["create"])
    assert put(arm, rule).json() == arm("GET", FAULTS_PATH).json() == [rule]
    assert put(arm).json() == []


@pytest.mark.parametrize(
    ("when", "numbers"),
    [
        ({}, [1, 2, 3, 4, 5, 6]),
        ({"nth": 3}, [3]),
        ({"times": 2}, [1, 2]),
        ({"nth": 2, "times": 3}, [2, 3, 4]),
        ({"path": "*/RESOURCEGROUPS/R?"}, [1, 2, 3, 4, 5, 6]),
        ({"method": "DELETE"}, []),
        ({"path": "*/resourceGroups/r"}, []),
        ({"verbs": ["update"], "times": 1}, [2]),
    ],
)
def test_a_fault_rule_strikes_its_calls(arm: Arm, when: dict[str, Any], numbers: list[int]) -> None:
    """By method, path, verb and count; other calls are carried out."""
    put(arm, refuse(**when))
    assert struck(arm, 6) == numbers


def test_the_same_seed_strikes_the_same_calls(arm: Arm) -> None:
    """A failed run can be repeated; another seed strikes other calls."""
    runs = []
    for seed in (1, 1, 2):
        put(arm, refuse(share=0.5, seed=seed))
        runs.append(struck(arm, 40))
    assert runs[0] == runs[1] != runs[2]
    assert 10 < len(runs[0]) < 30


def run(database: Path, seed: int) -> tuple[list[Any], list[Any]]:
    """Run several lives on a fresh cloud with many faults; return the answers, and what is left."""
    throttled = {"do": "refuse", "code": "SubscriptionRequestsThrottled"}
    rules = [
        {"path": VM, "verbs": ["create", "start"], "share": 0.4, "effect": {"do": "fail", "code": "AllocationFailed"}},
        {"method": "POST", "share": 0.3, "effect": throttled},
        {"method": "DELETE", "share": 0.3, "effect": {"do": "lose"}},
    ]
    with Arm(database, ManualClock()) as arm:
        arm.make_network()
        arm.make_interface("vm-nic")
        put(arm, *(rule | {"seed": seed} for rule in rules))
        for _ in range(6):
            arm.put_machine()
            for verb in ("deallocate", "start"):
                arm.clock.advance(LONG)
                arm("POST", f"{VM}/{verb}")
            arm.clock.advance(LONG)
            arm("GET", f"{VM}/instanceView")
            arm("DELETE", VM)
            arm.clock.advance(LONG)
        journal = [
            (each["time"], each["method"], re.sub("(?<=/operations/).*", "…", each["path"]), each["status"])
            for each in arm.shown("/_local/journal")
        ]
        left = [(each["id"], each["properties"]["provisioningState"]) for each in arm.shown("/_local/resources")]
        return journal, left


def test_the_same_seed_gives_the_same_run(tmp_path: Path) -> None:
    """All answers and remaining resources are equal, at the same instants, except the ids of operations."""
    runs = [run(tmp_path / f"{number}.db", seed) for number, seed in enumerate((1, 1, 2))]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert {200, 201, 202, 429, 504} <= {status for _, _, _, status in runs[0][0]}


def test_fault_rules_and_counts_survive_the_process(tmp_path: Path) -> None:
    """A restarted daemon continues counting."""
    with Arm(tmp_path / "cloud.db", ManualClock()) as arm:
        put(arm, refuse(nth=3))
        assert struck(arm, 2) == []
    with Arm(tmp_path / "cloud.db", ManualClock()) as arm:
        assert struck(arm, 2) == [1]


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ({}, "0.effect: {} is wrong: Field required"),
        ({"effect": {"do": "refuse", "code": "Teapot"}}, "'Teapot' is no refusal of a request that is known here"),
        ({"effect": {"do": "refuse", "code": "AllocationFailed"}}, "is no refusal of a request"),
        ({"effect": {"do": "fail", "code": "Teapot"}}, "'Teapot' is no refusal that is known here"),
        ({"effect": {"do": "explode"}}, "0.effect"),
        ({"effect": {"do": "drop"}, "nth": 0}, "0.nth: 0 is wrong: Input should be greater than or equal to 1"),
        ({"effect": {"do": "drop"}, "share": 2}, "0.share: 2 is wrong"),
        ({"effect": {"do": "drop"}, "when": "now"}, "0.when: 'now' is wrong"),
    ],
)
def test_an_invalid_fault_rule_is_refused_and_the_active_ones_stay(
    arm: Arm, rule: dict[str, Any], problem: str
) -> None:
    """One sentence names the field, the value and the rule that it breaks."""
    put(arm, refuse())
    answer = arm("PUT", FAULTS_PATH, [rule])
    assert answer.status_code == 400
    assert problem in answer.json()["problems"][0]
    assert len(arm("GET", FAULTS_PATH).json()) == 1


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("quota", 409, "OperationNotAllowed"),
        ("sku-not-available", 409, "SkuNotAvailable"),
        ("throttled", 429, "SubscriptionRequestsThrottled"),
        ("expired-token", 401, "ExpiredAuthenticationToken"),
        ("authorization-failed", 403, "AuthorizationFailed"),
    ],
)
def test_a_refused_create_leaves_no_machine(arm: Arm, name: str, status: int, code: str) -> None:
    """The refusal comes at once with a complete text, and nothing changes."""
    arm.make_network()
    arm.make_interface("vm-nic")
    put_known(arm, name, vm="VM")
    answer = arm.put_machine()
    assert refusal(answer) == (status, code)
    assert "{" not in answer.json()["error"]["message"]
    put(arm)
    assert arm("GET", VM).status_code == 404


def test_throttling_has_the_form_of_its_origin(arm: Arm) -> None:
    """ARM has an error object and names itself; Compute has neither, but names its bucket."""
    put_known(arm, "throttled")
    answer = arm("GET", VM)
    assert (answer.headers["Retry-After"], answer.headers["x-ms-failure-cause"]) == ("10", "gateway")
    put_known(arm, "throttled-by-compute")
    answer = arm("GET", VM)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1200")
    assert answer.headers["x-ms-ratelimit-remaining-resource"] == "Microsoft.Compute/PutVM3Min;0"
    assert answer.json()["code"] == "OperationNotAllowed"
    assert answer.json()["details"][0]["code"] == "TooManyRequests"


@pytest.mark.parametrize(
    ("name", "power"),
    [
        ("allocation-failed", None),
        ("zonal-allocation-failed", None),
        ("internal-operation-error", None),
        ("operation-preempted", None),
        ("os-provisioning-timed-out", "running"),
    ],
)
def test_a_failed_create_leaves_a_failed_machine(arm: Arm, name: str, power: str | None) -> None:
    """The answer is 201. Operation and instance view have the error, and the same PUT repairs the machine."""
    arm.make_network()
    arm.make_interface("vm-nic")
    put_known(arm, name, times=1)
    accepted = arm.put_machine()
    assert (accepted.status_code, arm.poll(accepted).json()["status"]) == (201, "InProgress")
    arm.clock.advance(LONG)
    ended = arm.poll(accepted).json()
    code = FAULTS[name].effect.code  # type: ignore[union-attr]
    assert (ended["status"], ended["error"]["code"]) == ("Failed", code)
    assert arm.shown(VM)["properties"]["provisioningState"] == "Failed"
    first = arm.shown(f"{VM}/instanceView")["statuses"][0]
    assert (first["code"], first["level"]) == (f"ProvisioningState/failed/{code}", "Error")
    assert arm.power() == power
    arm.done(arm.put_machine())
    assert arm.power() == "running"


def test_a_guest_that_does_not_start_fails_the_create(arm: Arm) -> None:
    """Azure waits for the guest's agent. The machine runs, and later calls are not struck."""
    arm.make_network()
    arm.make_interface("vm-nic")
    arm("PUT", "/_local/faults", [IN_GUESTS["guest-never-up"].rule("guest-never-up", "vm").plain()])
    accepted = arm.put_machine()
    arm.clock.advance(LONG)
    ended = arm.poll(accepted).json()
    assert (ended["status"], ended["error"]["code"]) == ("Failed", "OSProvisioningTimedOut")
    assert arm.power() == "running"
    arm.done(arm("POST", f"{VM}/restart"))


def test_a_failed_start_keeps_the_power_state(arm: Arm) -> None:
    """The capacity for a deallocated machine may be gone."""
    arm.make_machine()
    arm.done(arm("POST", f"{VM}/deallocate"))
    put_known(arm, "allocation-failed")
    accepted = arm("POST", f"{VM}/start")
    arm.clock.advance(LONG)
    assert arm.poll(accepted).json()["error"]["code"] == "AllocationFailed"
    assert arm.power() == "deallocated"


def test_a_lost_answer_does_not_undo_the_write(arm: Arm) -> None:
    """The gateway times out, and the machine is made."""
    arm.make_network()
    arm.make_interface("vm-nic")
    put_known(arm, "created-then-504")
    assert refusal(arm.put_machine()) == (504, "GatewayTimeout")
    arm.clock.advance(LONG)
    assert arm.power() == "running"


def test_a_stuck_operation_goes_on_once_the_faults_are_cleared(arm: Arm) -> None:
    """It never ends before, and clients always get a pause."""
    arm.make_network()
    arm.make_interface("vm-nic")
    put_known(arm, "stuck-operation")
    accepted = arm.put_machine()
    arm.clock.advance(100 * LONG)
    poll = arm.poll(accepted)
    assert (poll.json()["status"], poll.headers["Retry-After"]) == ("InProgress", "50")
    put(arm)
    assert arm.poll(accepted).json()["status"] == "Succeeded"


def test_a_conflict_has_the_time_until_the_other_operation_ends(arm: Arm) -> None:
    """Otherwise a client waits for its own 20 or 30 seconds at any pace."""
    arm.make_group()
    network = f"{NETWORK}/virtualNetworks/net"
    body = {"location": "westus2", "properties": {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}}
    arm("PUT", network, body)
    arm.clock.advance(4)
    answer = arm("PUT", network, body)
    assert (refusal(answer), answer.headers["Retry-After"]) == ((409, "AnotherOperationInProgress"), "6")


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve a cloud on a real port, where connections can be lost."""
    with Served(tmp_path / "cloud.db", 1, None) as served:
        yield served


@pytest.mark.parametrize(
    ("effect", "exists"), [({"do": "drop"}, False), ({"do": "lose", "answer": "none"}, True)], ids=["before", "after"]
)
def test_a_connection_is_closed_before_or_after_the_write(served: Served, effect: dict[str, Any], exists: bool) -> None:
    """The client gets no byte of an answer in either case."""
    requests.put(served.url + FAULTS_PATH, json=[refuse(effect=effect)], **HOW).raise_for_status()
    with pytest.raises(requests.ConnectionError):
        requests.put(served.url + GROUP, json={"location": "westus2"}, **HOW)
    assert requests.get(served.url + GROUP, **HOW).ok is exists
    assert requests.get(f"{served.url}/_local/journal", **HOW).json()[0]["status"] == 0


def test_a_call_is_struck_by_the_rules_at_the_end_of_its_body(served: Served) -> None:
    """Rules that are removed while the body arrives do not strike it: nothing would end its delay."""
    requests.put(served.url + FAULTS_PATH, json=[refuse()], **HOW).raise_for_status()
    body = b'{"location": "westus2"}'
    with closing(HTTPConnection(urlsplit(served.url).netloc, timeout=60)) as connection:
        connection.putrequest("PUT", f"{GROUP}?api-version={API_VERSION}")
        for name, value in {**AUTHORIZED, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        journal = lambda: requests.get(f"{served.url}/_local/journal", **HOW).json()  # noqa: E731
        assert poll_until(lambda: journal() or NotYet(0.01), timeout=60)
        requests.put(served.url + FAULTS_PATH, json=[], **HOW).raise_for_status()
        connection.send(body)
        assert connection.getresponse().status == 201


def test_a_delayed_call_is_carried_out(served: Served) -> None:
    """Later, with its ordinary answer."""
    rule = refuse(effect={"do": "delay", "seconds": 0.1})
    requests.put(served.url + FAULTS_PATH, json=[rule], **HOW).raise_for_status()
    assert requests.put(served.url + GROUP, json={"location": "westus2"}, **HOW).status_code == 201


@pytest.mark.parametrize("answer", [False, True], ids=["before", "after"])
def test_a_call_is_delayed_until_the_rules_are_replaced(served: Served, answer: bool) -> None:
    """The delayed call is listed, before or after it was carried out. Other calls are not delayed."""
    rule = refuse(effect={"do": "delay", "answer": answer})
    requests.put(served.url + FAULTS_PATH, json=[rule], **HOW).raise_for_status()
    with ThreadPoolExecutor() as threads:
        late = threads.submit(requests.put, served.url + GROUP, json={"location": "westus2"}, **HOW)
        kept = poll_until(lambda: requests.get(f"{served.url}/_local/kept", **HOW).json() or NotYet(0.01), timeout=60)
        assert kept == [f"PUT {GROUP}"]
        assert requests.get(served.url + GROUP, **HOW).ok is answer
        assert not late.done()
        requests.put(served.url + FAULTS_PATH, json=[], **HOW).raise_for_status()
        assert late.result().status_code == 201
    assert requests.get(f"{served.url}/_local/kept", **HOW).json() == []


def test_a_lagging_replica_hides_new_resources(arm: Arm) -> None:
    """Reads answer 404 and lists omit them until the lag is over; writes and operations see them."""
    arm.make_group()
    arm.clock.advance(LONG)
    put(arm, dict(REPLICA_LAG.rule("replica-lag", effect=Lag(seconds=30)).plain()))
    path = f"{NETWORK}/publicIPAddresses/ip"
    body = {"location": "westus2", "properties": {"publicIPAllocationMethod": "Static"}}
    assert arm("PUT", path, body).status_code == 201
    arm.clock.advance(29)
    assert arm("GET", GROUP).status_code == 200
    assert refusal(arm("GET", path)) == (404, "ResourceNotFound")
    assert arm.shown(f"{NETWORK}/publicIPAddresses")["value"] == arm.shown(f"{GROUP}/resources")["value"] == []
    assert arm("PUT", path, body).status_code == 200
    arm.clock.advance(1)
    assert arm.shown(path)["properties"]["provisioningState"] == "Succeeded"
    assert len(arm.shown(f"{GROUP}/resources")["value"]) == 1


def test_replica_lag_strikes_a_share_of_reads(arm: Arm) -> None:
    """A resource appears and disappears until the lag is over."""
    arm.make_group()
    put(arm, dict(REPLICA_LAG.rule("replica-lag", share=0.5, seed=1, effect=Lag(seconds=30)).plain()))
    first = [arm("GET", GROUP).status_code for _ in range(20)]
    assert set(first) == {200, 404}
    arm.clock.advance(30)
    assert {arm("GET", GROUP).status_code for _ in range(20)} == {200}


def test_the_lag_of_a_replica_follows_the_pace(tmp_path: Path) -> None:
    """Its seconds are Azure's."""
    with Arm(tmp_path / "cloud.db", ManualClock(), pace=0.1) as arm:
        arm.make_group()
        put(arm, dict(REPLICA_LAG.rule("replica-lag", effect=Lag(seconds=30)).plain()))
        arm.clock.advance(2.5)
        assert refusal(arm("GET", GROUP)) == (404, "ResourceGroupNotFound")
        arm.clock.advance(0.5)
        assert arm("GET", GROUP).status_code == 200
