"""Lives of one VM over two hosts, of which one dies, stands still, is cut off or loses its worker at any moment.

``python -m tests.chaos.hosts --seeds 200`` lives as many, one after the other, and prints what came of them.
"""

import argparse
import os
import random
import re
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests import postgres
from tests.azure import Azure
from tests.chaos.scene import Scene
from tests.functional.cluster import LONGEST, Cluster, Host, sharing, workers
from tests.relay import Relay, relayed
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
    links: Mapping[str, Relay]
    happened: list[str] = field(default_factory=list)

    def live(self) -> None:
        """Make the VM and remove it while hosts die, and see that nothing is left and nothing is there twice.

        What others have is there all the time, in the VM's own group too in every second life, and stays as it was.
        """
        chance = random.Random(self.seed)
        azure, params = Azure(self.cluster.azure), {"vmName": f"life{self.seed}"}
        azure.post("/_local/reset", {})
        hosts = [self.cluster.host_behind(name, link.port) for name, link in self.links.items()]
        for host in hosts:
            revive(host)
        caller = self.cluster.host("caller").ops
        stage = Scene(caller.settings.state_dir, params, azure, caller)
        stage.plant("theirs")
        if self._in_their_group:
            stage.plant(stage.spec.resource_group)
        for verb in ("provision", "deprovision"):
            self._begin(caller, verb, params)
            with self._mishap(chance, stage, hosts):
                pass
            self._end(caller, verb, params)
            if verb == "provision":
                self._refuse_two(stage)
            assert stage.touched() == [], self.happened
        assert stage.ours() == set(), self.happened
        left = "SELECT key FROM vmops.pulumi_state WHERE strpos(key, '{}-') > 0"
        assert self.cluster.ask(left.format(params["vmName"])) == [], self.happened
        self._refuse_two_writers(azure)

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
    def _mishap(self, chance: random.Random, stage: Scene, hosts: list[Host]) -> Iterator[None]:
        """Have something happen after so many requests, and whatever it was be over in the end."""
        many, host, what = chance.randrange(_MOST), chance.choice(hosts), chance.choice(list(MISHAPS))
        before = len(stage.azure.journal())
        poll_until(
            lambda: len(stage.azure.journal()) >= before + many or is_over(stage) or NotYet(0.01), timeout=LONGEST
        )
        self.happened.append(f"{what} {host.name} after {many}")
        MISHAPS[what](host, self.links[host.name])
        try:
            yield
        finally:
            if what in ("stop", "cut off"):
                other = next(each for each in hosts if each is not host)
                poll_until(lambda: is_over(stage) or NotYet(0.05), timeout=4 * chance.random() + 2.0)
                assert other.agents
                host.send(signal.SIGCONT)
                self.links[host.name].mend()
            revive(host)

    def _refuse_two(self, stage: Scene) -> None:
        kinds = Counter(each.split("/")[-2] for each in stage.ours() if "/providers/" in each)
        assert kinds["virtualmachines"] == 1, (self.happened, kinds)
        assert max(kinds.values()) == 1, (self.happened, kinds)

    def _refuse_two_writers(self, azure: Azure) -> None:
        """See that each epoch had one writer, and that none wrote to ARM after another of a later epoch had."""
        told = [each for each in azure.journal() if f"life{self.seed}" in each["path"] or self._group in each["path"]]
        marks = [found.groups() for each in told if (found := _MARK.fullmatch(each.get("requestId", "")))]
        epochs = [int(epoch) for _, epoch in marks]
        assert epochs == sorted(epochs), (self.happened, marks)
        assert len(set(marks)) == len(set(epochs)), (self.happened, marks)
        assert marks or self._in_their_group, self.happened

    @property
    def _in_their_group(self) -> bool:
        """Tell whether the VM is in a group of others: there the engine alone writes."""
        return self.seed % 2 == 1

    @property
    def _group(self) -> str:
        return f"vmops-life{self.seed}"


_MARK = re.compile(r"vmops-([0-9a-f]+)-(\d+)")
"""The mark of a worker's own writes: its operation, and its epoch of the VM."""


def begun(answer: tuple[Status, object]) -> bool | NotYet:
    """Tell whether a call has begun something, or had nothing to do."""
    return answer[0] is not Status.FAILED or NotYet(0.2)


def is_over(stage: Scene) -> bool:
    """Tell whether nothing of the VM is in flight."""
    newest = stage.ops.operation(stage.params)
    return newest is not None and newest.over


def kill_worker(host: Host) -> None:
    """Kill the workers of a host."""
    for each in workers(host):
        each.kill()


def kill_agent(host: Host) -> None:
    """Kill what takes the jobs of a host; its workers live."""
    for agent in host.agents:
        agent.kill()


MISHAPS: Mapping[str, Callable[[Host, Relay], object]] = {
    "kill": lambda host, _: host.die(),
    "stop": lambda host, _: host.send(signal.SIGSTOP),
    "cut off": lambda _, link: link.cut(),
    "kill the worker of": lambda host, _: kill_worker(host),
    "kill the agent of": lambda host, _: kill_agent(host),
}
"""What may happen to a host."""


def revive(host: Host) -> None:
    """Have a host work, if it does not."""
    for agent in [each for each in host.agents if each.poll() is not None]:
        host.forget(agent)
    if not host.agents:
        host.work("--slots", "2")


@contextmanager
def linked(cluster: Cluster) -> Iterator[Mapping[str, Relay]]:
    """Give the links of two hosts to the database, by the name of the host."""
    with relayed(cluster.server.port) as one, relayed(cluster.server.port) as two:
        yield {"one": one, "two": two}


def live(cluster: Cluster, links: Mapping[str, Relay], seeds: Iterable[int]) -> Counter[str]:
    """Live lives, one after the other, over hosts that have lived before; give what happened in them."""
    happened: Counter[str] = Counter()
    for seed in seeds:
        life = Life(cluster, seed, links)
        life.live()
        happened.update(each.partition(" after ")[0].rpartition(" ")[0] for each in life.happened[:2])
        print(f"life {seed}: {'; '.join(life.happened)}", flush=True)
    for host in cluster.hosts.values():
        host.die()
    return happened


def main() -> None:
    """Live as many lives as are asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    told = parser.parse_args()
    with postgres.running() as server, tempfile.TemporaryDirectory(prefix="vmops-hosts-") as name:
        os.environ |= {
            **server.environment,
            "VMOPS_LOCAL_AZURE": str(Path(name) / "azure"),
            "VMOPS_LOCAL_GUESTS": "none",
        }
        with sharing(Path(name), server, 0) as cluster, linked(cluster) as links:
            cluster.told |= {"VMOPS_CLAIM_SECONDS": "2"}  # each death costs as much
            cluster.hosts.clear()
            happened = live(cluster, links, range(told.first, told.first + told.seeds))
    print(
        f"{told.seeds} lives, {dict(happened)}: 0 orphans, 0 duplicates, 0 foreign touched, 0 two writers",
        file=sys.stderr,
    )


if __name__ == "__main__":
    main()
