"""A demonstration of two hosts that share a PostgreSQL: a VM is made, its host is killed, and the other continues.

``python -m tests.chaos.show``; everything is on this machine, and removed at the end.
"""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from tests import postgres
from tests.azure import Azure
from tests.functional.cluster import LONGEST, Cluster, Host, sharing
from tests.functional.doors import CLI
from vmops.core.polling import NotYet, poll_until

_PACE = 0.1
"""The pace of the local Azure, slow enough to watch."""


def call(host: Host, words: str) -> None:
    """Call vmops on a host, and print the call and its answer."""
    print(f"\n{host.name} $ vmops {words}", flush=True)
    subprocess.run([*CLI, *shlex.split(words)], env=host.environment, check=True, timeout=LONGEST)


def show(cluster: Cluster) -> None:
    """Run the demonstration."""
    laptop, first, second = (cluster.host(name) for name in ("laptop", "one", "two"))
    print("a PostgreSQL runs, and hosts may share it (vmops cluster init)")
    first.work("--slots", "2")
    call(laptop, "hosts")
    call(laptop, "provision exp1 -p ttl=1h")
    azure = Azure(cluster.azure)
    assert poll_until(lambda: bool(azure.resources()) or NotYet(0.05), timeout=LONGEST)
    second.work("--slots", "2")
    print("\nhost one is killed, with all that runs on it, in the middle of its work", flush=True)
    first.die()
    call(laptop, "wait exp1")
    call(laptop, "hosts")
    done = cluster.operation(laptop.ops, "exp1")
    print(f"\nhost {done.host} has done it, attempt {done.attempt}, epoch {done.epoch} of the VM's claim", flush=True)
    call(cluster.host("ci-runner"), "deprovision exp1 --wait --yes")
    assert azure.resources() == []
    print("\nnothing is left, and nobody did anything for it")


def main() -> None:
    """Run it on a fresh database and local Azure."""
    with postgres.running() as server, tempfile.TemporaryDirectory(prefix="vmops-cluster-") as name:
        os.environ |= {
            **server.environment,
            "VMOPS_LOCAL_AZURE": str(Path(name) / "azure"),
            "VMOPS_LOCAL_GUESTS": "none",
        }
        with sharing(Path(name), server, _PACE) as cluster:
            show(cluster)


if __name__ == "__main__":
    main()
