"""How a guest begins, in namespaces within namespaces, and how one is entered.

The outer ones are where its root is put together; a process stays there that waits for the guest's end and writes down
why it ended. The inner ones are the guest's own: what is mounted in the outer ones nobody in the inner ones can take
away, or write to. Source: mount_namespaces(7), user_namespaces(7), pid_namespaces(7).
"""

import errno
import os
import pickle
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

from vmops.local.guests import file_system, forks, kernel
from vmops.local.guests.kernel import (
    NEW_CGROUP,
    NEW_HOST_NAME,
    NEW_IPC,
    NEW_MOUNTS,
    NEW_NETWORK,
    NEW_PROCESSES,
    NEW_USERS,
)

_OUTER = NEW_USERS | NEW_MOUNTS | NEW_PROCESSES
_INNER = _OUTER | NEW_NETWORK | NEW_HOST_NAME | NEW_IPC | NEW_CGROUP

Work: TypeAlias = Callable[[], None]

ENDED = "ended"
"""The file in which the waiting process says why the guest ended: a word of `ENDS`, or `KILLED`, or what refused it."""

# How the first process ends: by its own exit code (init.sh), or, after reboot(2), by this signal. Source: reboot(2).
ENDS = {81: "reboot", 82: "poweroff", -signal.SIGHUP: "reboot", -signal.SIGINT: "poweroff"}
KILLED, REFUSED = "killed", "refused"

_ENDING = (errno.ESRCH, errno.ENOMEM)
"""What is refused in a guest that ends, and the connection with it. Source: pid_namespaces(7), fork(2)."""


@dataclass(frozen=True)
class Plan:
    """How a guest begins: the command of its first process, its host name, and what makes its directories.

    ``remember`` is called with a descriptor of its directory and the process that waits for its end, also when whoever
    asked for it dies meanwhile. All of it can be pickled: it is read where it is needed, by processes that end.
    """

    first: Sequence[str]
    name: str
    prepare: Work
    remember: Callable[[int, int], None]


def begin(directory: int, tell: int, plan: int) -> NoReturn:
    """Begin a guest in its directory, tell the number of the process that waits for its end, or a refusal, and end.

    That one leads a session, and keeps open what this has: the guest's lock. What is refused later is in ``ENDED``.
    ``plan`` is a file with a `Plan` in it.
    """
    try:
        os.fchdir(directory)
        os.setsid()
        kernel.keep_others_out(False)  # of its own files in /proc nobody may write to one that keeps others out
        _unshare(_OUTER, os.geteuid(), os.getegid())
        known, know = os.pipe()
        waiting = kernel.fork()
        if not waiting:
            os.close(tell)
            os.close(know)
            _wait_for_guest(directory, known, plan)
        _read(plan).remember(directory, waiting)
        os.write(know, b"1")
        os.write(tell, str(waiting).encode())
    except OSError as refusal:
        os.write(tell, f"{refusal.strerror} ({_last_call(refusal)})".encode())
    finally:
        os._exit(0)


def enter(first: int, connection: int, work: Work) -> None:
    """Do something with a connection in a guest, in a process of its own there, by a descriptor of the first process.

    What this needs was imported before: nothing of this host is there. Nobody there can look into that process.
    """
    if forks.fork():
        return
    try:
        forks.close_all_but(first, connection)
        kernel.keep_others_out()
        kernel.enter(first, _INNER)
        if not os.fork():
            os.setsid()
            work()
    except BaseException as refusal:
        if getattr(refusal, "errno", 0) not in _ENDING:
            traceback.print_exc()
    finally:
        os._exit(0)


def delete(directory: int, name: str) -> None:
    """Delete a directory in one that a descriptor stands for, in a process of its own.

    That one is root among the guests' users, so that nothing in it is closed to it.
    """
    if forks.fork():
        return
    try:
        kernel.keep_others_out(False)
        _unshare(NEW_USERS, os.geteuid(), os.getegid())
        shutil.rmtree(name, dir_fd=directory)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(0)


def _wait_for_guest(directory: int, known: int, plan: int) -> NoReturn:
    """Have the guest begun by a process that leaves it to this one, and write down how it ended.

    Not before this process is remembered: who remembers it has the same root, and sees nothing of this host any more
    once that is another. It is there as long as the guest is: what it does not do costs no memory.
    """
    if not os.read(known, 1):
        os._exit(0)
    ended = os.open(ENDED, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    why = REFUSED
    try:
        (told, tell), (held, hold) = os.pipe(), os.pipe()
        builder = kernel.fork()
        if not builder:
            os.close(hold)
            _build(tell, held, _read(plan))
        os.close(tell)
        os.close(directory)
        os.chdir("/")  # which is the guest's, or becomes it: who is at the root goes along
        kernel.keep_others_out()
        guest = os.read(told, 1 << 10).decode()
        os.waitpid(builder, 0)
        os.close(hold)  # now the guest is this one's only child
        why = _end(guest)
    except BaseException as refusal:
        why = f"{REFUSED}: {refusal}"
        traceback.print_exc()
    finally:
        os.write(ended, why.encode())
        os._exit(0)


def _end(guest: str) -> str:
    """Wait for the end of the guest of this number, and say why it ended, or give why there is none."""
    if not guest.isdecimal():
        return f"{REFUSED}: {guest}"
    while True:  # whatever is left behind in these namespaces is left to this process
        ended, status = os.wait()
        if ended == int(guest):
            return ENDS.get(os.waitstatus_to_exitcode(status), KILLED)


def _build(tell: int, held: int, plan: Plan) -> NoReturn:
    """Put the root together, begin the guest in it, tell its number, or what was refused, and end."""
    try:
        plan.prepare()
        file_system.build()
        _unshare(_INNER, 0, 0)
        kernel.keep_others_out()
        guest = os.fork()
        if not guest:
            _become_first(held, plan.first, plan.name)
        os.write(tell, str(guest).encode())
    except BaseException as refusal:
        traceback.print_exc()
        os.write(tell, str(refusal).encode())
    finally:
        os._exit(0)


def _become_first(held: int, first: Sequence[str], name: str) -> NoReturn:
    """Become the guest's first process, once it is the child of the one that waits for its end."""
    try:
        os.read(held, 1)
        os.setsid()
        kernel.name_host(name)
        kernel.raise_loopback()
        file_system.complete()
        forks.close_all_but()
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and so would all in the guest
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execve(first[0], list(first), {"PATH": PATH, "HOME": "/root", "TERM": "linux"})  # noqa: S606
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(127)


PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Where a guest looks for commands. Source: login.defs(5), ENV_SUPATH."""


def _unshare(kinds: int, uid: int, gid: int) -> None:
    """Leave namespaces for new ones in which this user is root, and nobody else is anybody."""
    kernel.unshare(kinds)
    for name, content in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(descriptor, content.encode())
        os.close(descriptor)


def _read(plan: int) -> Plan:
    found: Plan = pickle.loads(os.pread(plan, os.fstat(plan).st_size, 0))  # noqa: S301 - whoever asked is this program
    return found


def _last_call(refusal: OSError) -> str:
    return traceback.extract_tb(refusal.__traceback__)[-2].name.strip("_")
