"""The client of Azure Resource Manager: resources, absence, refusals and long-running operations."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.arm import API_VERSION, COMPUTE, GROUP, NETWORK, SUBSCRIPTION
from tests.functional.world import NIC, NSG, VM, World, machine_body, quick_world, slow_world
from vmops.azure import power
from vmops.azure.client import Arm
from vmops.azure.clouds import Cloud
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core.errors import CloudError, SpecError
from vmops.core.failures import FailureKind


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with slow_world(tmp_path) as world:
        yield world


def test_arm_get_returns_a_resource_or_none(world: World) -> None:
    """None stands for an absent resource and for a resource in an absent group."""
    assert world.arm.get(NIC) is None
    world.put(GROUP)
    assert world.arm.get(NIC) is None
    found = world.arm.get(GROUP)
    assert found is not None
    assert found["id"] == GROUP


@pytest.mark.parametrize("ask", ["get", "delete", "contents"])
def test_arm_wrong_token_raises_cloud_error(world: World, ask: str) -> None:
    """A refused login must not look like absence."""
    stranger = Arm(Cloud("local", world.url, token="guessed"), timeout=10)
    with pytest.raises(CloudError) as refusal:
        getattr(stranger, ask)(GROUP)
    assert (refusal.value.status, refusal.value.code) == (401, "AuthenticationFailed")
    assert failure_from_cloud_error(refusal.value).kind is FailureKind.AUTH


def test_arm_without_an_answer_raises_a_retryable_error() -> None:
    """A cloud that is down proves neither existence nor absence. Its port is kept so that no other cloud gets it."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        endpoint = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(CloudError, match="does not answer") as silence:
            Arm(Cloud("local", endpoint, token="any"), timeout=10).get(GROUP)
    assert (silence.value.status, failure_from_cloud_error(silence.value).kind) == (0, FailureKind.INTERRUPTED)


@pytest.mark.parametrize(
    ("az", "kind", "words"),
    [
        ("exec sleep 600", FailureKind.TIMEOUT, "gave no token in time"),
        ("echo Please run 'az login' to setup account. >&2; exit 1", FailureKind.AUTH, "no Azure login"),
    ],
)
@pytest.mark.parametrize("sdk", [False, True], ids=["request", "power verb"])
def test_arm_waits_for_a_slow_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, az: str, kind: FailureKind, words: str, sdk: bool
) -> None:
    """Many concurrent `az` calls are slow. The advice is not to log in, because the same call may succeed."""
    (tmp_path / "az").write_text(f"#!/bin/sh\n{az}\n")
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "AzureCliCredential")
    arm = Arm(Cloud("public", "https://127.0.0.1:1", authority="https://127.0.0.1:1"), timeout=1)
    with pytest.raises(CloudError, match=words) as refused:
        power.begin(arm, VM, power.Action.START) if sdk else arm.get(GROUP)
    failure = failure_from_cloud_error(refused.value)
    assert (failure.kind, failure.retryable) == (kind, kind is FailureKind.TIMEOUT)


def test_a_list_is_read_to_its_last_page(world: World) -> None:
    """ARM returns a thousand resources per page."""
    world.put(GROUP)
    for number in range(1001):
        world.put(f"{NSG}{number}", {"even": str(number % 2)})
    assert len(world.arm.contents(GROUP)) == 1001
    assert len(world.arm.tagged(SUBSCRIPTION, "even", "0")) == 501


def test_arm_contents_of_an_absent_group_raises(world: World) -> None:
    """An empty list would mean that the group exists."""
    with pytest.raises(CloudError) as refusal:
        world.arm.contents(GROUP)
    assert (refusal.value.status, refusal.value.code) == (404, "ResourceGroupNotFound")


def test_tags_are_merged_and_dropped_one_by_one(world: World) -> None:
    """Other tags stay, and a tag whose value has changed is not removed."""
    world.put_machine({"a": "1", "b": "2"})
    for resource_id in (GROUP, VM, NIC):
        world.arm.merge_tags(resource_id, {"B": "3", "c": "4"})
        world.pass_time()
        world.arm.drop_tags(resource_id, {"a": "1", "c": "5"})
        world.pass_time()
        found = world.arm.get(resource_id)
        assert found is not None
        assert found["tags"] == {"B": "3", "c": "4"}


