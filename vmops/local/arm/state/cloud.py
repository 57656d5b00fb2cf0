"""What the rules of the simulated cloud may touch: its store, its clock, and the operations under way."""

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.clock import Clock
from vmops.local.arm.state.lro import Operation, new_id, timing
from vmops.local.arm.state.resource import Resource
from vmops.local.arm.state.resource_id import ResourceId
from vmops.local.arm.state.seal import Seal
from vmops.local.arm.state.store import Store


class Rules(Protocol):
    """What the cloud asks of the rules of a resource type."""

    def finish(self, cloud: "Cloud", operation: Operation) -> float | None:
        """Make true what an operation was for; raises ``ArmError`` when it fails after all.

        What is not over yet returns when to go on, in seconds since the epoch.
        """

    def fail(self, cloud: "Cloud", operation: Operation) -> None:
        """Leave things as the failure of an operation leaves them."""

    def remove(self, cloud: "Cloud", resource: Resource) -> None:
        """Take a resource away at once, and what goes with it."""


class Cloud:
    """The simulated cloud at one moment.

    Nothing happens by itself: ``settle`` applies what has fallen due, and is called before anything is read or written.
    ``notice`` is called when a machine, or what befalls it, may be otherwise; ``has_guests``: something may run in
    machines.
    """

    def __init__(self, store: Store, clock: Clock, pace: float, rules: Mapping[str, Rules], seal: Seal) -> None:
        self.store, self.clock, self.pace, self.seal, self._rules = store, clock, pace, seal, rules
        self._moment: float | None = None
        self.has_guests = False
        self.notice: Callable[[], None] = lambda: None

    def now(self) -> float:
        """Return the present, in seconds since the epoch; while something that fell due is applied, when that was."""
        return self.clock.now() if self._moment is None else self._moment

    def rules(self, rid: ResourceId) -> Rules:
        """Return the rules of a resource's type."""
        return self._rules[rid.type.lower()]

    def begin(
        self, verb: str, resource: Resource, location: str = "", error: dict[str, Any] | None = None
    ) -> Operation:
        """Start an operation on a resource; ``error`` is how it is going to fail, if it is."""
        location, now = location or resource.location, self.now()
        due = now + timing(resource.id.type, verb).seconds * self.pace
        operation = Operation(new_id(resource.id, location), verb, resource.id, location, now, due, error=error)
        self.store.save_operation(operation)
        self.notice()
        return operation

    def preempt(self, operation: Operation) -> None:
        """End an operation because a newer one takes its place."""
        self._end(operation, self.now(), ArmError("OperationPreempted").body())

    def settle(self) -> None:
        """End every operation whose time has come, in the order of their ends, each in a transaction of its own."""
        while operation := self.store.next_due(self.now()):
            with self.store.seen_until(math.inf), self.store.transaction(), self._at(operation.due):
                self._end(operation, operation.due, operation.error)

    @contextmanager
    def _at(self, moment: float) -> Iterator[None]:
        """Let it be a moment that is past."""
        self._moment = moment
        try:
            yield
        finally:
            self._moment = None

    def _end(self, operation: Operation, ended: float, error: dict[str, Any] | None) -> None:
        rules = self.rules(operation.target)
        self.notice()
        operation.ended, operation.error = ended, error
        if error is None:
            try:
                again = rules.finish(self, operation)
            except ArmError as refusal:
                operation.error = refusal.body()
            else:
                if again is not None:
                    operation.due, operation.ended = again, None
                    self.store.save_operation(operation)
                    return
        else:
            rules.fail(self, operation)
        operation.status = "Failed" if operation.error else "Succeeded"
        self.store.save_operation(operation)
