"""A process that has imported what workers need, and forks one for each job as soon as a slot is free.

It is a fork server like that of the standard library's `multiprocessing`: when it forks, it has no threads, no
connections, and no state of any job. It keeps the jobs that wait for a slot in their order. It exits after an idle
time, or when its socket file is gone. Its workers do not need it: it may die at any time.
"""

import os
import resource
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from vmops.core import file_lock, interpreter, peers, processes, signals
from vmops.core.log import get_logger
from vmops.core.preload import uncollected
from vmops.core.settings import Settings
from vmops.core.state_dir import gate_path
from vmops.jobs import slots
from vmops.jobs.forked import Spare, work_on
from vmops.jobs.opened import agree_on_secrets, open_store
from vmops.jobs.operation import Verb
from vmops.jobs.order import JobMessage

_QUEUE_POLL_INTERVAL = 0.1
"""Seconds between two checks of the queue: another process may release a slot, or cancel a waiting job."""

_IDLE_POLL_INTERVAL = 5.0
"""Seconds between two checks of the socket file while no job waits."""

_CHUNK = 4096


class ForkServer:
    """The fork server of one state directory and one version of the code."""

    def __init__(self, state_dir: Path, path: Path, listener: socket.socket, idle: float) -> None:
        """Accept jobs from ``listener``, whose path is ``path``, until there have been none for ``idle`` seconds."""
        self._state_dir, self._path, self._listener, self._idle = state_dir, path, listener, idle
        self._settings = Settings(state_dir=state_dir)
        self._store = open_store(self._settings, self._settings.ride_out)
        self._queue: list[JobMessage] = []
        self._workers: set[int] = set()
        self._spare: Spare | None = None
        self._wants_spare = self._store.is_shared
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
            self._poller.poll(1000 * (_QUEUE_POLL_INTERVAL if self._queue else min(_IDLE_POLL_INTERVAL, self._idle)))
            self._reap()
            self._accept()
            self._start()
            self._prepare()

    def _over(self) -> bool:
        """Tell whether to exit: the idle time is over, or the socket file is gone.

        Never while jobs wait. While workers are alive, only if the socket file is gone: otherwise they, and what they
        leave behind, would become children of the first process.
        """
        if self._queue:
            return False
        if not self._socket_present():
            return True
        if self._workers or time.monotonic() - self._busy < self._idle:
            return False
        gate = file_lock.acquire(gate_path(self._state_dir))
        if gate is None:
            return False
        try:
            if self._accept():
                return False
            self._path.unlink(missing_ok=True)
            return True
        finally:
            os.close(gate)

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
                if self._spare and self._spare.pid == ended:
                    self._spare, self._wants_spare = None, False
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
        """Start the job of a connection, if it is complete, or queue it behind others of its kind."""
        message = JobMessage.receive(connection)
        if message is None:
            return
        is_first = all(each.operation.verb is not message.operation.verb for each in self._queue)
        self._queue.append(message)
        if is_first:
            self._begin(message)

    def _start(self) -> None:
        """Start the waiting jobs that get a slot, in order. A cancelled job is dropped, wherever it is in the queue."""
        for verb in Verb:
            queued = [each for each in self._queue if each.operation.verb is verb]
            pending = self._store.queued(verb) if queued else {}
            for waiting in [each for each in queued if each.operation.id not in pending]:
                self._drop(waiting)
            for waiting in [each for each in queued if each.operation.id in pending]:
                if not self._begin(waiting):
                    break

    def _begin(self, waiting: JobMessage) -> bool:
        """Start a worker if a slot is free for it."""
        slot = slots.acquire_slot(self._state_dir, waiting.operation, waiting.limit)
        if slot is None:
            return False
        self._fork(waiting, slot)
        os.close(slot)
        self._drop(waiting)
        return True

    def _drop(self, waiting: JobMessage) -> None:
        self._queue.remove(waiting)
        os.close(waiting.lock)

    def _fork(self, waiting: JobMessage, slot: int) -> None:
        """Give a job to the spare worker, or to a new one."""
        spare, self._spare, self._wants_spare = self._spare, None, self._store.is_shared
        worker_id = spare.pid if spare and spare.give(waiting, slot) else os.fork()
        if worker_id:
            self._workers.add(worker_id)
            return
        work_on(self._store, self._settings, lambda: waiting, waiting.lock, slot)

    def _prepare(self) -> None:
        """Have a spare worker, if hosts share the records, so that a worker is connected to them before its job comes.

        If one has died without a job, there is none until the next job has come.
        """
        if self._spare or not self._wants_spare:
            return
        ours, theirs = socket.socketpair()
        with theirs:
            if worker_id := os.fork():
                self._spare = Spare(worker_id, ours)
                return
            work_on(self._store, self._settings, lambda: self._connected_job(theirs), theirs.fileno())

    def _connected_job(self, connection: socket.socket) -> JobMessage | None:
        """Connect a spare worker to the shared records, then wait for its job."""
        agree_on_secrets(self._settings, self._store)
        return Spare.job(connection)


def _preload_imports() -> None:
    """Import what every worker needs."""
    with uncollected():
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


def main() -> None:
    """Serve the inherited socket; `vmops.jobs.start` gives the arguments."""
    state_dir, path, descriptor, idle, caller = sys.argv[1:]
    interpreter.refuse_another(caller)
    signals.reset()
    processes.adopt_orphans()
    os.umask(0o077)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # each waiting job has a lock open
    with socket.socket(fileno=int(descriptor)) as listener:
        _preload_imports()
        ForkServer(Path(state_dir), Path(path), listener, float(idle)).serve()


if __name__ == "__main__":
    main()
