"""Hosts whose database is away, or out of reach: work that is on its way goes on, and in the end somebody ends it."""

import signal
import subprocess
from collections.abc import Mapping
from itertools import product
from pathlib import Path

from tests.azure import Azure
from tests.chaos.hosts import linked, live
from tests.functional.cluster import LONGEST, Cluster, Host, succeeded, taken, workers
from tests.functional.doors import CLI
from tests.relay import Relay, relayed
from vmops import Status, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.core.state_dir import log_path
from vmops.jobs.operation import Operation
from vmops.protocol import Params

PATIENT = {"VMOPS_CLAIM_SECONDS": "60"}
"""A host that waits long for its database, however slow the machine."""

HASTY = {"VMOPS_CLAIM_SECONDS": "1", "VMOPS_CLAIM_RENEW": "0.2"}


def waiting(cluster: Cluster, host: Host, name: str) -> "subprocess.Popen[str]":
    """Have a host wait for a VM; come back once it listens for its end."""
    command = [*CLI, "wait", name, "-p", f"pollTimeout={LONGEST}", "--json"]
    listens = "SELECT pid FROM pg_stat_activity WHERE query = 'LISTEN vmops_changed'"
    others = {*cluster.ask(listens)}
    waits = subprocess.Popen(command, env=host.environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert poll_until(lambda: {*cluster.ask(listens)} - others or NotYet(0.1), timeout=LONGEST), waits.poll()
    return waits


def test_a_database_that_comes_back_has_cost_nothing(cluster: Cluster, cloud: Azure) -> None:
    """Nobody can say that another has the VM while nobody can be asked: the engine goes on, and so does its worker.

    The server ends in order in the middle of a provision, and as by a loss of power in the middle of a removal.
    """
    host, params = cluster.host("patient", **PATIENT), {"vmName": "u1"}
    caller = cluster.begin(cloud, host, params)
    with cluster.server.away(signal.SIGINT):
        cloud.let_go()
        assert poll_until(lambda: is_there(cloud, "u1"), timeout=LONGEST)
        assert host.call("provision", "u2")["failure"]["kind"] == "engine"
        refuses_in_words(caller)
    succeeded(caller, params, is_setup=True)
    assert caller.vm_deprovision(dict(params)) == (Status.PENDING, {})
    made, removed = caller.history()[1], cluster.until(caller, "running", name="u1")
    assert poll_until(lambda: taken(cloud, "DELETE", "u1"), timeout=LONGEST)
    with cluster.server.away(signal.SIGQUIT):
        assert poll_until(lambda: cloud.get(vm(removed)) is None or NotYet(0.05), timeout=LONGEST)
    succeeded(caller, params, is_setup=False)
    removed = cluster.operation(caller, "u1")
    assert [(each.attempt, each.host) for each in (made, removed)] == [(1, "patient"), (1, "patient")]


def refuses_in_words(ops: VMOps) -> None:
    """See that no verb raises, whatever the name, which may be that of a VM of a fleet: who knows that is away."""
    verbs = ("vm_provision", "vm_deprovision", "vm_start", "vm_stop", "vm_restart", "deallocate", "cancel", "recover")
    for verb, name in product(verbs, ("u2", "u2-1")):
        assert getattr(ops, verb)({"vmName": name}) == (Status.FAILED, {}), verb
        why = ops.last_failure({"vmName": name})
        assert why
        assert (str(why.kind), why.step) == ("engine", "make PostgreSQL reachable, then call again"), verb
    assert ops.wait_vm_deployment(True, {"vmName": "u2-1", "pollTimeout": 0.1}) == (Status.TIMED_OUT, {})


def vm(operation: object) -> str:
    return f"{operation.identity.vm_id}?api-version=2024-07-01"  # type: ignore[attr-defined]


def is_there(cloud: Azure, name: str) -> bool | NotYet:
    found = [each for each in cloud.resources() if each["id"].endswith(f"/virtualMachines/{name}")]
    states = [cloud.get(f"{each['id']}?api-version=2024-07-01")["properties"]["provisioningState"] for each in found]
    return states == ["Succeeded"] or NotYet(0.05)


def test_a_database_that_stays_away_ends_work_in_order(cluster: Cluster, cloud: Azure) -> None:
    """Its host exits with a separate code, and starts again when the database is back; waits elsewhere continue."""
    host, params = cluster.host("hasty", **HASTY), {"vmName": "w1"}
    caller = cluster.begin(cloud, host, params)
    waits, log = waiting(cluster, cluster.host("far"), "w1"), log_of(host, cluster.operation(caller, "w1"))
    with cluster.server.away(signal.SIGINT):
        (agent,) = host.agents
        assert poll_until(lambda: "told_to_end" in log.read_text() or NotYet(0.1), timeout=LONGEST)
        cloud.let_go()
        assert agent.wait(LONGEST) == 3
        assert agent.stderr
        assert "was away for more than 4 seconds" in agent.stderr.read()
        assert workers(host) == []
        assert waits.poll() is None, waits.communicate()
    host.forget(agent)
    host.work()
    succeeded(caller, params, is_setup=True)
    assert '"SUCCEEDED"' in waits.communicate(timeout=LONGEST)[0]
    assert (cluster.operation(caller, "w1").host, cluster.operation(caller, "w1").attempt) == ("hasty", 2)


def log_of(host: Host, operation: Operation) -> Path:
    """Give the file in which a worker of a host writes its log."""
    return log_path(host.directory, operation.stack, operation.id)


def test_lives_over_two_hosts_leave_nothing_and_have_one_writer_each(cluster: Cluster, cloud: Azure) -> None:
    """Whatever dies, stands still or is cut off at whichever moment: in these each does; `make hosts` lives more."""
    with linked(cluster) as links:
        cut_off_one(cluster, cloud, links)
        live(cluster, links, range(2021, 2026))


def cut_off_one(cluster: Cluster, cloud: Azure, links: Mapping[str, Relay]) -> None:
    """Cut a link that closes nothing: another host takes over, late writes are refused, and waits continue."""
    params: Params = {"vmName": "c1"}
    with relayed(cluster.server.port) as callers_link:
        first, second = (cluster.host_behind(name, link.port) for name, link in links.items())
        far = cluster.host_behind("far", callers_link.port)
        caller = cluster.begin(cloud, first, params)
        waits = waiting(cluster, far, "c1")
        second.work("--slots", "2")
        links[first.name].cut()
        callers_link.cut()
        cluster.until(caller, "running", second.name, "c1")
        cloud.let_go()
        succeeded(caller, params, is_setup=True)
        before, there, writes = cluster.operation(caller, "c1"), cloud.resources(), len(cloud.writes())
        assert waits.poll() is None, waits.communicate()
        links[first.name].mend()
        callers_link.mend()
        assert poll_until(lambda: not workers(first) or NotYet(0.02), timeout=LONGEST)
        assert '"SUCCEEDED"' in waits.communicate(timeout=LONGEST)[0]
        assert (cloud.resources(), len(cloud.writes())) == (there, writes)
        assert cluster.operation(caller, "c1") == before
