"""A worker that its fork server has forked: for a job, or as a spare that is ready before its job comes."""

import os
import signal
import socket
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from vmops.core.settings import Settings
from vmops.core.state_dir import output_path
from vmops.jobs import worker
from vmops.jobs.opened import agree_on_secrets
from vmops.jobs.order import JobMessage
from vmops.jobs.store import Store


class Spare:
    """A worker that waits for its one job at the other end of a ``connection``. It exits if its fork server does."""

    def __init__(self, pid: int, connection: socket.socket) -> None:
        """Remember its process, and how to reach it."""
        self.pid, self._connection = pid, connection

    def give(self, message: JobMessage, slot: int) -> bool:
        """Give it its job, with the lock and the slot; False if it has died. Its connection is closed."""
        with self._connection, suppress(OSError):
            socket.send_fds(self._connection, [b"."], [slot])
            message.send(self._connection)
            return True
        return False

    @staticmethod
    def job(connection: socket.socket) -> JobMessage | None:
        """Wait for the job of this process, and keep its slot open; None if the fork server has exited."""
        with connection:
            _, slot, *_ = socket.recv_fds(connection, 1, 1)
            return JobMessage.receive(connection) if slot else None


def work_on(store: Store, settings: Settings, job: Callable[[], JobMessage | None], *descriptors: int) -> NoReturn:
    """Become a worker, in a process that was just forked; of the open files only ``descriptors`` stay open.

    ``job`` gives the job; None if there is no job any more.
    """
    try:
        _reset_inherited_state(descriptors)
        if message := job():
            _apply(settings, message)
            agree_on_secrets(settings, store)
            worker.run_job(store, settings, message.operation.id, message.lock, message.order)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)  # the lock must not outlive the record, and no exit handler of the fork server may run here


def _reset_inherited_state(descriptors: tuple[int, ...]) -> None:
    """Reset what was inherited from the fork server: session, signals, and descriptors, also those of other jobs."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    after = 3
    for each in sorted(descriptors):
        os.closerange(after, each)
        after = each + 1
    os.closerange(after, os.sysconf("SC_OPEN_MAX"))


def _apply(settings: Settings, message: JobMessage) -> None:
    """Apply the output file and the environment of a job."""
    path = output_path(settings.state_dir, message.operation.stack, message.operation.id)
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update(message.environment)
    time.tzset()
    tempfile.tempdir = None
