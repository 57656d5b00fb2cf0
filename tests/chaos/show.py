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
from tests.functional.cluster import LONGEST, SECONDS, Cluster, Host, sharing
from tests.functional.doors import CLI
from vmops.core.polling import NotYet, poll_until

_PACE = 0.1
"""The pace of the local Azure, slow enough to watch."""


_BEGINNING = """
Four hosts, all on this machine, share a PostgreSQL. The hosts "one" and "two" work, the laptop and the runner only ask.
Everything is made for this demonstration, in {place}, and removed at its end."""

_KILLED = """
Host one is killed, with all that runs on it, while it makes the VM. Its claim on the VM ends after {seconds:g} seconds
(VMOPS_CLAIM_SECONDS, 15 by default); then host two continues."""

_ENDING = """
Nothing is left in the cloud, and nobody had to repair anything.
docs/cluster.md tells how to do this with hosts of yours."""


def show_call(host: Host, words: str) -> None:
    """Print a call of vmops on a host, as in a shell."""
    print(f"\n{host.name} $ vmops {words}", flush=True)


def call(host: Host, words: str) -> None:
    """Call vmops on a host, and print the call and its answer."""
    show_call(host, words)
    subprocess.run([*CLI, *shlex.split(words)], env=host.environment, check=True, timeout=LONGEST)


def work(host: Host) -> None:
    """Have a host work in the background."""
    show_call(host, "worker --slots 2 &")
    host.work("--slots", "2")


def show(cluster: Cluster) -> None:
    """Run the demonstration."""
    laptop, first, second = (cluster.host(name) for name in ("laptop", "one", "two"))
    print(_BEGINNING.format(place=cluster.place))
    show_call(laptop, "cluster init")
    work(first)
    call(laptop, "hosts")
    call(laptop, "provision exp1 -p ttl=1h")
    azure = Azure(cluster.azure)
    assert poll_until(lambda: bool(azure.resources()) or NotYet(0.05), timeout=LONGEST)
    work(second)
    print(_KILLED.format(seconds=SECONDS), flush=True)
    first.die()
    call(laptop, "wait exp1")
    call(laptop, "hosts")
    done = cluster.operation(laptop.ops, "exp1")
    print(
        f"\nHost {done.host} has made it: attempt {done.attempt}, in epoch {done.epoch} of the VM's claim.", flush=True
    )
    call(cluster.host("ci-runner"), "deprovision exp1 --wait --yes")
    assert azure.resources() == []
    print(_ENDING)


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
