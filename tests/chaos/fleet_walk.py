"""One fleet that is killed repeatedly, at one boundary of a phase at a time."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from tests.chaos.boundaries import RECORD, Boundary, Turnstile, boundaries, kinds
from tests.chaos.fleet_scene import FleetScene, Phase
from tests.chaos.freeze import frozen
from tests.chaos.kill_targets import kill_targets, strike
from tests.chaos.killing import PATIENCE, rest
from tests.chaos.moments import Moment
from tests.chaos.script import Kill
from vmops import Status
from vmops.core.polling import NotYet, poll_until
from vmops.protocol import Params

COUNTED = (
    "boundaries",
    "kills",
    "missed",
    "orphans",
    "duplicates",
    "replacements",
    "foreign touched",
    "dead ends",
    "wrong",
)


@dataclass
class Walk:
    """A fleet on its walk, with counters; ``told`` describes the last kill."""

    scene: FleetScene
    dice: random.Random
    counts: Counter[str] = field(default_factory=Counter)
    told: list[str] = field(default_factory=list)

    def found(self, phase: Phase) -> list[Boundary]:
        """Give the boundaries of a phase, from an undisturbed deployment."""
        self.scene.prepare(phase)
        azure, params = self.scene.stage.azure, phase.params
        before = len(azure.journal())
        with closing(self._held(params)) as turnstile:
            sent = azure.journal()[before:]
            assert not sent, f"the caller sends something, and would be kept with it: {sent}"
            while turnstile.let_pass(self._over()):
                pass
        status, _ = self.scene.ops.wait_vm_deployment(True, params)
        assert status is Status.SUCCEEDED, self.scene.ops.last_failure(params)
        return list(boundaries(kinds(azure.journal()[before:]), turnstile.passed))

    def kill(self, phase: Phase, boundary: Boundary) -> str:
        """Kill at a boundary, and check that the same call converges; tell what was killed."""
        self.scene.prepare(phase)
        target = self.dice.choice(("both", "both", "worker", "engine"))
        cut = self._at_write if boundary.method == RECORD else self._at_request
        struck = cut(phase, boundary, target)
        self.counts["kills" if struck else "missed"] += 1
        self.told = [f"{target}{'' if struck else ' (missed)'}"]
        if self.dice.random() < 0.5:
            self.scene.settle()
            self.told.append("at rest")
        ran = self.scene.running()
        self.told.append(f"ran {sorted(ran)}")
        self._converge(phase, ran)
        return f"{boundary}: {', '.join(self.told)}"

    def _at_request(self, phase: Phase, boundary: Boundary, target: str) -> bool:
        """Kill while a request, or its answer, is delayed; the request is carried out afterwards."""
        stage = self.scene.stage
        stage.faults(boundary.rule)
        assert self.scene.ops.vm_provision(phase.params)[0] is Status.PENDING
        struck = self._strike(target, lambda: bool(stage.kept()))
        stage.faults()
        return struck

    def _at_write(self, phase: Phase, boundary: Boundary, target: str) -> bool:
        """Kill before a write of the records, or after it and before the next."""
        over = self._over
        with closing(self._held(phase.params)) as turnstile:
            for _ in range(boundary.number - (not boundary.done)):
                if not turnstile.let_pass(over()):
                    return False
            if not boundary.done and not turnstile.all_wait(over()):
                return False
            return self._strike(target, lambda: True)

    def _held(self, params: Params) -> Turnstile:
        """Provision, and delay the writes of the records after the caller's."""
        with frozen(self.scene.stage) as held:
            held.keep_slots()
            assert self.scene.ops.vm_provision(dict(params))[0] is Status.PENDING
            return Turnstile(self.scene.stage)

    def _strike(self, target: str, come: Callable[[], bool]) -> bool:
        """Kill the intended processes at the moment; False if it does not come."""
        stage, over = self.scene.stage, self._over()

        def look() -> bool | NotYet:
            ended = over()
            there = [each for each in map(_aimed, (target, "both")) if kill_targets(stage, each, None)]
            if there and come():
                kill = there[0]
                return strike(stage, kill, kill_targets(stage, kill, None), come)
            return False if ended else NotYet(0.005)

        return poll_until(look, timeout=PATIENCE) is True

    def _over(self) -> Callable[[], bool]:
        """Give a check whether the last deployment has ended."""
        store, stack = self.scene.store, self.scene.stage.stack

        def over() -> bool:
            latest = store.latest(stack)
            return latest is None or latest.over

        return over

    def _converge(self, phase: Phase, ran: Mapping[str, str]) -> None:
        """Repeat the call once, and check the result."""
        rest(self.scene.stage)
        params, ops = phase.params, self.scene.ops
        status, result = ops.vm_provision(dict(params))
        if status is not Status.FAILED:
            status, result = ops.wait_vm_deployment(True, dict(params))
        if status is not Status.SUCCEEDED:
            self._count("dead ends", [str(ops.last_failure(params))])
        ours, intended, now = self.scene.ours(), self.scene.intended(params), self.scene.running()
        self._count("orphans", ours - intended)
        self._count("duplicates", sorted(now)[phase.ready :])
        self._count("replacements", [name for name, each in ran.items() if now.get(name, each) != each])
        if phase.before <= phase.ready:
            self._count("replacements", ran.keys() - now.keys())
        self._count("foreign touched", self.scene.touched())
        assert intended <= ours, f"not there: {sorted(intended - ours)}"
        assert (result["ready"], len(now)) == (phase.ready, phase.ready), result
        assert ops.vm_provision(dict(params)) == (Status.SUCCEEDED, {}), "the same call has something to do"

    def _count(self, name: str, found: Iterable[str]) -> None:
        those = sorted(found)
        self.counts[name] += len(those)
        assert not those, f"{name}: {those}"


def _aimed(target: str) -> Kill:
    return Kill(target, Moment("sent"))
