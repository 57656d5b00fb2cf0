"""The simulated cloud, as its rules see it: its store, its clock, and the running operations."""

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
    """The rules of a resource type, as the cloud calls them."""

    def finish(self, cloud: "Cloud", operation: Operation) -> float | None:
        """Apply the effect of an operation; raises ``ArmError`` if it fails.

        Returns the time to continue, in seconds since the epoch; None if it has ended.
        """

    def fail(self, cloud: "Cloud", operation: Operation) -> None:
        """Put the resource into the state after a failed operation."""

    def remove(self, cloud: "Cloud", resource: Resource) -> None:
        """Remove a resource at once, with everything that belongs to it."""


class Cloud:
    """The simulated cloud at one moment.

    Nothing happens by itself: ``apply_due`` ends every operation that is due, and is called before every read and
    write. ``notify`` is called when a machine, or its faults, may have changed. ``has_guests``: guests may run in
    machines.
    """

    def __init__(self, store: Store, clock: Clock, pace: float, rules: Mapping[str, Rules], seal: Seal) -> None:
        self.store, self.clock, self.pace, self.seal, self._rules = store, clock, pace, seal, rules
        self._moment: float | None = None
        self.has_guests = False
        self.notify: Callable[[], None] = lambda: None

    def now(self) -> float:
        """Return the time, in seconds since the epoch; while a due operation is ended, the time when it was due."""
        return self.clock.now() if self._moment is None else self._moment

    def rules(self, rid: ResourceId) -> Rules:
        """Return the rules of a resource's type."""
        return self._rules[rid.type.lower()]

    def begin(
        self, verb: str, resource: Resource, location: str = "", error: dict[str, Any] | None = None
    ) -> Operation:
        """Start an operation on a resource; with an ``error`` it will fail with that."""
        location, now = location or resource.location, self.now()
        due = now + timing(resource.id.type, verb).seconds * self.pace
        operation = Operation(new_id(resource.id, location), verb, resource.id, location, now, due, error=error)
        self.store.save_operation(operation)
        self.notify()
        return operation

    def preempt(self, operation: Operation) -> None:
        """End an operation because a newer one replaces it."""
        self._end(operation, self.now(), ArmError("OperationPreempted").body())

    def apply_due(self) -> None:
        """End every operation that is due, in the order of their ends, each in its own transaction."""
        while operation := self.store.next_due(self.now()):
            with self.store.seen_until(math.inf), self.store.transaction(), self._at(operation.due):
                self._end(operation, operation.due, operation.error)

    @contextmanager
    def _at(self, moment: float) -> Iterator[None]:
        """Set the time to a past moment for a block."""
        self._moment = moment
        try:
            yield
        finally:
            self._moment = None

    def _end(self, operation: Operation, ended: float, error: dict[str, Any] | None) -> None:
        rules = self.rules(operation.target)
        self.notify()
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
