"""Hosts whose database fails over to a replica that lacks the last commits."""

import re
import signal
from pathlib import Path
from typing import Any

import psutil

from tests.azure import Azure
from tests.functional.cluster import LONGEST, at_peace, prepared, succeeded, workers
from tests.house import ROOT
from tests.postgres import running
from vmops import Status
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.protocol import Params

_CAUGHT_UP = "SELECT count(*) FROM pg_stat_replication WHERE replay_lsn >= pg_current_wal_lsn()"


def documented() -> str:
    """Give the statement that the page tells to execute after a promotion."""
    (found,) = re.findall(r"`(UPDATE vmops\.claims [^`]*)`", (ROOT / "docs/cluster.md").read_text())
    return str(found)


def test_after_a_failover_nobody_writes_under_a_lost_claim(engine: Path, tmp_path: Path) -> None:
    """The replica knows neither the last operation of one VM nor another VM, whose key is lost with it.

    Their workers are fenced. The next call finishes the change of the one. The other is not replaced for a new key, and
    both can be removed.
    """
    del engine
    known: Params = {"vmName": "f1"}
    unknown: Params = {"vmName": "f2"}
    with running() as server, prepared(tmp_path, server) as cluster, at_peace(cluster) as cloud:
        host, caller = cluster.host("one"), cluster.host("caller").ops
        host.work("--slots", "2")
        assert caller.vm_provision(dict(known)) == (Status.PENDING, {}), caller.last_failure(known)
        succeeded(caller, known, is_setup=True)
        first = identity(cloud, "f1")
        with server.replica() as replica:
            assert poll_until(lambda: server.ask(_CAUGHT_UP) == ["1"] or NotYet(0.05), timeout=LONGEST)
            replica.end(signal.SIGINT)
            cloud.stick("update", "f1")
            changed: Params = {**known, "vmSize": "Standard_B4ms"}
            assert caller.vm_provision(dict(changed)) == (Status.PENDING, {}), caller.last_failure(known)
            cluster.begin(cloud, host, dict(unknown))
            lost = workers(host)
            server.served.end(signal.SIGQUIT)
            replica.port = server.port
            replica.begin()
            server.ask("SELECT pg_promote()")
            cluster.ask(documented())
            assert poll_until(lambda: not any(map(alive, lost)) or NotYet(0.05), timeout=LONGEST), lost
            cloud.let_go()
            assert caller.vm_provision(dict(changed)) == (Status.PENDING, {}), caller.last_failure(changed)
            succeeded(caller, changed, is_setup=True)
            assert (identity(cloud, "f1"), size(cloud, "f1")) == (first, "Standard_B4ms")
            second = identity(cloud, "f2")
            assert caller.vm_provision(dict(unknown)) == (Status.PENDING, {}), caller.last_failure(unknown)
            assert caller.wait_vm_deployment(True, {**unknown, "pollTimeout": LONGEST}) == (Status.FAILED, {})
            assert refused(caller.last_failure(unknown))
            assert identity(cloud, "f2") == second
            for params in (known, unknown):
                assert caller.vm_deprovision(dict(params)) == (Status.PENDING, {}), caller.last_failure(params)
                succeeded(caller, params, is_setup=False)
            assert cloud.resources() == []
            host.die()


def alive(worker: psutil.Process) -> bool:
    """Tell whether a worker still runs."""
    return worker.is_running()


def refused(failure: Failure | None) -> bool:
    """Tell whether a VM was not replaced because it has another key."""
    return failure is not None and failure.kind is FailureKind.IMMUTABLE and "has another key" in failure.message


def machine(cloud: Azure, name: str) -> dict[str, Any]:
    """Give the properties of a VM."""
    (found,) = [each for each in cloud.ids() if each.endswith(f"/virtualMachines/{name}")]
    properties: dict[str, Any] = cloud.vm(found)["properties"]
    return properties


def identity(cloud: Azure, name: str) -> str:
    """Give Azure's identity of a VM."""
    return str(machine(cloud, name)["vmId"])


def size(cloud: Azure, name: str) -> str:
    """Give the size of a VM."""
    return str(machine(cloud, name)["hardwareProfile"]["vmSize"])
