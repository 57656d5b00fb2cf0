"""Token buckets in the cloud's own time: Compute's for each machine, ARM's and Network's for a subscription."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.conformance.arm import COMPUTE, NETWORK, Arm
from vmops.local.arm.state.clock import ManualClock

VM = f"{COMPUTE}/virtualMachines/vm"
NIC = f"{NETWORK}/networkInterfaces/nic"
GROUP = COMPUTE.partition("/providers")[0]
ARM_READS = 25
"""Requests that ARM accepts from a subscription per second, once its bucket of 250 is empty."""
# request → (burst, rate per minute, bucket)
LIMITS: dict[str, tuple[Callable[[Arm], httpx.Response], int, int, str]] = {
    "update": (lambda arm: arm("PATCH", VM, {}), 12, 4, "UpdateVMResource"),
    "put": (lambda arm: arm("PUT", VM, {}), 12, 4, "PutVMResource"),
    "delete": (lambda arm: arm("POST", f"{VM}/simulateEviction"), 12, 4, "DeleteVMResource"),
    "get": (lambda arm: arm("GET", f"{VM}/instanceView"), 36, 12, "LowCostGetResource"),
    "list": (lambda arm: arm("GET", f"{COMPUTE}/virtualMachines"), 900, 300, "HighCostGetSubscriptionMaximum"),
}


def admitted(arm: Arm, ask: Callable[[Arm], httpx.Response], most: int) -> tuple[int, httpx.Response]:
    """Send requests until a provider throttles them; return how many were not, and the refusal.

    Slowly enough for ARM itself.
    """
    for number in range(most + 1):
        answer = ask(arm)
        if number % ARM_READS == ARM_READS - 1:
            arm.clock.advance(arm.pace)
        if answer.status_code == 429:
            return number, answer
    raise AssertionError(f"{most + 1} requests were not throttled")


@pytest.mark.parametrize("name", LIMITS)
def test_a_bucket_is_emptied_and_refilled(arm: Arm, name: str) -> None:
    """A refusal has a pause, and takes no token."""
    ask, capacity, refill, bucket = LIMITS[name]
    arm.make_group()
    number, refused = admitted(arm, ask, capacity)
    assert number == capacity
    assert refused.headers["x-ms-ratelimit-remaining-resource"] == f"Microsoft.Compute/{bucket};0"
    arm.clock.advance(int(refused.headers["Retry-After"]))
    assert admitted(arm, ask, refill)[0] == refill


@pytest.mark.parametrize("name", LIMITS)
def test_the_counters_include_throttled_requests(arm: Arm, name: str) -> None:
    """The counters in an answer are those of the policy that refuses it, for every method."""
    ask, *_, bucket = LIMITS[name]
    policy = bucket.removesuffix("Resource").removesuffix("SubscriptionMaximum")
    shown = ask(arm).headers["x-ms-ratelimit-remaining-resource"]
    assert shown.startswith(f"Microsoft.Compute/{policy}3Min;")
    assert f",Microsoft.Compute/{policy}30Min;" in shown


def test_polls_count_for_the_machine(arm: Arm) -> None:
    """45 polls at once over all of its operations, then 15 a minute."""
    arm.make_network()
    arm.make_interface("vm-nic")
    created = arm.put_machine()
    assert admitted(arm, lambda arm: arm.poll(created), 45)[0] == 45
    arm.clock.advance(600)
    assert admitted(arm, lambda arm: arm.poll(created), 45)[0] == 45
    arm.clock.advance(60)
    begun = arm("POST", f"{VM}/restart")
    assert admitted(arm, lambda arm: arm.poll(begun), 45)[0] == 15
    assert admitted(arm, lambda arm: arm.poll(created), 45)[0] == 0


def test_the_refusal_has_compute_s_form(arm: Arm) -> None:
    """It has no outer object and names the bucket and its limit, and nothing has changed."""
    arm.make_machine()
    _, refused = admitted(arm, lambda arm: arm("POST", f"{VM}/reapply"), 12)
    body = refused.json()
    assert (body["code"], body["details"][0]["code"]) == ("OperationNotAllowed", "TooManyRequests")
    measured = json.loads(body["details"][0]["message"])
    assert (measured["operationGroup"], measured["allowedRequestCount"]) == ("UpdateVMResource", 12)
    assert int(refused.headers["Retry-After"]) <= 60


def test_each_machine_has_its_own_bucket(arm: Arm) -> None:
    """Requests for one machine do not throttle another, and reads do not count as writes."""
    arm.make_group()
    admitted(arm, lambda arm: arm("GET", VM), 36)
    assert arm("GET", f"{COMPUTE}/virtualMachines/other").status_code == 404
    assert arm("PATCH", VM, {}).status_code == 404
    assert arm("GET", VM.upper()).status_code == 429


@pytest.mark.parametrize(("pace", "minute"), [(0.02, 1.2), (1, 60)])
def test_buckets_refill_in_the_clouds_time(tmp_path: Path, pace: float, minute: float) -> None:
    """A faster cloud refills them faster, and its pauses are shorter."""
    with Arm(tmp_path / "cloud.db", ManualClock(), pace) as arm:
        arm.make_group()
        admitted(arm, lambda arm: arm("GET", VM), 36)
        arm.clock.advance(minute)
        assert admitted(arm, lambda arm: arm("GET", VM), 12)[0] == 12


def test_nothing_is_throttled_at_pace_zero(tmp_path: Path) -> None:
    """No time passes at pace 0, so buckets are unlimited."""
    with Arm(tmp_path / "cloud.db", ManualClock(), 0) as arm:
        arm.make_group()
        assert {arm("GET", VM).status_code for _ in range(100)} == {404}


def at_once(arm: Arm, method: str, path: str, most: int) -> tuple[int, httpx.Response]:
    """Send requests until one is throttled, and return how many were not, and the refusal."""
    for number in range(most + 1):
        answer = arm(method, path, {})
        if answer.status_code == 429:
            return number, answer
    raise AssertionError(f"{most + 1} requests were not throttled")


@pytest.mark.parametrize(
    ("method", "kind", "capacity", "each_second"),
    [("GET", "read", 250, 25), ("PUT", "write", 200, 10), ("DELETE", "delete", 200, 10)],
)
def test_a_subscription_is_throttled_by_arm(arm: Arm, method: str, kind: str, capacity: int, each_second: int) -> None:
    """A bucket for each kind of request; the refusal has the front door's form."""
    nowhere = f"{GROUP}x/providers/Microsoft.Compute/images/none"
    number, refused = at_once(arm, method, nowhere, capacity)
    assert number == capacity
    assert refused.json()["error"]["code"] == "SubscriptionRequestsThrottled"
    assert f"Number of '{kind}' requests" in refused.json()["error"]["message"]
    assert (refused.headers["Retry-After"], refused.headers["x-ms-failure-cause"]) == ("1", "gateway")
    arm.clock.advance(1)
    assert at_once(arm, method, nowhere, capacity)[0] == each_second


def test_network_accepts_a_thousand_writes_in_five_minutes(arm: Arm) -> None:
    """Writes and deletions count together; reads, and Compute's requests, do not."""
    for number in range(1000):
        assert arm("DELETE" if number % 2 else "PUT", NIC, {}).status_code != 429
        arm.clock.advance(0.05)
    refused = arm("PUT", NIC, {})
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "TooManyRequests")
    assert 240 < int(refused.headers["Retry-After"]) <= 251
    assert arm("GET", NIC).status_code == 404
    assert arm("PUT", VM, {}).status_code != 429
    arm.clock.advance(251)
    assert arm("DELETE", NIC).status_code != 429
