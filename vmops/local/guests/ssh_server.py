"""The SSH server: a process that serves SSH to the clients of guests. It starts on demand, and ends when idle.

The SSH library takes some 20 MB, and is imported only there: guests without clients need no memory for it. Each
connection is a fork of the server, and survives it.
"""

import gc
import os
import pickle
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NoReturn

from vmops.local.guests import forks, lazily_imported, namespaces
from vmops.local.guests.directory import Directory
from vmops.local.guests.opened_modules import OpenedModules, Table, keep
from vmops.local.guests.ssh_terms import SshTerms

IDLE = 30.0
"""Seconds without clients after which it ends."""

_MAX_MESSAGE = 1 << 17
"""Bytes of a request, or of the table of modules, at most."""


class SshServer:
    """Starts the SSH server again whenever it is needed."""

    def __init__(self) -> None:
        self._modules: OpenedModules | None = None
        self._asking: socket.socket | None = None
        self._pid, self._last = 0, 0.0

    def begin(self, confine: Callable[[], None], kept: int | None) -> None:
        """Start the first one while every file can be read; it calls ``confine``, and later ones do not.

        Later ones are children of a confined process, which can read nothing if root was given up. So the code that
        they need is written to the file ``kept``. If that is impossible, it is imported now.
        """
        keep_open = [] if kept is None else [kept]
        asking = self._asking = self._begun(lambda asked: _serve_first(asked, confine, kept), keep_open)
        self._last = time.monotonic()
        table: Table = pickle.loads(asking.recv(_MAX_MESSAGE))  # noqa: S301 - it is this program
        if kept is not None:
            try:
                self._modules = OpenedModules(table, kept)
            except OSError:
                lazily_imported.load()

    def admit(self, first: int, client: socket.socket, terms: SshTerms) -> None:
        """Serve a client of the guest with this first process.

        Raises: OSError if there are too many at once.
        """
        self._ask(partial(_admit, terms), first, client.fileno())

    def make_key(self, directory: int) -> None:
        """Have the host key of a guest made, in its directory."""
        self._ask(_make_key, directory)

    def expect(self) -> None:
        """Start the server for the clients of a guest that is starting."""
        self._awake()

    def step(self) -> None:
        """End the server if there was no client for a while."""
        if time.monotonic() > self._last + IDLE:
            self._leave()

    def close(self) -> None:
        """End the server, and reap it."""
        self._leave()
        with suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _leave(self) -> None:
        if self._asking:
            self._asking.close()
        self._asking = None

    def _ask(self, work: Callable[..., None], *descriptors: int) -> None:
        """Send work with these descriptors; if the server was killed, start another."""
        said = [pickle.dumps(work)]
        for _ in range(2):
            try:
                socket.send_fds(self._awake(), said, descriptors, socket.MSG_DONTWAIT)
            except (BrokenPipeError, ConnectionResetError):
                self._leave()
            else:
                return

    def _awake(self) -> socket.socket:
        self._last = time.monotonic()
        self._asking = self._asking or self._begun(self._serve_next, self._modules.descriptors if self._modules else [])
        return self._asking

    def _begun(self, serve: Callable[[socket.socket], None], keep_open: list[int]) -> socket.socket:
        asking, asked = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with asked:
            self._pid = forks.fork()
            if not self._pid:
                _serve(asked, serve, keep_open)
        return asking

    def _serve_next(self, asked: socket.socket) -> None:
        if self._modules:
            sys.meta_path.insert(0, self._modules)
        lazily_imported.load()
        _work(asked)


def _serve(asked: socket.socket, serve: Callable[[socket.socket], None], keep_open: list[int]) -> NoReturn:
    try:
        forks.own_streams(2)
        forks.close_all_but(asked.fileno(), *keep_open)  # it must not keep a lock open
        serve(asked)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _serve_first(asked: socket.socket, confine: Callable[[], None], kept: int | None) -> None:
    if kept is None:
        lazily_imported.load()
    asked.send(pickle.dumps({} if kept is None else keep(lazily_imported.load, kept)))
    confine()
    _work(asked)


def _work(asked: socket.socket) -> None:
    """Do the requested work, until the socket is closed."""
    forks.close_all_but(asked.fileno())
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # its children are never waited for
    while True:
        said, descriptors, *_ = socket.recv_fds(asked, _MAX_MESSAGE, 2)
        if not said:
            return
        pickle.loads(said)(*descriptors)  # noqa: S301 - whoever asks is this program
        for each in descriptors:
            os.close(each)


def _admit(terms: SshTerms, first: int, client: int) -> None:
    namespaces.enter(first, client, partial(_speak, terms, client))


def _speak(terms: SshTerms, client: int) -> None:
    from vmops.local.guests import connection, session

    os.sched_setaffinity(0, _processors(terms.processors))
    session.go_home()
    connection.serve(socket.socket(fileno=client), terms)


def _make_key(directory: int) -> None:
    from vmops.local.guests import connection

    with suppress(FileNotFoundError):  # the guest was deleted meanwhile
        connection.make_host_key(Directory(directory, "."))


def _processors(count: int) -> list[int]:
    """Give the processors of a guest: as many of this host's as its size has, at most all."""
    return sorted(os.sched_getaffinity(0))[: max(1, count)]
