"""One life of a VM: provision, power verbs and removal, with kills during each of them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.chaos import killing
from tests.chaos.killing import PATIENCE
from tests.chaos.mishaps import MISHAPS
from tests.chaos.scene import Around, Scene, nothing, scene
from tests.chaos.script import POWERED, Fault, Kill, Script, Step
from vmops import Status
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.engine.backend.refusals import NEWER_ENGINE
from vmops.local import inspection
from vmops.local.arm.faults.catalogue import FAULTS, INCIDENTS, Incident
from vmops.protocol import Answer

_CALLS = 3
"""Calls that may fail in a row without any active fault; more are a failure of the test."""

_UNEXPLAINED = frozenset({FailureKind.BUG, FailureKind.ENGINE})

_COUNTED = (
    "lives",
    "kills",
    "faults",
    "recovered",
    "missed",
    "boundaries missed",
    "orphans",
    "duplicates",
    "foreign touched",
    "dead ends",
    "failures",
)


class Wrong(AssertionError):
    """A life that failed its checks."""


@dataclass
class Figures:
    """Counters of one life or several."""

    counts: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return ", ".join(f"{name} {self.counts[name]}" for name in _COUNTED)


def play(script: Script, figures: Figures, say: Callable[[str], Any], around: Around = nothing) -> None:
    """Run one life beside foreign resources, ``around`` what its host has. Raises: Wrong, with the failed check."""
    params = {**script.params, "pollInterval": 0.05, "pollTimeout": PATIENCE}
    with scene(params, script.pace, workers=1, around=around) as stage:
        life = Life(stage, script, figures, say)
        stage.azure.put("/_local/capacity", list(script.room))
        stage.plant("theirs")
        if "resourceGroup" in params:
            stage.plant(params["resourceGroup"], params.get("virtualNetworkName", ""))
        for step in script.steps:
            life.take(step)
    figures.counts["lives"] += 1


@dataclass
class Life:
    """One life, step by step."""

    stage: Scene
    script: Script
    figures: Figures
    say: Callable[[str], Any]

    def take(self, step: Step) -> None:
        """Call a verb with its kills, then until it has converged, and check the result."""
        if step.verb == "deprovision" and self.script.late:
            self.stage.plant(self.stage.spec.resource_group)
        for fault in step.faults:
            self.meet(step.verb, fault)
        struck = sum([self.kill(step.verb, kill) for kill in step.kills])
        if step.verb in POWERED:
            if any(fault.name == "deleted-behind-our-back" for fault in step.faults):
                self._deploy("provision")
            self._switch(step.verb)
        else:
            self._deploy(step.verb)
        self.figures.counts["recovered"] += struck + len(step.faults)

    def meet(self, verb: str, fault: Fault) -> None:
        """Call a verb that meets a fault: a failure has a kind and a next step."""
        tags = self._tags()
        mishap = MISHAPS.get(fault.name)
        if mishap:
            self.stage.come_to_rest(PATIENCE)
            mishap.come(self.stage)
        elif fault.name in INCIDENTS:
            self._meddle(INCIDENTS[fault.name])
        else:
            rule = FAULTS[fault.name].rule(fault.name, self.stage.params["vmName"], **fault.when)
            self.stage.faults(rule.plain())
        status, _ = self._call(verb)
        if status is Status.PENDING and fault.name == "stuck-operation" and verb not in POWERED:
            status = self._cut_short(verb)
        elif status is Status.PENDING:
            status, _ = self.stage.ops.wait_vm_operation(self.stage.params)
        failure = self.stage.ops.last_failure(self.stage.params)
        named = failure is not None and failure.code == NEWER_ENGINE
        if status is Status.FAILED and failure and failure.kind in _UNEXPLAINED and not named:
            raise Wrong(f"{verb} with {fault}: {failure}")
        if tags and fault.name == "retagged-behind-our-back":
            self._refused(status, failure)
            self._send("PATCH", "", {"tags": tags})
        self.stage.faults()
        if mishap:
            mishap.go(self.stage)
        self.figures.counts["faults"] += 1
        why = f" {failure.code or failure.kind}" if status is Status.FAILED and failure else ""
        self.say(f"{verb}: {fault} {status.name}{why}")

    def _cut_short(self, verb: str) -> Status:
        """Cancel an operation that may never end."""
        status, _ = self.stage.ops.wait_vm_operation({**self.stage.params, "pollTimeout": 3})
        if status is not Status.TIMED_OUT:
            return status
        status, _ = self.stage.ops.cancel(self.stage.params)
        if status is not Status.SUCCEEDED:
            raise Wrong(f"{verb} cannot be cancelled: {self.stage.ops.last_failure(self.stage.params)}")
        return self.stage.ops.wait_vm_operation(self.stage.params)[0]

    def _meddle(self, incident: Incident) -> None:
        """Do to the VM what somebody else might, if it exists and ARM permits it."""
        self._send(incident.method, incident.step, incident.body)

    def _send(self, method: str, step: str, body: dict[str, Any]) -> None:
        """Send a request about the VM once it has no operation, if it exists then."""
        self.stage.come_to_rest(PATIENCE)
        if self.stage.vm():
            path = f"{self.stage.spec.vm_id}{step}?api-version=2024-07-01"
            inspection.send(self.stage.state_dir, method, path, body or None)

    def _tags(self) -> dict[str, str]:
        """Give the tags of the VM; none if it is not there."""
        found = self.stage.vm()
        return dict(found["tags"]) if found else {}

    def _refused(self, status: Status, failure: Failure | None) -> None:
        """Check that a VM with another owner's tags was refused, and is unchanged."""
        if (status, failure and failure.kind) != (Status.FAILED, FailureKind.CONFLICT) or self._tags() != _HERS:
            raise Wrong(f"another's VM is not left alone: {status.name} {failure}, tags {self._tags()}")

    def kill(self, verb: str, drawn: Kill) -> bool:
        """Kill something during a verb; tell whether its moment came."""
        met, struck = killing.kill(self.stage, verb, drawn)
        self.figures.counts["kills" if struck else "missed"] += 1
        self.figures.counts["boundaries missed"] += not struck and met.moment.name != "after"
        self.say(f"{verb}: {met}{'' if struck else ' (missed)'}")
        return struck

    def _call(self, verb: str) -> Answer:
        answer: Answer = getattr(self.stage.ops, f"vm_{verb}")(self.stage.params)
        return answer

    def _deploy(self, verb: str) -> None:
        """Wait for the end of what was killed; then the same call succeeds."""
        killing.rest(self.stage)
        if self._called(verb) is not Status.SUCCEEDED:
            failure = self.stage.ops.last_failure(self.stage.params)
            again = (self._called(verb) for _ in range(_CALLS - 1))
            self._count("dead ends", [] if Status.SUCCEEDED in again else [f"{verb}: {failure}"])
            raise Wrong(f"{verb} failed, though not again: {failure}")
        self._look_made() if verb == "provision" else self._look_gone()

    def _called(self, verb: str) -> Status:
        """Call a verb, and wait for it."""
        status, _ = self._call(verb)
        if status is Status.PENDING:
            status, _ = self.stage.ops.wait_vm_deployment(verb == "provision", self.stage.params)
        return status

    def _switch(self, verb: str) -> None:
        """Repeat the call until Azure accepts it; then the VM has the requested power state."""

        def look() -> bool | NotYet:
            status, _ = self._call(verb)
            if status is Status.PENDING:
                status, _ = self.stage.ops.wait_vm_operation(self.stage.params)
            failure = self.stage.ops.last_failure(self.stage.params)
            if status is Status.FAILED and failure and failure.retryable:
                return NotYet(0.1)
            if status is not Status.SUCCEEDED:
                raise Wrong(f"{verb} ended as {status.name}: {failure}")
            return True

        if not poll_until(look, timeout=PATIENCE):
            raise Wrong(f"{verb} does not converge: {self.stage.ops.last_failure(self.stage.params)}")
        if (power := self.stage.azure.power(self.stage.spec.vm_id)) != POWERED[verb]:
            raise Wrong(f"{verb} succeeded, and the VM is {power}")

    def _look_made(self) -> None:
        """Check that all intended resources exist once and no others, and that nothing is left to do."""
        ours, intended = self.stage.ours(), self.stage.intended()
        self._count("duplicates", ours - intended)
        if intended - ours:
            raise Wrong(f"provisioned, and not there: {sorted(intended - ours)}")
        if self.script.preview and (plan := self.stage.ops.plan(self.stage.params)):
            raise Wrong(f"provisioned, and a preview shows changes: {plan}")
        self._count("foreign touched", self.stage.touched())

    def _look_gone(self) -> None:
        """Check that nothing is left, and that foreign resources are unchanged."""
        group = {self.stage.spec.group_id.lower()} if self.script.late else set()
        self._count("orphans", self.stage.ours() - group)
        self._count("foreign touched", self.stage.touched())
        if debris := self.stage.debris():
            raise Wrong(f"deprovisioned, and left behind: {debris}")

    def _count(self, name: str, found: Any) -> None:
        self.figures.counts[name] += len(found)
        if found:
            raise Wrong(f"{name}: {sorted(found)}")


_HERS = INCIDENTS["retagged-behind-our-back"].body["tags"]
