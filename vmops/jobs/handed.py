"""The orders that a program has handed over, kept until a worker has begun them.

A fork server that dies, or that was stopped and is ended here, takes its queue with it: whoever asked hands his order
over once more. Of two workers that one operation then has, its record lets one begin.
"""

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from vmops.core import file_lock
from vmops.core.log import get_logger
from vmops.core.settings import Settings
from vmops.core.state_dir import liveness_lock_path
from vmops.jobs import start
from vmops.jobs.operation import Operation, State
from vmops.jobs.order import JobRequest
from vmops.jobs.store import Store

_PATIENCE = 10.0
"""Seconds for which an operation waits before it is looked whether the fork server stands still, and between looks."""


_MOST = 1000


@dataclass
class HandedOrders:
    """The orders of one program that have not begun, by their operations' ids: they hold secrets."""

    _orders: dict[str, JobRequest] = field(default_factory=dict, repr=False)
    _next_look: float = 0.0

    def keep(self, operation: Operation, order: JobRequest) -> None:
        """Keep an order that was handed over, and no more than so many."""
        while len(self._orders) >= _MOST:
            del self._orders[next(iter(self._orders))]
        self._orders[operation.id] = order

    def tend(self, settings: Settings, store: Store, operation: Operation) -> None:
        """See to it that an operation that has not begun can begin.

        A fork server that stands still is ended: it is ours, has no work of its own, and holds the locks of its queue.
        An order of ours whose lock is free is nobody's any more: it is handed over again, once.
        """
        if operation.state is not State.PENDING:
            self._orders.pop(operation.id, None)
            return
        self._end_stopped(settings, operation)
        if operation.id in self._orders and not file_lock.is_locked(_path(settings, operation)):
            self._hand_over(settings, store, operation, self._orders.pop(operation.id))

    def _end_stopped(self, settings: Settings, operation: Operation) -> None:
        late = time.time() - operation.created >= _PATIENCE
        if late and time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + _PATIENCE
            start.end_stopped_server(settings.state_dir)

    def _hand_over(self, settings: Settings, store: Store, operation: Operation, order: JobRequest) -> None:
        held = file_lock.acquire(_path(settings, operation))
        if held is None:
            return
        try:
            now = store.get(operation.id)
            if now and now.state is State.PENDING:
                get_logger().warning("handed_over_again", operation=operation.id)
                start.start_worker(settings, operation, order, held)
        finally:
            os.close(held)


def _path(settings: Settings, operation: Operation) -> Path:
    return liveness_lock_path(settings.state_dir, operation.stack, operation.verb)