def test_an_operation_is_followed_from_its_beginning_to_its_end(world: World) -> None:
    """The poll gives NotYet while the operation runs, then ARM's own description."""
    world.put_machine()
    accepted = world.arm.delete(VM)
    assert accepted.url is not None
    assert accepted.retry_after == 10
    running = world.arm.operation(accepted.url)
    assert (running.over, running.succeeded, running.retry_after) == (False, False, 30)
    world.pass_time()
    ended = world.arm.operation(accepted.url)
    assert (ended.over, ended.succeeded, ended.body["status"]) == (True, True, "Succeeded")
    assert world.arm.get(VM) is None


def test_an_operation_without_a_status_is_followed_by_its_location(world: World) -> None:
    """The deletion of a group answers 202 until it ends, and then 200 without a body."""
    world.put(GROUP)
    accepted = world.arm.delete(GROUP)
    assert accepted.url is not None
    assert not world.arm.operation(accepted.url).over
    world.pass_time()
    assert world.arm.operation(accepted.url).succeeded


def test_an_operation_that_fails_says_why(world: World) -> None:
    """The status URL answers 200, and the error is in the body."""
    world.put_machine()
    world.put_nic(path=f"{NETWORK}/networkInterfaces/other-nic")
    answer = world.put(f"{COMPUTE}/virtualMachines/other", **machine_body("other"))
    ended = world.arm.operation(answer.headers["Azure-AsyncOperation"])
    assert (ended.over, ended.succeeded) == (True, False)
    assert (str(ended.error), ended.error.code) == (ended.body["error"]["message"], ended.body["error"]["code"])


def test_arm_unknown_operation_raises(world: World) -> None:
    """A status that cannot be read is not a failed operation."""
    path = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Compute/locations/westus2/operations/none"
    with pytest.raises(CloudError) as refusal:
        world.arm.operation(f"{world.url}{path}?api-version={API_VERSION}")
    assert refusal.value.status == 404


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/subscriptions/0",
        "{own}.evil.example/subscriptions/0",
        "{own}@evil.example/subscriptions/0",
        "http://user@{host}/subscriptions/0",
        "https://{host}/subscriptions/0",
        "http://127.0.0.1/subscriptions/0",
        "//{host}/subscriptions/0",
        "/subscriptions/0",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_url_elsewhere_is_refused_before_any_request(world: World, url: str) -> None:
    """The token is sent to the cloud's own endpoint only."""
    elsewhere = url.format(own=world.url, host=world.url.removeprefix("http://"))
    with pytest.raises(SpecError, match=r"^asyncResultsUrl: .* is not on this cloud's endpoint"):
        power.poll(world.arm, elsewhere, 1.0)
    assert world.journal.asked == []


@pytest.mark.parametrize("resource_id", [GROUP, VM, NIC], ids=["group", "vm", "nic"])
def test_arm_delete_of_an_absent_resource_succeeds(world: World, resource_id: str) -> None:
    """It does not matter whether the group still exists."""
    assert world.arm.delete(resource_id).url is None
    world.put(GROUP)
    assert world.arm.delete(NIC).url is None


def throttle(world: World, seconds: float, times: int) -> None:
    """Refuse so many reads of the group, each with a pause of so many seconds."""
    effect = {"do": "refuse", "code": "SubscriptionRequestsThrottled", "retryAfter": seconds}
    world.send("PUT", "/_local/faults", [{"method": "GET", "path": GROUP, "times": times, "effect": effect}])


def test_arm_retries_after_the_pause_that_it_was_given(tmp_path: Path) -> None:
    """A deployment survives transient refusals. A client without a retry time raises at once."""
    with quick_world(tmp_path) as world:
        world.put(GROUP)
        throttle(world, 0.01, times=3)
        with pytest.raises(CloudError) as refusal:
            world.arm.get(GROUP)
        assert refusal.value.status == 429
        patient = Arm(world.cloud, timeout=10, retry_seconds=60)
        assert patient.get(GROUP) is not None
    assert len([asked for asked in world.journal.asked if asked.startswith(f"GET {GROUP}?")]) == 1 + 3


def test_arm_does_not_start_a_pause_longer_than_its_retry_time(tmp_path: Path) -> None:
    """A pause that would exceed the retry time raises at once."""
    with slow_world(tmp_path) as world:
        world.put(GROUP)
        throttle(world, 3600, times=1)
        with pytest.raises(CloudError) as refusal:
            Arm(world.cloud, timeout=10, retry_seconds=60).get(GROUP)
    assert refusal.value.status == 429
