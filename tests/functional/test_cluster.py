"""Several hosts that share their records: work goes on whoever dies, and nobody writes whose claim is over."""

import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.azure import Azure
from tests.functional.cluster import LONGEST, Cluster, Host, sharing
from tests.postgres import Postgres
from vmops import Status, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.protocol import Params

CANARY = "Canary-0f1e2d3c-Tell-Nobody"
"""A secret that is looked for wherever the database has anything."""

WORKER = "vmops-worker"


@pytest.fixture(scope="module")
def cluster(engine: Path, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Give hosts that share their records, on a local Azure that finishes everything at its first poll."""
    with pytest.MonkeyPatch.context() as environment:
        for name, value in postgres.environment.items():
            environment.setenv(name, value)
        place = tmp_path_factory.mktemp("cluster")
        environment.setenv("VMOPS_LOCAL_AZURE", str(place / "azure"))
        with sharing(place, postgres, 0) as cluster:
            yield cluster


@pytest.fixture
def azure(cluster: Cluster) -> Iterator[Azure]:
    """Give the local Azure of the hosts; whatever it was told to keep goes on afterwards, and the hosts are ended."""
    azure = Azure(cluster.azure)
    yield azure
    azure.let_go()
    for host in cluster.hosts.values():
        host.send(signal.SIGCONT)
        host.die()
    cluster.hosts.clear()


def succeeded(ops: VMOps, params: Params, *, is_setup: bool) -> None:
    answer = ops.wait_vm_deployment(is_setup, {"vmName": params["vmName"], "pollTimeout": LONGEST})
    assert answer[0] is Status.SUCCEEDED, ops.last_failure(params)


def workers(host: Host) -> list[psutil.Process]:
    """List the workers of a host."""
    found = []
    for each in host.processes():
        with suppress(psutil.Error):
            if each.name() == WORKER:
                found.append(each)
    return found


def making(azure: Azure, name: str, times: int = 1) -> bool | NotYet:
    """Tell whether ARM has taken the create of a VM on."""
    ended = f"/virtualMachines/{name}"
    puts = [
        each for each in azure.journal() if each["method"] == "PUT" and each["path"].partition("?")[0].endswith(ended)
    ]
    return len([each for each in puts if each["status"] == 201]) >= times or NotYet(0.02)


def begin(cluster: Cluster, azure: Azure, host: Host, params: Params) -> VMOps:
    """Have a host make a VM that is not done until the local Azure lets it go; give vmops on a host that only calls."""
    caller = cluster.host("caller").ops
    azure.stick("create", params["vmName"])
    host.work("--slots", "2")
    assert caller.vm_provision(params) == (Status.PENDING, {}), caller.last_failure(params)
    assert poll_until(lambda: making(azure, params["vmName"]), timeout=LONGEST), cluster.operation(
        caller, params["vmName"]
    )
    return caller


def test_what_a_host_leaves_that_dies_goes_on_on_another(cluster: Cluster, azure: Azure, tmp_path: Path) -> None:
    """Nobody does anything for it; a host that was never seen before removes it, and no secret was ever readable."""
    first, second = cluster.host("first"), cluster.host("second")
    params: Params = {
        "vmName": "x1",
        "authenticationType": "password",
        "adminPasswordOrKey": CANARY,
        "customData": CANARY,
    }
    caller = begin(cluster, azure, first, params)
    assert (now := cluster.operation(caller)).host == "first"
    assert (now.attempt, now.epoch, now.queue) == (1, 1, "default")
    second.work("--slots", "1")
    first.die()
    azure.let_go()
    succeeded(caller, params, is_setup=True)
    assert [getattr(cluster.operation(caller), name) for name in ("host", "attempt", "epoch")] == ["second", 2, 2]
    hosts = {each["host"]: each for each in cluster.host("caller").call("hosts")}
    assert (hosts["second"]["alive"], hosts["second"]["slots"], hosts["second"]["busy"]) == (True, 1, 0)
    assert everything(cluster).count(CANARY.encode()) == 0
    stranger = cluster.host("stranger")
    assert stranger.call("deprovision", "x1", "--wait", "--yes")["status"] == "SUCCEEDED"
    assert azure.resources() == []
    left = "SELECT count(*) FROM vmops.{} WHERE strpos({}, 'x1-') > 0"
    assert cluster.ask(left.format("pulumi_state", "key")) == cluster.ask(left.format("engine_locks", "stack")) == ["0"]
    assert cluster.ask("SELECT count(*) FROM vmops.orders") == ["0"]


def everything(cluster: Cluster) -> bytes:
    """Give all rows of all tables of the database, as text, and what of them is binary as it is."""
    tables = cluster.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'vmops'")
    rows = [row for table in tables for row in cluster.ask(f"SELECT t::text FROM vmops.{table} AS t")]
    assert len(rows) > len(tables)
    binary = cluster.ask(
        "SELECT encode(sealed, 'escape') FROM vmops.orders UNION SELECT encode(sealed, 'escape') FROM vmops.secrets"
    )
    return "\n".join([*rows, *binary]).encode()


@pytest.mark.parametrize("verb", ["provision", "deprovision"])
def test_a_host_that_wakes_up_writes_nothing(cluster: Cluster, azure: Azure, verb: str) -> None:
    """Its claims ended while it stood still, and others have gone on: its workers end, and what is there stays."""
    first, second, params = cluster.host(f"first-{verb}"), cluster.host(f"second-{verb}"), {"vmName": f"y-{verb}"}
    caller = begin(cluster, azure, first, params)
    if verb == "deprovision":
        azure.let_go()
        succeeded(caller, params, is_setup=True)
        azure.stick("delete", params["vmName"])
        assert caller.vm_deprovision(dict(params)) == (Status.PENDING, {})
        assert poll_until(lambda: deleting(azure, params["vmName"]), timeout=LONGEST)
    first.send(signal.SIGSTOP)
    second.work()
    cluster.until(caller, "running", second.name, params["vmName"])
    azure.let_go()
    succeeded(caller, params, is_setup=verb == "provision")
    if verb == "deprovision":
        assert caller.vm_provision(dict(params)) == (Status.PENDING, {}), caller.last_failure(params)
        succeeded(caller, params, is_setup=True)
    before, writes = cluster.operation(caller, params["vmName"]), len(azure.writes())
    there = azure.resources()
    assert workers(first)
    first.send(signal.SIGCONT)
    assert poll_until(lambda: not workers(first) or NotYet(0.02), timeout=LONGEST)
    assert (azure.resources(), len(azure.writes())) == (there, writes)
    assert cluster.operation(caller, params["vmName"]) == before
    assert before.host == second.name, before


def deleting(azure: Azure, name: str) -> bool | NotYet:
    """Tell whether ARM has taken the delete of a VM on."""
    ended = f"/virtualMachines/{name}"
    calls = [
        each
        for each in azure.journal()
        if each["method"] == "DELETE" and each["path"].partition("?")[0].endswith(ended)
    ]
    return any(each["status"] == 202 for each in calls) or NotYet(0.02)


def test_what_a_worker_leaves_that_dies_goes_on_at_once(cluster: Cluster, azure: Azure) -> None:
    """Its host sees its end, and does not wait for the end of its claim; what kills each of its workers has failed."""
    host, params = cluster.host("lonely"), {"vmName": "z1"}
    caller = begin(cluster, azure, host, params)
    for attempt in (2, 3, 4):
        found = poll_until(lambda: workers(host) or NotYet(0.02), timeout=LONGEST)
        assert found
        found[0].kill()
        if attempt < 4:
            assert poll_until(lambda: at(cluster, caller, attempt), timeout=LONGEST)  # noqa: B023
    ended = cluster.until(caller, "failed", name="z1")
    assert ended.failure
    assert "3 workers of this provision have died" in ended.failure.message
    azure.let_go()
    assert caller.vm_deprovision(dict(params)) == (Status.PENDING, {})
    succeeded(caller, params, is_setup=False)


def at(cluster: Cluster, ops: VMOps, attempt: int) -> bool | NotYet:
    now = cluster.operation(ops, "z1")
    return (now.state, now.attempt) == ("running", attempt) or NotYet(0.02)


def test_nobody_writes_an_engines_state_but_who_has_claimed_it(cluster: Cluster) -> None:
    """Neither a person with the engine, nor one whose epoch is over; what is not ours is nobody's business."""
    write = "INSERT INTO vmops.pulumi_state (key, data) VALUES ('lab/.pulumi/stacks/vmops/{}.json', '{{}}')"
    claim = "INSERT INTO vmops.claims VALUES ('w1-0a1b2c3d', 2, 'one', 'here', now())"
    cluster.ask(claim)
    with pytest.raises(subprocess.CalledProcessError) as refused:
        cluster.ask(write.format("w1-0a1b2c3d"))
    assert "is changed by vmops alone" in refused.value.stderr
    with pytest.raises(subprocess.CalledProcessError) as refused:
        cluster.ask(f"SET vmops.epoch = 1; {write.format('w1-0a1b2c3d')}")
    assert "fenced: epoch 1 of stack w1-0a1b2c3d is over, 2 has it" in refused.value.stderr
    cluster.ask(f"SET vmops.epoch = 2; {write.format('w1-0a1b2c3d')}")
    cluster.ask(write.format("somebody-elses"))
