"""Hosts that share a PostgreSQL: how soon work begins, ends and goes on, and what sharing costs beside one host.

python -m benchmarks.cluster [FIGURE …]
"""

import asyncio
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import measured
from benchmarks.measured import Row
from benchmarks.place import machine
from tests import postgres
from tests.azure import Azure
from tests.functional.cluster import LONGEST, Cluster, Host, sharing, workers
from vmops import Settings, Status, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.jobs.cluster import queue
from vmops.jobs.operation import Operation, Verb

_ROUNDS = 20
_ORDERS = 1000
_AWAY = 25.0
_CROWD = 24
_CROWD_PACE = 0.2
"""So slow that the VMs are waited for, and the machine's cores are not what is measured."""

_AT_LEAST = {"jobs that one host takes, per second": 100.0}
_AT_MOST: dict[str, float] = {
    "accept 1,000 requests": 10,
    "from the request to the start of the work": 0.05,
    "from the end of the work to the answer of a wait on another host": 0.02,
    "provision, relative to one without a database": 1.15,
    "from the death of a worker to the next attempt": 1,
    "from the death of a host to the next attempt": 20,
    "from the resumption of a stale worker to its end": 5,
    "writes of a resumed stale worker": 0,
    "PostgreSQL unreachable for 25 s: failed provisions": 0,
    "make 24 VMs on two hosts, relative to one": 0.6,
}
"""The limits of figures."""

_IMPORTED = "import sys, vmops; vmops.VMOps; print(sys.modules.keys() & {'psycopg', 'procrastinate'} or 'none')"


@dataclass
class Bench:
    """A cluster to measure, and what was measured, by the name of the figure; in seconds, unless it says otherwise."""

    cluster: Cluster
    figures: dict[str, Any]

    @property
    def caller(self) -> VMOps:
        """Give vmops on a host that only calls."""
        return self.cluster.host("caller").ops

    @property
    def azure(self) -> Azure:
        """Give the local Azure."""
        return Azure(self.cluster.azure)

    def provision(self) -> None:
        """Make one VM after the other, here and on a single host: when its work begins and ends, and that is known."""
        host = self.cluster.host("one")
        host.work("--slots", "2")
        single = VMOps(Settings(state_dir=self.cluster.place / "single", owner="team"))
        begun, told, shared, alone = (list[float]() for _ in range(4))
        for number in range(_ROUNDS + 1):
            done, known = self._life(self.caller, f"p{number}")
            here, _ = self._life(single, f"s{number}")
            if number:
                begun.append(done.started - done.created)
                told.append(known - done.ended)
                shared.append(done.ended - done.created)
                alone.append(here.ended - here.created)
        host.die()
        medians = [statistics.median(each) for each in (begun, told, shared, alone)]
        names = (
            "from the request to the start of the work",
            "from the end of the work to the answer of a wait on another host",
            "provision, until the VM runs",
            "provision without a database",
        )
        self.figures |= dict(zip(names, medians, strict=True))
        self.figures["provision, relative to one without a database"] = medians[2] / medians[3]

    def _life(self, ops: VMOps, name: str) -> tuple[Operation, float]:
        params = {"vmName": name, "pollTimeout": LONGEST}
        _must(ops.vm_provision(params)[0] is Status.PENDING, ops.last_failure(params))
        _must(ops.wait_vm_deployment(True, params)[0] is Status.SUCCEEDED, ops.last_failure(params))
        known, (done,) = time.time(), ops.history({"vmName": name})
        _must(ops.vm_deprovision(params)[0] is Status.PENDING)
        _must(ops.wait_vm_deployment(False, params)[0] is Status.SUCCEEDED, ops.last_failure(params))
        return done, known

    def deaths(self) -> None:
        """Kill a worker, then its host; stop the next until another has taken over, and wake it up."""
        first, second = self.cluster.host("dying"), self.cluster.host("second")
        caller = self.cluster.begin(self.azure, first, {"vmName": "d1"})
        dead = time.time()
        workers(first)[0].kill()
        self.figures["from the death of a worker to the next attempt"] = self._attempt(2).started - dead
        second.work("--slots", "1")
        dead = time.time()
        first.die()
        self.figures["from the death of a host to the next attempt"] = self._attempt(3).started - dead
        self.azure.let_go()
        self._ended(caller, "d1")
        caller = self.cluster.begin(self.azure, second, {"vmName": "d2"})
        second.send(signal.SIGSTOP)
        first.work("--slots", "1")
        self.cluster.until(caller, "running", "dying", "d2")
        self.azure.let_go()
        self._ended(caller, "d2")
        writes, woken = len(self.azure.writes()), time.time()
        second.send(signal.SIGCONT)
        _must(poll_until(lambda: not workers(second) or NotYet(0.01), timeout=LONGEST))
        self.figures["from the resumption of a stale worker to its end"] = time.time() - woken
        self.figures["writes of a resumed stale worker"] = len(self.azure.writes()) - writes
        for host in (first, second):
            host.die()

    def _attempt(self, number: int) -> Operation:
        def look() -> Operation | NotYet:
            now = self.cluster.operation(self.caller, "d1")
            return now if (now.state, now.attempt) == ("running", number) else NotYet(0.02)

        found = poll_until(look, timeout=LONGEST)
        return found or _must(found)

    def away(self) -> None:
        """Take PostgreSQL away in the middle of two provisions."""
        host = self.cluster.host("patient")
        caller = self.cluster.begin(self.azure, host, {"vmName": "a1"})
        _must(caller.vm_provision({"vmName": "a2"})[0] is Status.PENDING)
        self.cluster.until(caller, "running", name="a2")
        with self.cluster.server.away(signal.SIGQUIT):
            self.azure.let_go()
            over = time.monotonic() + _AWAY
            poll_until(lambda: time.monotonic() >= over or NotYet(1.0), timeout=2 * _AWAY)
        answers = [
            caller.wait_vm_deployment(True, {"vmName": name, "pollTimeout": LONGEST})[0] for name in ("a1", "a2")
        ]
        self.figures["PostgreSQL unreachable for 25 s: failed provisions"] = 2 - answers.count(Status.SUCCEEDED)
        self.figures["PostgreSQL unreachable for 25 s: most attempts of a provision"] = max(
            self.cluster.operation(caller, name).attempt for name in ("a1", "a2")
        )
        host.die()

    def orders(self) -> None:
        """Have one caller ask for a thousand VMs, and one host take them whose work is nothing."""
        url = self.cluster.told["VMOPS_DATABASE_URL"]
        caller = VMOps(self.caller.settings.model_copy(update={"queue": "bench"}))
        begun = time.perf_counter()
        for number in range(_ORDERS):
            _must(caller.vm_provision({"vmName": f"o{number}"})[0] is Status.PENDING)
        self.figures["accept 1,000 requests"] = time.perf_counter() - begun
        taken: list[str] = []
        begun = time.perf_counter()
        self._take(url, taken)
        self.figures["jobs that one host takes, per second"] = len(taken) / (time.perf_counter() - begun)
        self.cluster.ask("UPDATE vmops.operations SET state = 'failed' WHERE queue = 'bench'")

    @staticmethod
    def _take(url: str, taken: list[str]) -> None:
        rooms = {queue.of_verb("bench", Verb.PROVISION): 8}

        async def serve() -> None:
            consumer = queue.Consumer(url, rooms, taken.append, (), pause=3.0, longest_silence=60.0, ride_out=60.0)
            serving = asyncio.create_task(consumer.serve())
            await asyncio.to_thread(poll_until, lambda: len(taken) >= _ORDERS or NotYet(0.01), timeout=LONGEST)
            consumer.drain()
            await serving

        asyncio.run(serve())

    def imports(self) -> None:
        """See what a caller without a database imports of all this."""
        told = {name: value for name, value in os.environ.items() if name != "VMOPS_DATABASE_URL"}
        done = subprocess.run([sys.executable, "-c", _IMPORTED], env=told, capture_output=True, text=True, check=True)
        self.figures["modules of the extra that a caller without a database imports"] = done.stdout.strip()

    def crowd(self) -> None:
        """Make as many VMs at once, with one working host and with two."""
        for number in (1, 2):
            hosts = [self.cluster.host(f"crowd{number}-{each}") for each in range(number)]
            self.figures[f"make {_CROWD} VMs, working hosts: {number}"] = self._crowd(hosts, f"c{number}")
        one, two = (self.figures[f"make {_CROWD} VMs, working hosts: {number}"] for number in (1, 2))
        self.figures[f"make {_CROWD} VMs on two hosts, relative to one"] = two / one

    def _crowd(self, hosts: list[Host], name: str) -> float:
        for host in hosts:
            host.work("--slots", "4")
        begun = time.perf_counter()
        params = [{"vmName": f"{name}-{number}", "pollTimeout": LONGEST} for number in range(_CROWD)]
        _must({self.caller.vm_provision(each)[0] for each in params} == {Status.PENDING})
        for each in params:
            self._ended(self.caller, str(each["vmName"]))
        took = time.perf_counter() - begun
        for host in hosts:
            host.die()
        return took

    @staticmethod
    def _ended(ops: VMOps, name: str) -> None:
        answer = ops.wait_vm_deployment(True, {"vmName": name, "pollTimeout": 4 * LONGEST})
        _must(answer[0] is Status.SUCCEEDED, ops.last_failure({"vmName": name}))


