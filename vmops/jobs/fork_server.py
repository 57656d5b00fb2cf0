"""A process that has imported what workers need, and forks one for each job as soon as a slot is free.

It is a fork server like that of the standard library's `multiprocessing`: it has no threads and no connections, and
nothing of any job, when it forks. It keeps the jobs that wait for a slot in their order, and exits after a while
without jobs, or when its socket is gone. Its workers do not need it: it may die at any time.
"""

import gc
import os
import resource
import select
import signal
import socket
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from vmops.core import file_lock, interpreter, peers, processes, signals
from vmops.core.log import get_logger
from vmops.core.settings import Settings
from vmops.core.state_dir import gate_path, output_path
from vmops.jobs import slots, worker
from vmops.jobs.opened import open_store
from vmops.jobs.operation import Operation, Verb
from vmops.jobs.order import JobMessage

_LOOK = 0.1
"""Seconds between two checks of the queue: another process may release a slot, or cancel a waiting job."""

_REST = 5.0
"""Seconds between two checks of the socket's path while nothing happens."""

_CHUNK = 4096

_PATIENCE = 60.0
"""Seconds to wait for records that are away."""


@dataclass(frozen=True)
class QueuedJob:
    """An operation that waits for a slot, its lock held."""

    operation: Operation
    handed: JobMessage


class ForkServer:
    """The fork server of one state directory, at the socket of one kind of code."""

    def __init__(self, state_dir: Path, path: Path, listener: socket.socket, idle: float) -> None:
        """Serve ``listener``, whose path is ``path``, until there was nothing to do for ``idle`` seconds."""
        self._state_dir, self._path, self._listener, self._idle = state_dir, path, listener, idle
        self._store = open_store(Settings(state_dir=state_dir), _PATIENCE)
        self._queue: list[QueuedJob] = []
        self._workers: set[int] = set()
        self._busy = time.monotonic()
        self._inode = path.stat().st_ino
        listener.setblocking(False)
        self._children, waker = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        self._poller = select.poll()
        self._poller.register(listener, select.POLLIN)
        self._poller.register(self._children, select.POLLIN)

    def serve(self) -> None:
        """Accept jobs and start workers until it is time to exit."""
        while not self._over():
            self._poller.poll(1000 * (_LOOK if self._queue else min(_REST, self._idle)))
            self._reap()
            self._accept()
            self._start()

    def _over(self) -> bool:
        """Tell whether to exit: no jobs arrive any more, or none can.

        Never while workers are alive: they, and what they leave behind, would become the first process's children.
        """
        if self._queue:
            return False
        if not self._socket_present():
            return True
        if self._workers or time.monotonic() - self._busy < self._idle:
            return False
        gate = file_lock.acquire(gate_path(self._state_dir))
        if gate is None or self._accept():
            return False
        self._path.unlink(missing_ok=True)
        return True

    def _socket_present(self) -> bool:
        """Tell whether the socket is still at its path."""
        with suppress(OSError):
            return self._path.stat().st_ino == self._inode
        return False

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            os.read(self._children, _CHUNK)
        with suppress(ChildProcessError):
            while ended := os.waitpid(-1, os.WNOHANG)[0]:
                self._workers.discard(ended)
                self._busy = time.monotonic()

    def _accept(self) -> bool:
        """Accept all waiting jobs; tell whether there were any."""
        found = False
        with suppress(BlockingIOError):
            while True:
                connection, _ = self._listener.accept()
                found, self._busy = True, time.monotonic()
                with connection, suppress(OSError, ValueError):
                    peers.refuse_unix(connection)
                    self._take(connection)
        return found

    def _take(self, connection: socket.socket) -> None:
        """Queue the job of a connection, if it is complete and its operation recorded."""
        handed = JobMessage.receive(connection)
        operation = self._store.get(handed.operation) if handed else None
        if handed and operation:
            self._queue.append(QueuedJob(operation, handed))
        elif handed:
            os.close(handed.lock)

    def _start(self) -> None:
        """Start the workers that get a slot. A cancelled job releases its lock, wherever it is in the queue."""
        for verb in Verb:
            queued = [each for each in self._queue if each.operation.verb is verb]
            pending = self._store.queued(verb) if queued else {}
            for waiting in [each for each in queued if each.operation.id not in pending]:
                self._drop(waiting)
            for waiting in [each for each in queued if each.operation.id in pending]:
                if not self._begin(waiting):
                    break

    def _begin(self, waiting: QueuedJob) -> bool:
        """Start a worker if a slot is free for it."""
        slot = slots.acquire_slot(self._state_dir, waiting.operation, waiting.handed.limit)
        if slot is None:
            return False
        self._fork(waiting, slot)
        os.close(slot)
        self._drop(waiting)
        return True

    def _drop(self, waiting: QueuedJob) -> None:
        self._queue.remove(waiting)
        os.close(waiting.handed.lock)

    def _fork(self, waiting: QueuedJob, slot: int) -> None:
        if worker_id := os.fork():
            self._workers.add(worker_id)
            return
        try:
            _reset_inherited_state(self._state_dir, waiting, slot)
            worker.run_job(self._state_dir, waiting.operation.id, waiting.handed.lock, waiting.handed.order)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)  # the lock must not outlive the record, and nothing of the fork server's may run here


def _reset_inherited_state(state_dir: Path, waiting: QueuedJob, slot: int) -> None:
    """Close everything of the fork server and of other jobs, and reset the process to a fresh state."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(
        output_path(state_dir, waiting.operation.stack, waiting.operation.id),
        os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
        0o600,
    )
    os.dup2(output, 1)
    os.dup2(output, 2)
    first, second = sorted((waiting.handed.lock, slot))
    os.closerange(3, first)
    os.closerange(first + 1, second)
    os.closerange(second + 1, os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(waiting.handed.environment)
    time.tzset()
    tempfile.tempdir = None


def _preload_imports() -> None:
    """Import what every worker needs, and exempt it from garbage collection."""
    gc.disable()  # nothing of this is ever garbage, and looking for it takes a quarter of the time
    from vmops.azure import connection
    from vmops.deploy import context, steps  # noqa: F401
    from vmops.deploy.fleet import power  # noqa: F401
    from vmops.engine import deadline, program  # noqa: F401
    from vmops.jobs import cancel, ledger  # noqa: F401

    if Settings().database_url:
        from vmops.jobs.cluster import work  # noqa: F401

    get_logger()  # structlog imports rich: half of the Python of a small deployment
    connection.touch()
    program.touch()
    gc.freeze()
    gc.enable()


def main() -> None:
    """Serve the inherited socket; the arguments are those that `vmops.jobs.start` gives."""
    state_dir, path, descriptor, idle, caller = sys.argv[1:]
    interpreter.refuse_another(caller)
    signals.reset()
    processes.adopt_orphans()
    os.umask(0o077)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a lock for each order that waits
    with socket.socket(fileno=int(descriptor)) as listener:
        _preload_imports()
        ForkServer(Path(state_dir), Path(path), listener, float(idle)).serve()


if __name__ == "__main__":
    main()
