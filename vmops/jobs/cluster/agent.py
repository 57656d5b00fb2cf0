"""The agent of a working host: takes queued operations as it has room, and starts workers with its own fork server.

It keeps all its state in the database, so it may die at any time; its workers do not need it.
"""

import os
import signal
from dataclasses import dataclass, field, replace
from pathlib import Path

from vmops.core import file_lock
from vmops.core.cluster_key import ClusterKey
from vmops.core.errors import RecordsAway, StartFailed, VmopsError
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.core.polling import NotYet, first_poll_after, poll_until
from vmops.core.processes import process, send, session
from vmops.core.settings import Settings
from vmops.core.state_dir import liveness_lock_path
from vmops.jobs import fence, start
from vmops.jobs.cluster import claims, hosts, queue, rescue
from vmops.jobs.death import cause_of_death
from vmops.jobs.operation import Operation, State, Verb
from vmops.jobs.order import JobRequest
from vmops.jobs.store import Store

_WATCHED_POLL_INTERVAL = 1.0
"""Seconds between two polls of an operation whose worker is known to live."""

_POLL_INTERVAL = 0.05
"""Seconds between two polls of an operation whose worker has not started yet."""

_FOREVER = float("inf")


@dataclass
class Agent:
    """The agent of one host, with room for a number of provisions and a number of removals at once.

    ``principal`` is in whose name it works in Azure.
    """

    settings: Settings
    store: Store
    slots: int
    removals: int
    principal: str
    draining: bool = False
    _working: dict[str, Operation] = field(default_factory=dict)

    def carry_out(self, operation_id: str) -> None:
        """Have a process of this host work on an operation, and wait for its end."""
        wire = queue.opened(self.store.shared(), operation_id, ClusterKey.read(self.settings.cluster_key()))
        operation = self.store.get(operation_id)
        if wire is None or operation is None or operation.state is not State.PENDING:
            return
        lock = file_lock.acquire(self._lock(operation), timeout=2 * self.settings.claim_seconds)
        if lock is None:
            raise VmopsError(f"another worker of {operation.stack} does not end on this host")
        self._working[operation_id] = operation
        try:
            self._start(operation, JobRequest.from_wire(wire), lock)
            poll_until(first_poll_after(_POLL_INTERVAL, lambda: self._look(operation)), timeout=_FOREVER)
        finally:
            del self._working[operation_id]

    def begin(self) -> None:
        """Start the fork server for the first job, and report that."""
        self.warm()
        self.report()
        self.rescue()

    def warm(self) -> None:
        """Keep the fork server running, also while no job comes, so that the next one begins at once."""
        start.start_server(self.settings)

    def report(self) -> None:
        """Report that this host lives."""
        hosts.say(
            self.store.shared(),
            self.settings,
            self.slots,
            self.removals,
            principal=self.principal,
            draining=self.draining,
        )

    def rescue(self) -> None:
        """Put operations of dead hosts back into the queue."""
        rescue.rescue(self.store, self.settings.claim_seconds)

    def interrupt(self) -> None:
        """Kill all workers of this host; their operations return to the queue."""
        for each in list(self._working):
            now = self.store.get(each)
            if now and now.pid and now.state is State.RUNNING:
                for left in (*session(now.pid), process(now.pid)):
                    if left:
                        send(left, signal.SIGKILL)

    def _start(self, operation: Operation, order: JobRequest, lock: int) -> None:
        """Start a worker with this host's engine; it is told if another worker has begun the operation before it."""
        room = self.removals if operation.verb is Verb.DEPROVISION else self.slots
        doubtful = order.doubtful or operation.attempt > 1
        here = replace(order, backend=self.settings.backend(), engine=self.settings.engine, doubtful=doubtful)
        try:
            start.start_worker(self.settings.model_copy(update={"workers": room}), operation, here, lock)
        except StartFailed as error:
            self._fail(operation, Failure(FailureKind.ENGINE, str(error), step=error.step))
        finally:
            os.close(lock)

    def _look(self, operation: Operation) -> bool | NotYet:
        """Tell whether nobody here works on an operation any more; what a dead worker leaves is taken up at once."""
        try:
            now = self.store.get(operation.id)
            if now is None or now.over:
                return True
            if file_lock.is_locked(self._lock(operation)):
                fence.kill_orphans(now, self._lock(operation))
                return NotYet(_WATCHED_POLL_INTERVAL, now.pid) if now.pid else NotYet(_POLL_INTERVAL)
            self._leave(self.store.get(operation.id) or now)
        except RecordsAway as error:
            get_logger().warning("records_away", cause=str(error))
            return NotYet(_WATCHED_POLL_INTERVAL) if file_lock.is_locked(self._lock(operation)) else True
        return True

    def _leave(self, now: Operation) -> None:
        if now.state is State.PENDING and now.attempt == self._working[now.id].attempt:
            self._fail(now, cause_of_death(self.settings.state_dir, now))
        elif now.state is State.RUNNING:
            claims.give_back(self.store.shared(), now.id, hosts.key_of_host(self.settings.state_dir))
            rescue.take_up(self.store, now.id)

    def _fail(self, operation: Operation, why: Failure) -> None:
        get_logger().error("could_not_begin", operation=operation.id, cause=str(why))
        self.store.transition(operation.id, State.FAILED, origin=State.PENDING, ended=self.store.now(), failure=why)

    def _lock(self, operation: Operation) -> Path:
        return liveness_lock_path(self.settings.state_dir, operation.stack, operation.verb)
