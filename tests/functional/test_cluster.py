"""Several hosts that share their records: work goes on whoever dies, and nobody writes whose claim is over."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.azure import Azure, all_of
from tests.functional.cluster import LONGEST, Cluster, Host, succeeded, taken, workers
from tests.functional.doors import CLI
from tests.house import ROOT
from vmops import Settings, Status, StoreError, VMOps
from vmops.core import keys
from vmops.core.failures import FailureKind
from vmops.core.log_reader import instant
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.cluster.postgres import PostgreSQL
from vmops.ops import hosts
from vmops.ops.timeline import spans
from vmops.protocol import Params

CANARY = "Canary-0f1e2d3c-Tell-Nobody"
"""A secret that is looked for wherever the database has anything."""


def test_what_a_host_leaves_that_dies_goes_on_on_another(cluster: Cluster, cloud: Azure, engine: Path) -> None:
    """Whatever their clocks say, nobody does anything for it; and what took the job may die, its worker does not.

    A host that was never seen before removes the VM, and no secret was ever readable.
    """
    first, second = cluster.host_with_clock("first", 600.0), cluster.host_with_clock("second", -600.0)
    params: Params = {
        "vmName": "x1",
        "authenticationType": "password",
        "adminPasswordOrKey": CANARY,
        "customData": CANARY,
        "ttl": "8m",
    }
    caller = cluster.begin(cloud, first, params)
    now = cluster.operation(caller)
    assert (now.host, now.attempt, now.epoch, now.queue) == ("first", 1, 1, "default")
    assert abs(now.started - time.time()) < 300
    assert is_ahead(first)
    log, seen = caller.log(now), list[dict[str, Any]]()
    assert poll_until(lambda: begun(seen, log.news()) or NotYet(0.05), timeout=LONGEST), seen
    agent = second.work("--slots", "1")
    first.die()
    cluster.until(caller, "running", "second")
    agent.kill()
    cloud.let_go()
    succeeded(caller, params, is_setup=True)
    assert [getattr(cluster.operation(caller), name) for name in ("host", "attempt", "epoch")] == ["second", 2, 2]
    done = cluster.operation(caller)
    assert abs(done.ended - time.time()) < 300
    told = caller.log(done).news()
    assert [each["event"] for each in told].count("ended") == 1
    assert all(done.created - 60 < instant(each) < done.ended + 60 for each in told)
    assert "resource" in {each.kind for each in spans(done, told) if each.end}
    second.forget(agent)
    second.work("--slots", "1")
    status = caller.status(params)
    assert (status["principal"], status["operation"]["principal"]) == ("local", "local")
    (told,) = [each for each in cluster.host("caller").call("hosts") if each["host"] == "second"]
    assert [told[name] for name in ("alive", "slots", "busy", "principal")] == [True, 1, 0, "local"]
    assert everything(cluster).count(CANARY.encode()) == 0
    assert cluster.host_with_clock("late", 600.0).call("sweep", "--dry-run")["swept"] == []
    assert "is changed by vmops alone" in by_hand(cluster, engine, "stack", "rm", "--force", "--yes", "-s", now.stack)
    stranger = cluster.host("stranger").ops
    assert stranger.vm_deprovision({"vmName": "x1"}) == (Status.PENDING, {}), stranger.last_failure(params)
    succeeded(stranger, params, is_setup=False)
    assert not [each for each in cloud.ids() if "x1" in each]
    left = "SELECT count(*) FROM vmops.{} WHERE strpos({}, 'x1-') > 0"
    assert cluster.ask(left.format("pulumi_state", "key")) == cluster.ask(left.format("engine_locks", "stack")) == ["0"]
    assert cluster.ask("SELECT count(*) FROM vmops.orders") == ["0"]


def begun(events: list[dict[str, Any]], news: list[dict[str, Any]]) -> bool:
    """Take the news of a log; tell whether by now it says that the VM is being made."""
    events += news
    return any(each["event"] == "resource_begun" and "VirtualMachine" in each["resource"] for each in events)


def is_ahead(host: Host) -> bool:
    """Tell whether for vmops on a host the time is over of what has 100 seconds left."""
    code = "import time; from vmops.core import times; print(times.is_over(time.time() + 100))"
    command = [sys.executable, "-c", code]
    return subprocess.check_output(command, env=host.environment, text=True, timeout=LONGEST) == "True\n"


def by_hand(cluster: Cluster, engine: Path, *arguments: str) -> str:
    """Have a person use the engine on what hosts share; give what it says, as it refuses."""
    stack = arguments[-1]
    told = {"PULUMI_BACKEND_URL": cluster.database, "PGOPTIONS": "-c search_path=vmops"}
    command: list[str | Path] = [engine, *arguments[:-1], f"organization/vmops/{stack}"]
    environment = {**os.environ, **told, "PULUMI_CONFIG_PASSPHRASE": "", "PULUMI_HOME": str(cluster.place / "person")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONGEST, check=False)
    assert done.returncode != 0
    return done.stdout + done.stderr


def everything(cluster: Cluster) -> bytes:
    """Give all rows of all tables of the database as text, and binary values unchanged."""
    tables = cluster.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'vmops'")
    rows = [row for table in tables for row in cluster.ask(f"SELECT t::text FROM vmops.{table} AS t")]
    assert len(rows) > len(tables)
    binary = cluster.ask(
        "SELECT encode(sealed, 'escape') FROM vmops.orders UNION SELECT encode(sealed, 'escape') FROM vmops.secrets"
    )
    return "\n".join([*rows, *binary]).encode()


def test_a_host_that_wakes_up_writes_nothing(cluster: Cluster, cloud: Azure) -> None:
    """Its claims ended while it stood still, and others have gone on: its workers end, and what is there stays.

    It was making one VM, and removing another, which was made again meanwhile.
    """
    first, second, caller = cluster.host("sleeper"), cluster.host("awake"), cluster.host("caller").ops
    first.work("--slots", "2")
    made, removed = ({"vmName": name} for name in ("y1", "y2"))
    assert caller.vm_provision(dict(removed)) == (Status.PENDING, {})
    succeeded(caller, removed, is_setup=True)
    cloud.fault(*(stuck(verb, name) for verb, name in (("create", "y1"), ("delete", "y2"))))
    assert caller.vm_provision(dict(made)) == caller.vm_deprovision(dict(removed)) == (Status.PENDING, {})
    for method, name in (("PUT", "y1"), ("DELETE", "y2")):
        assert poll_until(partial(taken, cloud, method, name), timeout=LONGEST)
    first.send(signal.SIGSTOP)
    second.work("--slots", "2")
    for each in (made, removed):
        cluster.until(caller, "running", "awake", each["vmName"])
    cloud.let_go()
    succeeded(caller, made, is_setup=True)
    succeeded(caller, removed, is_setup=False)
    assert caller.vm_provision(dict(removed)) == (Status.PENDING, {}), caller.last_failure(removed)
    succeeded(caller, removed, is_setup=True)
    before = [cluster.operation(caller, each["vmName"]) for each in (made, removed)]
    there, writes = cloud.resources(), len(cloud.writes())
    assert len(workers(first)) == 2
    first.send(signal.SIGCONT)
    assert poll_until(lambda: not workers(first) or NotYet(0.02), timeout=LONGEST)
    assert (cloud.resources(), len(cloud.writes())) == (there, writes)
    assert [cluster.operation(caller, each["vmName"]) for each in (made, removed)] == before
    assert [each.host for each in before] == ["awake", "awake"]


def stuck(verb: str, name: str) -> dict[str, Any]:
    return {"path": f"*/virtualMachines/{name}", "verbs": [verb], "effect": {"do": "stick"}}


def test_a_host_goes_on_when_its_workers_die_and_ends_what_it_is_told_to_end(cluster: Cluster, cloud: Azure) -> None:
    """Its host sees the end of a worker, and does not wait for the end of its claim."""
    host = cluster.host("worked", VMOPS_WORKER_IDLE="4")
    host.work("--slots", "2")
    await_another_fork_server(host)
    die_thrice(cluster, cloud, host)
    cloud.let_go()
    switch_a_fleet(cluster, cloud, host)
    end_for_others(cluster, cloud, host)


def await_another_fork_server(host: Host) -> None:
    """Kill the fork server of a host that has nothing to do, and wait for another: a job must not be what starts it."""
    before = fork_servers(host)
    for each in before:
        each.kill()
    assert poll_until(lambda: fork_servers(host) - before or NotYet(0.1), timeout=LONGEST)


def fork_servers(host: Host) -> set[psutil.Process]:
    return {process for kind, process in all_of(host.directory) if kind == "forkserver"}


def die_thrice(cluster: Cluster, cloud: Azure, host: Host) -> None:
    """Kill the workers of one provision: it goes on twice, and what kills each of its workers has failed."""
    caller = cluster.begin(cloud, host, {"vmName": "z1"})
    for attempt in (2, 3, 4):
        found = poll_until(lambda: workers(host) or NotYet(0.02), timeout=LONGEST)
        assert found
        found[0].kill()
        if attempt < 4:
            assert poll_until(lambda: at(cluster, caller, attempt), timeout=LONGEST)  # noqa: B023
    ended = cluster.until(caller, "failed", name="z1")
    assert ended.failure
    assert "3 workers of this provision have died" in ended.failure.message


def at(cluster: Cluster, ops: VMOps, attempt: int) -> bool | NotYet:
    now = cluster.operation(ops, "z1")
    return (now.state, now.attempt) == ("running", attempt) or NotYet(0.02)


def switch_a_fleet(cluster: Cluster, cloud: Azure, host: Host) -> None:
    """Make, switch and remove a fleet: its VMs are switched as one operation, which goes on when its worker dies."""
    caller = cluster.host("caller").ops
    fleet: Params = {"vmName": "u1", "vmCount": 2, "pollTimeout": LONGEST}
    assert caller.vm_provision(fleet) == (Status.PENDING, {}), caller.last_failure(fleet)
    status, made = caller.wait_vm_deployment(True, fleet)
    assert (status, made.get("ready")) == (Status.SUCCEEDED, 2), caller.last_failure(fleet)
    cloud.stick("powerOff")
    switched: Params = {"vmName": "u1", "pollTimeout": LONGEST}
    assert caller.vm_stop(switched) == (Status.PENDING, {}), caller.last_failure(switched)
    assert poll_until(lambda: any("/powerOff" in each for each in cloud.writes()) or NotYet(0.02), timeout=LONGEST)
    found = workers(host)
    assert found
    found[0].kill()
    cloud.let_go()
    assert caller.wait_vm_operation(switched)[0] is Status.SUCCEEDED, caller.last_failure(switched)
    assert [cloud.power(each["id"]) for each in made["members"]] == ["stopped", "stopped"]
    assert caller.vm_deprovision({"vmName": "u1"}) == (Status.PENDING, {})
    succeeded(caller, {"vmName": "u1"}, is_setup=False)
    assert not [each for each in cloud.ids() if "u1" in each]


def end_for_others(cluster: Cluster, cloud: Azure, host: Host) -> None:
    """End a provision for whoever cancels it, and for a removal; a host that is told to end works until it is over."""
    caller = cluster.begin(cloud, host, {"vmName": "v1"})
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
    cloud.let_go()
    succeeded(other, {"vmName": "v1"}, is_setup=False)
    assert agent.wait(LONGEST) == 0
    assert cluster.operation(other, "v2").state == "pending"
    assert other.cancel({"vmName": "v2"}) == (Status.SUCCEEDED, {})
    assert of_workers(cluster, "worked") == []
    assert not [each for each in cloud.ids() if each.endswith(("v1", "v2")) or "/v1" in each or "/v2" in each]


def draining(cluster: Cluster) -> bool | NotYet:
    return [each["draining"] for each in of_workers(cluster, "worked")] == [True] or NotYet(0.1)


def of_workers(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    """Give the entries of the listed hosts with a name; hosts that other tests have killed are listed for a while."""
    return [each for each in hosts.listed(cluster.host("caller").settings) if each["host"] == name]


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


def test_a_host_that_could_not_work_does_not_begin(cluster: Cluster, tmp_path: Path) -> None:
    """With no key, or another's, it could read no order and no state; it needs connections, and records of its time.

    It says so in a sentence, and what waits goes on waiting.
    """
    (tmp_path / "key").write_bytes(bytes(32))
    (tmp_path / "key").chmod(0o600)
    key, url = "VMOPS_CLUSTER_KEY_FILE", "VMOPS_DATABASE_URL"
    assert "was sealed with another key" in refused(cluster, "worker", **{key: str(tmp_path / "key")})
    strange = cluster.host("strange").settings
    with pytest.raises(StoreError, match="run `vmops cluster join FILE`"):
        begin(strange.model_copy(update={"cluster_key_file": tmp_path / "nothing"}))
    room = "PostgreSQL takes 97 connections, and 40 slots here need 246, beside 0 of other hosts: raise max_connections"
    cluster.ask("DELETE FROM vmops.hosts")
    with pytest.raises(StoreError, match=f"^{room}, or work with --slots 15$"):
        begin(strange, 40)
    nowhere = "postgresql://vmops@127.0.0.1:1/nowhere"
    away = r"127\.0\.0\.1:1/nowhere cannot be reached: .*refused.*; make PostgreSQL reachable, then call again$"
    with pytest.raises(StoreError, match=away):
        VMOps(strange.model_copy(update={"database_url": nowhere}))
    assert re.search(away, refused(cluster, "list", **{url: nowhere}))
    change = "UPDATE vmops.schema_version SET version = version + {} WHERE part = 'cluster'"
    for years, says in ((-1, "run `vmops database upgrade`"), (1000, "of a newer vmops")):
        cluster.ask(change.format(years))
        with pytest.raises(StoreError, match=says):
            cluster.host("caller").ops.operations()
        cluster.ask(change.format(-years))
    cluster.ask(change.format(1))
    cluster.host("caller").ops.operations()
    cluster.ask(change.format(-1))


def test_a_caller_needs_no_azure_to_ask_for_a_vm(cluster: Cluster, cloud: Azure) -> None:
    """The worker looks at the VM. It replaces none only because no key is given, and says how to give it."""
    key = keys.ssh_public_key(cluster.place / "person", "one")
    given: Params = {"vmName": "k1", "adminPasswordOrKey": key}
    caller, asked, seen = cluster.host("caller").ops, {"vmName": "k1"}, len(cloud.journal())
    assert caller.vm_provision(dict(given)) == (Status.PENDING, {}), caller.last_failure(given)
    assert len(cloud.journal()) == seen
    cluster.host("one").work()
    succeeded(caller, asked, is_setup=True)
    first = [each for each in cloud.ids() if each.endswith("/virtualMachines/k1")]
    made = cloud.vm(first[0])["properties"]["vmId"]
    assert caller.vm_provision(dict(asked)) == (Status.PENDING, {}), caller.last_failure(asked)
    assert caller.wait_vm_deployment(True, {**asked, "pollTimeout": LONGEST}) == (Status.FAILED, {})
    failure = caller.last_failure(asked)
    assert failure
    assert failure.kind is FailureKind.IMMUTABLE
    assert "give adminPasswordOrKey" in failure.next_step
    assert cloud.vm(first[0])["properties"]["vmId"] == made
    assert caller.vm_deprovision(dict(asked))[0] is Status.PENDING
    succeeded(caller, asked, is_setup=False)


def test_a_spare_worker_may_die_at_any_time(cluster: Cluster, cloud: Azure) -> None:
    """The next job has a new worker; and without its fork server no spare is left."""
    del cloud
    host = cluster.host("spare")
    host.work("--slots", "1")
    caller = cluster.host("caller").ops
    for name in ("s1", "s2"):
        found = poll_until(lambda: spares(host) or NotYet(0.02), timeout=LONGEST)
        assert found
        assert len(found) == 1
        if name == "s1":
            found[0].kill()
        assert caller.vm_provision({"vmName": name}) == (Status.PENDING, {}), caller.last_failure({"vmName": name})
        succeeded(caller, {"vmName": name}, is_setup=True)
        done = cluster.operation(caller, name)
        assert (done.attempt, done.pid == found[0].pid) == (1, name == "s2")
    left = poll_until(lambda: spares(host) or NotYet(0.02), timeout=LONGEST)
    assert left
    psutil.Process(left[0].ppid()).kill()
    assert poll_until(lambda: not left[0].is_running() or NotYet(0.02), timeout=LONGEST)


def spares(host: Host) -> list[psutil.Process]:
    """List the spare workers of a host: children of its fork server that are no workers yet."""
    found = [each for kind, each in all_of(host.directory) if kind == "forkserver"]
    return [each for each in found if each.ppid() in {other.pid for other in found}]


def begin(settings: Settings, slots: int = 1) -> None:
    """Begin to work where that is refused."""
    hosts.work(settings, slots, None, ready=lambda _: pytest.fail("it begins"), sweep=pytest.fail)


def refused(cluster: Cluster, *arguments: str, **told: str) -> str:
    """Call vmops where it cannot work; give the sentence with which it ends."""
    environment = {**cluster.host("strange").environment, **told}
    done = subprocess.run([*CLI, *arguments], env=environment, capture_output=True, text=True, timeout=LONGEST)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    return done.stderr


def test_the_page_can_be_followed(cluster: Cluster, cloud: Azure) -> None:
    """Its commands, on a database with nothing in it: one host begins, and another has its key and joins."""
    page = (ROOT / "docs/cluster.md").read_text()
    url = cluster.server.database().partition("?")[0]
    first, second = cluster.host("lab1"), cluster.host("lab2")
    begin, join = (
        each.replace("postgresql://vmops@db.example/lab", url).replace(
            "/path/to/the/key", str(first.directory / "keys/cluster")
        )
        for each in re.findall(r"^```sh\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    )
    with shell(first, f"{begin}\nkill $!; wait $!") as works:
        assert works.wait(LONGEST) == 0
    made = [each["id"].split("/virtualMachines/") for each in cloud.resources() if "/vmops-exp1/" in each["id"]]
    assert [name for _, *names in made for name in names] == ["exp1"]
    with shell(second, join, url) as works:
        assert poll_until(lambda: listed(url) == ["lab2"] or NotYet(0.5), timeout=LONGEST)
        os.killpg(works.pid, signal.SIGTERM)
        works.wait(LONGEST)
    assert listed(url) == []


@contextmanager
def shell(host: Host, script: str, url: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    """Run a script on a host that has been told nothing of a database, or only where it is."""
    environment = {name: value for name, value in host.environment.items() if name not in _TOLD}
    environment |= {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    environment |= {"VMOPS_DATABASE_URL": url} if url else {}
    running = subprocess.Popen(["bash", "-ec", script], env=environment, start_new_session=True)
    try:
        yield running
    finally:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)
        running.wait(LONGEST)


_TOLD = ("VMOPS_DATABASE_URL", "VMOPS_CLUSTER_KEY_FILE")


def listed(url: str) -> list[str]:
    """Name the hosts that work at a database."""
    with PostgreSQL(url).transaction() as rows:
        return [row["host"] for row in rows.execute("SELECT host FROM hosts").fetchall()]
