"""The zygote: the process from which guests are forked. It is started before all other work, and does none itself.

The process that waits for a guest's end shares all its memory with the zygote, whose pages are never written again. The
guests' process changes its pages with all that it does, so that each fork of it would keep a few MB of old ones.
Source: Android and Chromium do the same, under this name.
"""

import gc
import os
import pickle
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from vmops.local.guests import forks, kernel, namespaces
from vmops.local.guests.directory import remember_begun  # noqa: F401 - plans name it
from vmops.local.guests.disk import prepare  # noqa: F401 - plans name it
from vmops.local.guests.namespaces import Plan


class Zygote:
    """The process from which guests are forked; it ends with its parent, and the guests do not end with it.

    It calls ``confine`` first. Everything that a `Plan` may name must be imported before: it is imported here.
    """

    def __init__(self, confine: Callable[[], None]) -> None:
        self._asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gc.collect()
        gc.freeze()  # memory allocated so far is shared with the processes of all guests
        with asked:
            self._pid = forks.fork()
            if not self._pid:
                _serve(asked, confine)

    def fileno(self) -> int:
        """Give a descriptor that becomes readable only when that process is gone."""
        return self._asking.fileno()

    def close(self) -> None:
        """End it, and reap it."""
        self._asking.close()
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def boot(self, directory: int, lock: int, console: int, plan: Plan) -> int:
        """Start a guest in its directory, and give the process that waits for its end, and holds its lock till then.

        That process leads a session, and is a child of whoever adopts the children of ours.

        Raises: OSError if it cannot be started; later refusals are written in ``namespaces.ENDED``.
        """
        receiver, tell = os.pipe()
        with os.fdopen(receiver) as answer:
            try:
                self._ask(directory, lock, console, tell, plan)
            finally:
                os.close(tell)
            said = answer.read()
        if not said.isdecimal():
            raise OSError(0, said or "no namespaces")
        return int(said)

    def _ask(self, directory: int, lock: int, console: int, tell: int, plan: Plan) -> None:
        written = os.memfd_create("plan")
        try:
            os.pwrite(written, pickle.dumps(plan), 0)
            socket.send_fds(self._asking, [b"1"], [directory, lock, console, tell, written])
        finally:
            os.close(written)


def _serve(asked: socket.socket, confine: Callable[[], None]) -> NoReturn:
    """Fork a process for each guest that is requested, which alone reads the request, until requests end."""
    try:
        confine()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # it ends when the socket is closed
        forks.own_streams(2)
        forks.close_all_but(asked.fileno())
        gc.disable()
        while asked.recv(1, socket.MSG_PEEK):
            begun = kernel.fork()
            if not begun:
                _begin(asked)
            os.waitpid(begun, 0)
    finally:
        os._exit(0)


def _begin(asked: socket.socket) -> NoReturn:
    _, (directory, lock, console, tell, plan), *_ = socket.recv_fds(asked, 1, 5)
    forks.own_streams(console)
    forks.close_all_but(directory, lock, tell, plan)
    namespaces.begin(directory, tell, plan)
