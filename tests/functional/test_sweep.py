"""The sweep: expired VMs are found by records, tags and the backend, and only those are removed."""

import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.doors import CLI, SUBSCRIPTION, arm_of, ended, names, outlive, start
from tests.functional.world import HERS, OURS, SPEC, World, quick_world
from vmops import Settings, SpecError, Status, VMOps
from vmops.azure.client import Arm
from vmops.azure.clouds import Cloud
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.core.times import format_utc
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.store import Store
from vmops.leases.sweep import Outcome, Sweep, sweep
from vmops.ops.expiry import ExpiringVm, Lifetimes
from vmops.protocol import Params
from vmops.spec.names import EXPIRES_TAG, Identity

HOUR = 3600.0
Deploy = Callable[[Params], dict[str, Any]]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with quick_world(tmp_path) as world:
        yield world


@pytest.fixture
def lifetimes(world: World, engine: Path, state_dir: Path) -> Lifetimes:
    """Give the lifetimes of an empty state directory, in that cloud."""
    return Lifetimes(Settings(state_dir=state_dir, owner="ada"), Store(state_dir), lambda _: world.arm)


def expired(lifetimes: Lifetimes) -> list[ExpiringVm]:
    """Give the expired VMs; every place could be searched."""
    unsearched: list[Failure] = []
    found = list(lifetimes.expired(unsearched))
    assert unsearched == []
    return found


def remember(lifetimes: Lifetimes, age: float | None, state: State = State.SUCCEEDED, **changes: Any) -> None:
    """Record a provision whose VM expired so many seconds ago; None for one that has not."""
    now = time.time()
    made = Operation(
        id=f"{now}",
        verb=Verb.PROVISION,
        stack=SPEC.stack,
        cloud="local",
        subscription=SUBSCRIPTION,
        resource_group="rg",
        vm_name="vm",
        owner="ada",
        state=state,
        expires=0.0 if age is None else now - age,
        created=now,
    )
    assert lifetimes.store.insert(replace(made, **changes))


def tagged(age: float, now: float | None = None) -> dict[str, str]:
    """Give the tags of a VM of ours that expired so many seconds ago."""
    return {**OURS, EXPIRES_TAG: format_utc((now or time.time()) - age)}


