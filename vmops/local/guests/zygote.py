"""The process of which guests are born: it was begun before there was anything to do, and has done nothing since.

What waits for a guest's end shares all its memory with this one, whose pages nobody writes to any more. Those of the
guests' process change with whatever it does, and each guest would keep a few MB of what they once were. Source: the
same is done by Android and by Chromium, and called so there.
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
    """The process of which guests are born; it ends with whoever began it, and none of them with it.

    ``confine`` is done there first. All that a `Plan` may name has to be imported before: it is imported here.
    """

    def __init__(self, confine: Callable[[], None]) -> None:
        self._asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        gc.collect()
        gc.freeze()  # what is here already is shared with the processes of all guests
        with asked:
            self._pid = forks.fork()
            if not self._pid:
                _serve(asked, confine)

    def fileno(self) -> int:
        """Give a descriptor that can be read only once that process is gone."""
        return self._asking.fileno()

    def close(self) -> None:
        """Have it end, and leave it to nobody else as a child that has ended."""
        self._asking.close()
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def boot(self, directory: int, lock: int, console: int, plan: Plan) -> int:
        """Begin a guest in its directory, and give the process that waits for its end, and holds its lock till then.

        It leads a session, and is a child of whoever adopts the children of ours.

        Raises: OSError if it cannot be begun; what is refused later is written in ``namespaces.ENDED``.
        """
        told, tell = os.pipe()
        with os.fdopen(told) as answer:
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
    """Begin a process for each guest that is asked for, which alone reads what is asked, until nobody asks any more."""
    try:
        confine()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # it ends when it is let go of
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
