"""The jobs that a program has sent to the fork server, kept until a worker has started them.

A fork server that dies, or is killed here because it is stopped, loses its queue. Then the caller sends its job again.
If one operation gets two workers that way, its record lets only one start.
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
"""Seconds that an operation waits before the fork server is checked, and between checks."""


_MOST = 1000


@dataclass
class HandedOrders:
    """A program's jobs that have not started, by operation id. They contain secrets."""

    _orders: dict[str, JobRequest] = field(default_factory=dict, repr=False)
    _next_look: float = 0.0

    def keep(self, operation: Operation, order: JobRequest) -> None:
        """Keep a job that was sent; only so many are kept."""
        while len(self._orders) >= _MOST:
            del self._orders[next(iter(self._orders))]
        self._orders[operation.id] = order

    def tend(self, settings: Settings, store: Store, operation: Operation) -> None:
        """Make sure that an operation that has not started can start.

        A stopped fork server is killed: it is ours, has no work of its own, and holds the locks of its queue. A job of
        ours whose lock is free has been lost: it is sent again, once.
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