@pytest.mark.parametrize(
    ("age", "expires"),
    [(HOUR, True), (301, True), (300, False), (0, False), (-HOUR, False)],
    ids=["long ago", "past the skew", "within the skew", "now", "later"],
)
def test_an_expired_tag_without_a_record_expires_the_vm(
    world: World, lifetimes: Lifetimes, age: float, expires: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clock skew of five minutes is tolerated."""
    now = 1_700_000_000.0
    monkeypatch.setattr(lifetimes.store, "now", lambda: now)
    world.put_machine(tagged(age, now))
    assert [(each.identity.stack, each.owner) for each in expired(lifetimes)] == [(SPEC.stack, "ada")] * expires


@pytest.mark.parametrize(
    ("record", "tag", "expires"),
    [(HOUR, HOUR, True), (-HOUR, HOUR, False), (HOUR, -HOUR, False), (None, HOUR, False), (HOUR, None, False)],
    ids=["both", "record extended", "tag extended", "no end asked for", "tag removed"],
)
def test_the_later_of_record_and_tag_is_the_expiry(
    world: World, lifetimes: Lifetimes, record: float | None, tag: float | None, expires: bool
) -> None:
    """One of them may have been updated before the other, or on another host."""
    world.put_machine(OURS if tag is None else tagged(tag))
    remember(lifetimes, record)
    assert len(expired(lifetimes)) == expires


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED])
def test_a_record_expires_a_vm_that_never_existed(lifetimes: Lifetimes, state: State) -> None:
    """Its network and address have no expiry of their own."""
    remember(lifetimes, HOUR, state)
    assert [each.owner for each in expired(lifetimes)] == ["ada"]
    remember(lifetimes, None, id="gone", verb=Verb.DEPROVISION)
    assert expired(lifetimes) == []


@pytest.mark.parametrize("tags", [HERS, {}, {**OURS, EXPIRES_TAG: "tomorrow"}], ids=["copied", "bare", "unreadable"])
def test_an_invalid_expiry_tag_never_expires(world: World, lifetimes: Lifetimes, tags: dict[str, str]) -> None:
    """Copied tags and unreadable values do not count."""
    world.put_machine({EXPIRES_TAG: format_utc(time.time() - HOUR), **tags})
    remember(lifetimes, HOUR)
    assert expired(lifetimes) == []


def test_an_unreachable_cloud_is_reported_and_others_are_searched(world: World, lifetimes: Lifetimes) -> None:
    """So is an unreachable backend."""
    world.put_machine(tagged(HOUR))
    remember(lifetimes, HOUR, cloud="public", subscription="11111111-1111-1111-1111-111111111111", stack="elsewhere")
    closed = Arm(Cloud("public", world.url, token="wrong"), timeout=60)
    settings = lifetimes.settings.model_copy(update={"backend_url": "nowhere://at-all"})
    both = replace(
        lifetimes, settings=settings, arm=lambda patience: closed if patience.cloud == "public" else world.arm
    )
    unsearched: list[Failure] = []
    assert [each.identity for each in both.expired(unsearched)] == [Identity("local", SUBSCRIPTION, "rg", "vm")]
    assert {failure.kind for failure in unsearched} == {FailureKind.AUTH, FailureKind.ENGINE}


def test_a_sweep_of_a_real_cloud_requires_a_subscription(state_dir: Path) -> None:
    """It must not report success without searching anything."""
    with pytest.raises(SpecError, match="subscription: is required on the cloud 'public'"):
        sweep(VMOps(Settings(state_dir=state_dir, cloud="public")))


def test_a_vm_without_a_record_is_swept_by_its_tags(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy
) -> None:
    """Records and state were lost with the host."""
    provision({"vmName": "exp1", "ttl": "1h", "osDiskSizeGB": 64, "dataDisks": "32"})
    forget(state_dir, "operations.db*", "backend", "stacks", "logs")
    again = VMOps(ops.settings)
    assert again.operations() == []
    outlive(again)
    assert [each.outcome for each in sweep(again).swept] == [Outcome.REMOVED]
    assert azure.resources() == []


def test_a_vm_in_the_backend_only_is_swept_by_its_state(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy
) -> None:
    """The VM is gone, but its network, disks and address exist."""
    outputs = provision({"vmName": "exp1", "ttl": "1h"})
    tag = azure.vm(outputs["id"])["tags"][EXPIRES_TAG]
    arm_of(ops).delete(outputs["id"])
    assert poll_until(lambda: names(azure) == [] or NotYet(0.02), timeout=240)
    forget(state_dir, "operations.db*")
    again = VMOps(ops.settings)
    assert [each.outcome for each in sweep(again).swept] == [Outcome.ORPHANED], "its time is not over"
    (state,) = (state_dir / "backend").rglob("stacks/*/exp1-*.json")
    state.write_text(state.read_text().replace(tag, format_utc(time.time() - HOUR)))
    assert [each.outcome for each in sweep(again).swept] == [Outcome.REMOVED]
    assert azure.resources() == []
    assert sweep(again).swept == []


def test_another_host_sweeps_the_vm(
    ops: VMOps, azure: Azure, state_dir: Path, tmp_path: Path, provision: Deploy
) -> None:
    """With the backend and the keys it can also extend the VM; without records it sweeps it too."""
    params: Params = {"vmName": "exp1", "ttl": "1h"}
    made = provision(params)["id"]
    before, writes = azure.vm(made)["properties"]["vmId"], len(azure.writes())
    second = tmp_path / "second"
    shutil.copytree(state_dir / "keys", second / "keys")
    (second / "local").symlink_to(state_dir / "local")
    elsewhere = {"state_dir": second, "backend_url": ops.settings.backend(), "worker_idle": 0}  # no fork server stays
    there = VMOps(ops.settings.model_copy(update=elsewhere))
    assert there.vm_provision(params) == (Status.PENDING, {})
    assert there.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED
    assert (azure.writes()[writes:], azure.vm(made)["properties"]["vmId"]) == ([f"PUT {made}"], before)
    forget(second, "operations.db*")
    again = VMOps(there.settings)
    outlive(again)
    assert [each.outcome for each in sweep(again).swept] == [Outcome.REMOVED]
    assert azure.resources() == []
    assert not list((state_dir / "backend").rglob("stacks/*/exp1-*.json"))


def forget(state_dir: Path, *patterns: str) -> None:
    """Delete the files that were lost with a host."""
    for path in [path for pattern in patterns for path in state_dir.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_another_owners_expired_vm_is_only_reported(
    ops: VMOps, azure: Azure, provision: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a dry run; once its owner has extended it, it is not reported."""
    vm_id = provision({"vmName": "exp1", "ttl": "1h"})["id"]
    outlive(ops)
    before = azure.ids()
    assert [each.outcome for each in sweep(ops, dry_run=True).swept] == [Outcome.DRY_RUN]
    stranger = VMOps(ops.settings.model_copy(update={"owner": "stranger"}))
    monkeypatch.setenv("VMOPS_OWNER", "stranger")
    code, told = shell("sweep", "--json")
    assert (code, [(each["id"], each["owner"], each["outcome"]) for each in told["swept"]]) == (
        0,
        [(vm_id, "tester", "another owner's")],
    )
    assert stranger.extend({"vmName": "exp1"}, "2h") == (Status.FAILED, {})
    monkeypatch.setenv("VMOPS_OWNER", "tester")
    code, told = shell("extend", "exp1", "2h", "--json")
    assert (code, told["status"]) == (0, "SUCCEEDED")
    assert 7000 < told["result"]["expires"] - time.time() < 7300
    assert azure.vm(vm_id)["tags"][EXPIRES_TAG] == format_utc(told["result"]["expires"])
    assert sweep(ops) == Sweep()
    assert azure.ids() == before


def test_a_sweep_that_could_not_search_everything_exits_with_1(ops: VMOps, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script must see that something may be left."""
    monkeypatch.setenv("VMOPS_BACKEND_URL", "postgres://127.0.0.1:1/nowhere")
    code, told = shell("sweep", "--json")
    assert (code, told["swept"], [each["kind"] for each in told["unsearched"]]) == (1, [], ["engine"])


def test_an_interrupted_sweep_reports_the_removals_in_flight(
    ops: VMOps, azure: Azure, provision: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C ends only the wait."""
    monkeypatch.setenv("VMOPS_OWNER", ops.settings.owner)
    params: Params = {"vmName": "exp1", "ttl": "1h"}
    provision(params)
    outlive(ops)
    azure.stick("delete")
    with start([*CLI, "sweep"]) as process:
        assert poll_until(lambda: ops.operations()[0].verb is Verb.DEPROVISION or NotYet(0.02), timeout=240)
        process.send_signal(signal.SIGINT)
        assert ended(process) == (130, "error: interrupted, but the removals that were started go on\n")
    azure.let_go()
    assert ops.wait_vm_deployment(False, params)[0] is Status.SUCCEEDED
    assert azure.resources() == []


def shell(*arguments: str) -> tuple[int, Any]:
    """Run a command, and give the exit code and its JSON value."""
    with start([*CLI, *arguments]) as process:
        assert process.stdout
        printed = process.stdout.read()
        return ended(process)[0], json.loads(printed)


def test_extend_of_an_absent_vm_fails(ops: VMOps) -> None:
    """An absent VM is not_found; an invalid duration raises before any request."""
    params: Params = {"vmName": "never"}
    assert ops.extend(params, "2h") == (Status.FAILED, {})
    failure = ops.last_failure(params)
    assert failure
    assert failure.kind is FailureKind.NOT_FOUND
    with pytest.raises(SpecError, match="ttl: '2 fortnights' is not a duration"):
        ops.extend(params, "2 fortnights")


def test_orphans_are_reported_and_removed_on_request(
    ops: VMOps, azure: Azure, state_dir: Path, provision: Deploy
) -> None:
    """Orphans have no expiry. Those with a recent write of this host are left alone."""
    provision({"vmName": "left"})
    azure.delete(f"{Identity('local', SUBSCRIPTION, 'vmops-left', 'left').vm_id}?api-version=2024-07-01")
    assert list(ops.orphans([])) == [], "it was written to just now"
    other = state_dir.parent / "other"
    other.mkdir(mode=0o700)
    (other / "local").symlink_to(state_dir / "local")
    elsewhere = VMOps(Settings(state_dir=other, owner="tester"))
    before = azure.ids()
    assert [each.outcome for each in sweep(elsewhere).swept] == [Outcome.ORPHANED]
    assert [each.outcome for each in sweep(elsewhere, dry_run=True, orphans=True).swept] == [Outcome.ORPHANED]
    assert azure.ids() == before
    theirs = VMOps(Settings(state_dir=other, owner="grace"))
    assert [each.outcome for each in sweep(theirs, orphans=True).swept] == [Outcome.ORPHANED]
    assert azure.ids() == before
    assert [each.outcome for each in sweep(elsewhere, orphans=True).swept] == [Outcome.REMOVED]
    assert azure.ids() == set()
