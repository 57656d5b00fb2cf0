"""PostgreSQL unreachable for 25 seconds, and for 90, with the claims' durations of production.

``python -m tests.chaos.absence`` takes four minutes, and prints the results.
"""

import os
import signal
import tempfile
import time
from pathlib import Path

from tests import postgres
from tests.azure import Azure
from tests.functional.cluster import LONGEST, Cluster, sharing, succeeded, workers
from vmops.core.polling import NotYet, poll_until
from vmops.protocol import Status

_SHORT, _LONG = 25.0, 90.0
"""Seconds for which it is unreachable: less than four claims, and more."""


def away(cluster: Cluster, how: signal.Signals, seconds: float) -> None:
    """Stop the server for so long."""
    over = time.monotonic() + seconds
    with cluster.server.away(how):
        poll_until(lambda: time.monotonic() >= over or NotYet(1.0), timeout=2 * seconds)


def short(cluster: Cluster, azure: Azure) -> None:
    """Stop it for a short time during a provision, and during a removal: neither is affected."""
    host, params = cluster.host("short"), {"vmName": "a1"}
    caller = cluster.begin(azure, host, params)
    azure.let_go()
    away(cluster, signal.SIGQUIT, _SHORT)
    succeeded(caller, params, is_setup=True)
    made = cluster.operation(caller, "a1")
    azure.stick("delete", "a1")
    assert caller.vm_deprovision(dict(params))[0] is Status.PENDING
    cluster.until(caller, "running", name="a1")
    azure.let_go()
    away(cluster, signal.SIGINT, _SHORT)
    succeeded(caller, params, is_setup=False)
    removed = cluster.operation(caller, "a1")
    assert [each.attempt for each in (made, removed)] == [1, 1]
    assert azure.resources() == []
    host.die()
    print(f"away {_SHORT:g} s: 0 failures of 2, attempts 1 and 1", flush=True)


def long(cluster: Cluster, azure: Azure) -> None:
    """Stop it for a long time: work stops in order, the host exits with 3, and the work is resumed afterwards."""
    host, params = cluster.host("long"), {"vmName": "a2"}
    caller = cluster.begin(azure, host, params)
    (agent,) = host.agents
    away(cluster, signal.SIGINT, _LONG)
    assert agent.wait(LONGEST) == 3
    assert workers(host) == []
    host.forget(agent)
    azure.let_go()
    host.work()
    succeeded(caller, params, is_setup=True)
    attempts = cluster.operation(caller, "a2").attempt
    assert caller.vm_deprovision(dict(params))[0] is Status.PENDING
    succeeded(caller, params, is_setup=False)
    assert azure.resources() == []
    print(f"away {_LONG:g} s: its host ended with 3, attempt {attempts} made it, nothing is left", flush=True)


def main() -> None:
    """Run both cases, on a separate server and local Azure."""
    with postgres.running() as server, tempfile.TemporaryDirectory(prefix="vmops-away-") as name:
        shared = {"VMOPS_LOCAL_AZURE": str(Path(name) / "azure"), "VMOPS_LOCAL_GUESTS": "none"}
        os.environ |= {**server.environment, **shared}
        with sharing(Path(name), server, 0) as cluster:
            cluster.told |= {"VMOPS_CLAIM_SECONDS": "15", "VMOPS_CLAIM_RENEW": "3"}
            cluster.hosts.clear()
            short(cluster, Azure(cluster.azure))
            long(cluster, Azure(cluster.azure))


if __name__ == "__main__":
    main()
