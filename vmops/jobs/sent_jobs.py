"""The jobs that this program has sent to the fork server, kept until a worker has started them.

A fork server that dies, or that is killed here because it is stopped, loses its queue. Then this program sends its jobs
again. If an operation gets two workers that way, its record lets only one start.
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

_CHECK_INTERVAL = 10.0
"""Seconds that an operation waits before the fork server is checked, and between checks."""

_CAPACITY = 1000
"""Jobs that are kept at once; the oldest is dropped."""


@dataclass
class SentJobs:
    """The sent jobs that have not started, by operation id. They contain secrets."""

    _jobs: dict[str, JobRequest] = field(default_factory=dict, repr=False)
    _next_check: float = 0.0

    def keep(self, operation: Operation, order: JobRequest) -> None:
        """Keep a job that was sent; if there are too many, the oldest is dropped."""
        while len(self._jobs) >= _CAPACITY:
            del self._jobs[next(iter(self._jobs))]
        self._jobs[operation.id] = order

    def tend(self, settings: Settings, store: Store, operation: Operation) -> None:
        """Make sure that an operation that has not started can start.

        A stopped fork server is killed, because it holds the locks of its queue. A job of this program whose lock is
        free has been lost: it is sent again, once.
        """
        if operation.state is not State.PENDING:
            self._jobs.pop(operation.id, None)
            return
        self._end_stopped(settings, operation)
        if operation.id in self._jobs and not file_lock.is_locked(_path(settings, operation)):
            self._send_again(settings, store, operation, self._jobs.pop(operation.id))

    def _end_stopped(self, settings: Settings, operation: Operation) -> None:
        late = time.time() - operation.created >= _CHECK_INTERVAL
        if late and time.monotonic() >= self._next_check:
            self._next_check = time.monotonic() + _CHECK_INTERVAL
            start.end_stopped_server(settings.state_dir)

    def _send_again(self, settings: Settings, store: Store, operation: Operation, order: JobRequest) -> None:
        held = file_lock.acquire(_path(settings, operation))
        if held is None:
            return
        try:
            now = store.get(operation.id)
            if now and now.state is State.PENDING:
                get_logger().warning("job_sent_again", operation=operation.id)
                start.start_worker(settings, operation, order, held)
        finally:
            os.close(held)


def _path(settings: Settings, operation: Operation) -> Path:
    return liveness_lock_path(settings.state_dir, operation.stack, operation.verb)