def _must(holds: object, why: object = "") -> Any:
    """End the run unless what is to be measured has come to be."""
    if not holds:
        sys.exit(f"nothing can be measured: {why}")


_FIGURES: dict[str, Callable[[Bench], None]] = {
    "imports": Bench.imports,
    "orders": Bench.orders,
    "provision": Bench.provision,
    "deaths": Bench.deaths,
    "away": Bench.away,
    "crowd": Bench.crowd,
}


def measure(name: str, figures: dict[str, Any]) -> None:
    """Measure one kind of figures on a server and a local Azure of its own, with the claims that hosts have."""
    with postgres.running() as server, tempfile.TemporaryDirectory(prefix="vmops-bench-") as place:
        shared = {**server.environment, "VMOPS_LOCAL_AZURE": str(Path(place) / "azure"), "VMOPS_LOCAL_GUESTS": "none"}
        os.environ |= shared
        with sharing(Path(place), server, _CROWD_PACE if name == "crowd" else 0) as cluster:
            cluster.told |= {"VMOPS_CLAIM_SECONDS": "15", "VMOPS_CLAIM_RENEW": "3"}
            cluster.hosts.clear()
            _FIGURES[name](Bench(cluster, figures))


def _row(name: str, value: float | str) -> Row:
    if name in _AT_LEAST:
        return Row(name, value, _AT_LEAST[name], at_least=True)
    return Row(name, value, _AT_MOST.get(name, math.inf))


def main() -> None:
    """Measure what is named, by default all; keep what was measured before."""
    figures = {each["name"]: each["value"] for each in measured.read("cluster").get("rows", ())}
    for name in sys.argv[1:] or _FIGURES:
        measure(name, figures)
        rows = [_row(*each) for each in figures.items()]
        measured.write("cluster", {"machine": machine(), "rows": [each.as_dict() for each in rows]})
    print(*rows, sep="\n")


if __name__ == "__main__":
    main()
