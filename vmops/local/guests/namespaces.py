"""Starts a guest in two nested layers of namespaces, and enters it.

The root is assembled in the outer layer. A process stays there, waits for the guest's end, and records its reason. The
inner layer is the guest's own: nothing in it can unmount or write what the outer layer has mounted. Source:
mount_namespaces(7), user_namespaces(7), pid_namespaces(7).
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
"""The file in which the waiting process records why the guest ended: a word of `ENDS`, `KILLED`, or a refusal."""

# How the first process ends: by its own exit code (init.sh), or, after reboot(2), by this signal. Source: reboot(2).
ENDS = {81: "reboot", 82: "poweroff", -signal.SIGHUP: "reboot", -signal.SIGINT: "poweroff"}
KILLED, REFUSED = "killed", "refused"

_ENDING = (errno.ESRCH, errno.ENOMEM)
"""Errors when a guest ends while it is entered; the connection ends with it. Source: pid_namespaces(7), fork(2)."""


@dataclass(frozen=True)
class Plan:
    """How a guest starts: the command of its first process, its host name, and what makes its directories.

    ``remember`` is called with a descriptor of its directory and the pid of the process that waits for its end, even if
    the requester dies meanwhile. Everything in it can be pickled: short-lived processes read it where it is needed.
    """

    first: Sequence[str]
    name: str
    prepare: Work
    remember: Callable[[int, int], None]


def begin(directory: int, tell: int, plan: int) -> NoReturn:
    """Start a guest in its directory, send the pid of the process that waits for its end, or a refusal, and exit.

    That process leads a session, and keeps this one's descriptors open, among them the guest's lock. Later refusals are
    in ``ENDED``. ``plan`` is a file with a `Plan` in it.
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
    """Run work with a connection, in a process in a guest; ``first`` is a descriptor of the guest's first process.

    All that it needs must be imported before: no file of this host is there. No process there can inspect it.
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
    """Delete a directory in the one that a descriptor stands for, in a separate process.

    That process is root among the guests' users, so that it may delete everything in it.
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
    """Start the guest in a child that leaves it to this process, and record how it ended.

    It waits until this process is recorded: the recording process has the same root, and cannot see this host's files
    once that is changed. It lives as long as the guest, so it does as little as possible, to save memory.
    """
    if not os.read(known, 1):
        os._exit(0)
    ended = os.open(ENDED, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    why = REFUSED
    try:
        (answer, tell), (held, hold) = os.pipe(), os.pipe()
        builder = kernel.fork()
        if not builder:
            os.close(hold)
            _build(tell, held, _read(plan))
        os.close(tell)
        os.close(directory)
        os.chdir("/")  # the root is replaced by the guest's, and a process at the root moves with it
        kernel.keep_others_out()
        guest = os.read(answer, 1 << 10).decode()
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
    """Wait for the end of the guest with this pid, and say why it ended, or why it did not start."""
    if not guest.isdecimal():
        return f"{REFUSED}: {guest}"
    while True:  # orphans in these namespaces become children of this process
        ended, status = os.wait()
        if ended == int(guest):
            return ENDS.get(os.waitstatus_to_exitcode(status), KILLED)


def _build(tell: int, held: int, plan: Plan) -> NoReturn:
    """Assemble the root, start the guest in it, send its pid or the refusal, and exit."""
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
    """Become the guest's first process, once the process that waits for its end has adopted this one."""
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
"""The guest's default ``PATH``. Source: login.defs(5), ENV_SUPATH."""


def _unshare(kinds: int, uid: int, gid: int) -> None:
    """Move to new namespaces in which this user is root, and no other user exists."""
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
