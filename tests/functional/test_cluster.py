"""Several hosts that share their records: work goes on whoever dies, and nobody writes whose claim is over."""

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.azure import Azure
from tests.functional.cluster import LONGEST, Cluster, Host, sharing, workers
from tests.functional.doors import CLI
from tests.postgres import Postgres
from vmops import Status, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.protocol import Params

CANARY = "Canary-0f1e2d3c-Tell-Nobody"
"""A secret that is looked for wherever the database has anything."""


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


def test_a_fleet_is_made_switched_and_removed_by_whichever_host_works(cluster: Cluster, azure: Azure) -> None:
    """Its VMs are switched as one operation, which goes on when its worker dies."""
    caller, host = cluster.host("caller").ops, cluster.host("crew")
    host.work("--slots", "2")
    fleet: Params = {"vmName": "u1", "vmCount": 2, "pollTimeout": LONGEST}
    assert caller.vm_provision(fleet) == (Status.PENDING, {}), caller.last_failure(fleet)
    status, made = caller.wait_vm_deployment(True, fleet)
    assert (status, made.get("ready")) == (Status.SUCCEEDED, 2), caller.last_failure(fleet)
    azure.stick("powerOff")
    switched: Params = {"vmName": "u1", "pollTimeout": LONGEST}
    assert caller.vm_stop(switched) == (Status.PENDING, {}), caller.last_failure(switched)
    assert poll_until(lambda: any("/powerOff" in each for each in azure.writes()) or NotYet(0.02), timeout=LONGEST)
    found = workers(host)
    assert found
    found[0].kill()
    azure.let_go()
    assert caller.wait_vm_operation(switched)[0] is Status.SUCCEEDED, caller.last_failure(switched)
    assert [azure.power(each["id"]) for each in made["members"]] == ["stopped", "stopped"]
    assert caller.vm_deprovision({"vmName": "u1"}) == (Status.PENDING, {})
    succeeded(caller, {"vmName": "u1"}, is_setup=False)
    assert not [each for each in azure.ids() if "u1" in each]


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


def test_any_host_may_end_what_another_works_on(cluster: Cluster, azure: Azure) -> None:
    """A provision ends for whoever cancels it, and for a removal; a host that is told to end works until it is over."""
    host = cluster.host("worked")
    caller = begin(cluster, azure, host, {"vmName": "v1"})
    other = cluster.host("other").ops
    assert other.cancel({"vmName": "v1"}) == (Status.SUCCEEDED, {})
    assert (ended := cluster.operation(caller, "v1").failure)
    assert ended.message == "the deployment was cancelled"
    assert caller.vm_provision({"vmName": "v1"}) == (Status.PENDING, {}), caller.last_failure({"vmName": "v1"})
    cluster.until(caller, "running", name="v1")
    assert other.vm_deprovision({"vmName": "v1"}) == (Status.PENDING, {}), other.last_failure({"vmName": "v1"})
    cluster.until(other, "running", name="v1")
    (agent,) = host.agents
    agent.send_signal(signal.SIGTERM)
    assert poll_until(lambda: draining(cluster), timeout=LONGEST)
    assert other.vm_provision({"vmName": "v2"}) == (Status.PENDING, {})
    azure.let_go()
    succeeded(other, {"vmName": "v1"}, is_setup=False)
    assert agent.wait(LONGEST) == 0
    assert cluster.operation(other, "v2").state == "pending"
    assert other.cancel({"vmName": "v2"}) == (Status.SUCCEEDED, {})
    assert of_workers(cluster, "worked") == []
    assert not [each for each in azure.ids() if each.endswith(("v1", "v2")) or "/v1" in each or "/v2" in each]


def draining(cluster: Cluster) -> bool | NotYet:
    return [each["draining"] for each in of_workers(cluster, "worked")] == [True] or NotYet(0.1)


def of_workers(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    """Give what is told of the host of a name; those that other tests have killed are listed for a while."""
    return [each for each in cluster.host("caller").call("hosts") if each["host"] == name]


def test_a_host_with_another_key_does_not_begin(cluster: Cluster, tmp_path: Path) -> None:
    """It could read no order and no state; it says so in a sentence, and what waits goes on waiting."""
    stranger = cluster.host("strange")
    (tmp_path / "key").write_bytes(bytes(32))
    (tmp_path / "key").chmod(0o600)
    told = {**stranger.environment, "VMOPS_CLUSTER_KEY_FILE": str(tmp_path / "key")}
    done = subprocess.run([*CLI, "worker"], env=told, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "was sealed with another key" in done.stderr
    assert done.stderr.count("\n") == 1
    away = {**stranger.environment, "VMOPS_DATABASE_URL": "postgresql://vmops@127.0.0.1:1/nowhere"}
    done = subprocess.run([*CLI, "list"], env=away, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "127.0.0.1:1/nowhere cannot be reached" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT])
def test_a_database_that_comes_back_has_cost_nothing(cluster: Cluster, azure: Azure, how: signal.Signals) -> None:
    """Nobody can say that another has the VM while nobody can be asked: the engine goes on, and so does its worker."""
    host, params = cluster.host(f"patient-{how.name}"), {"vmName": f"u-{how.name.lower()}"}
    caller = begin(cluster, azure, host, params)
    with cluster.server.away(how):
        azure.let_go()
        assert poll_until(lambda: is_there(azure, params["vmName"]), timeout=LONGEST)
        assert host.call("provision", "u2")["failure"]["kind"] == "engine"
    succeeded(caller, params, is_setup=True)
    ended = cluster.operation(caller, params["vmName"])
    assert (ended.attempt, ended.epoch, ended.host) == (1, 1, host.name)
    assert caller.vm_deprovision(dict(params)) == (Status.PENDING, {})
    succeeded(caller, params, is_setup=False)


def is_there(azure: Azure, name: str) -> bool | NotYet:
    found = [each for each in azure.resources() if each["id"].endswith(f"/virtualMachines/{name}")]
    states = [azure.get(f"{each['id']}?api-version=2024-07-01")["properties"]["provisioningState"] for each in found]
    return states == ["Succeeded"] or NotYet(0.05)
