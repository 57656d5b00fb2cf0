"""Lives of one VM over two hosts, of which one dies, stands still or loses its worker at any moment.

``python -m tests.chaos.hosts --seeds 200`` lives as many, one after the other, and prints what came of them.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import postgres
from tests.azure import Azure
from tests.functional.cluster import LONGEST, Cluster, Host, sharing, workers
from vmops import VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.protocol import Params, Status

_MOST = 24
"""Requests of an operation after which something happens, at most: it has about as many."""

_TRIES = 6
"""How often a call is made again that has met what happened: each death may cost one."""


@dataclass
class Life:
    """One life of a VM, as its seed has it."""

    cluster: Cluster
    seed: int
    happened: list[str] = field(default_factory=list)

    def live(self) -> None:
        """Make the VM and remove it while hosts die, and see that nothing is left and nothing is there twice."""
        chance = random.Random(self.seed)
        azure, params = Azure(self.cluster.azure), {"vmName": f"life{self.seed}"}
        hosts = [self.cluster.host(name) for name in ("one", "two")]
        for host in hosts:
            revive(host)
        caller = self.cluster.host("caller").ops
        for verb in ("provision", "deprovision"):
            self._begin(caller, verb, params)
            with self._mishap(chance, azure, hosts):
                pass
            self._end(caller, verb, params)
            if verb == "provision":
                self._refuse_two(azure, params["vmName"])
        assert [each["id"] for each in azure.resources()] == [], self.happened
        left = "SELECT key FROM vmops.pulumi_state WHERE strpos(key, '{}-') > 0"
        assert self.cluster.ask(left.format(params["vmName"])) == [], self.happened

    def _begin(self, caller: VMOps, verb: str, params: Params) -> None:
        begin = caller.vm_provision if verb == "provision" else caller.vm_deprovision
        answer = poll_until(lambda: begun(begin(dict(params))), timeout=LONGEST)
        assert answer, (self.happened, caller.last_failure(params))

    def _end(self, caller: VMOps, verb: str, params: Params) -> None:
        """Wait for the end; what was cut off three times has failed, and the same call goes on."""
        for _ in range(_TRIES):
            wait = {**params, "pollTimeout": LONGEST}
            if caller.wait_vm_deployment(verb == "provision", wait)[0] is Status.SUCCEEDED:
                return
            self.happened.append(str(caller.last_failure(params)))
            self._begin(caller, verb, params)
        raise AssertionError(self.happened)

    @contextmanager
    def _mishap(self, chance: random.Random, azure: Azure, hosts: list[Host]) -> Iterator[None]:
        """Have something happen after so many requests, and whatever it was be over in the end."""
        many, host, what = chance.randrange(_MOST), chance.choice(hosts), chance.choice(list(MISHAPS))
        before = len(azure.journal())
        poll_until(lambda: len(azure.journal()) >= before + many or NotYet(0.01), timeout=10.0)
        self.happened.append(f"{what} {host.name} after {many}")
        MISHAPS[what](host)
        try:
            yield
        finally:
            if what == "stop":
                other = next(each for each in hosts if each is not host)
                poll_until(lambda: at_rest(self.cluster) or NotYet(0.05), timeout=4 * chance.random() + 2.0)
                assert other.agents
                host.send(signal.SIGCONT)
            revive(host)

    def _refuse_two(self, azure: Azure, name: str) -> None:
        kinds = Counter(each["id"].split("/")[-2].lower() for each in azure.resources() if name in each["id"])
        assert kinds["virtualmachines"] == 1, (self.happened, kinds)
        assert max(kinds.values()) == 1, (self.happened, kinds)


def begun(answer: tuple[Status, object]) -> bool | NotYet:
    """Tell whether a call has begun something, or had nothing to do."""
    return answer[0] is not Status.FAILED or NotYet(0.2)


def at_rest(cluster: Cluster) -> bool:
    """Tell whether no operation is in flight."""
    return cluster.ask("SELECT count(*) FROM vmops.operations WHERE state IN ('pending', 'running')") == ["0"]


def kill_worker(host: Host) -> None:
    """Kill the workers of a host."""
    for each in workers(host):
        each.kill()


def kill_agent(host: Host) -> None:
    """Kill what takes the jobs of a host; its workers live."""
    for agent in host.agents:
        agent.kill()


MISHAPS = {
    "kill": Host.die,
    "stop": lambda host: host.send(signal.SIGSTOP),
    "kill the worker of": kill_worker,
    "kill the agent of": kill_agent,
}
"""What may happen to a host."""


def revive(host: Host) -> None:
    """Have a host work, if it does not."""
    for agent in [each for each in host.agents if each.poll() is not None]:
        host.forget(agent)
    if not host.agents:
        host.work("--slots", "2")


def main() -> None:
    """Live as many lives as are asked for, each with hosts that have lived before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    told = parser.parse_args()
    happened: Counter[str] = Counter()
    with postgres.running() as server, tempfile.TemporaryDirectory(prefix="vmops-hosts-") as name:
        os.environ |= {
            **server.environment,
            "VMOPS_LOCAL_AZURE": str(Path(name) / "azure"),
            "VMOPS_LOCAL_GUESTS": "none",
        }
        with sharing(Path(name), server, 0) as cluster:
            for seed in range(told.first, told.first + told.seeds):
                life = Life(cluster, seed)
                life.live()
                happened.update(each.partition(" after ")[0].rpartition(" ")[0] for each in life.happened[:2])
                print(f"life {seed}: {'; '.join(life.happened)}", flush=True)
    print(f"{told.seeds} lives, {dict(happened)}: 0 orphans, 0 duplicates", file=sys.stderr)


if __name__ == "__main__":
    main()
