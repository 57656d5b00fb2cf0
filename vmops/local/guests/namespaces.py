"""How a guest begins, in namespaces within namespaces, and how one is entered.

The outer ones are where its root is put together; a process stays there that waits for the guest's end and writes down
why it ended. The inner ones are the guest's own: what is mounted in the outer ones nobody in the inner ones can take
away, or write to. Source: mount_namespaces(7), user_namespaces(7), pid_namespaces(7).
"""

import errno
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
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

STOP = signal.SIGPWR
"""What asks the first process to end all others, and itself."""


@dataclass(frozen=True)
class Plan:
    """How a guest begins: the command of its first process, its host name, and what makes its directories.

    ``remember`` is called with the process that waits for its end, also when whoever begins it dies meanwhile.
    """

    first: Sequence[str]
    name: str
    prepare: Work
    remember: Callable[[int], None]


def boot(directory: int, lock: int, console: int, plan: Plan) -> int:
    """Begin a guest in its directory, and give the process that waits for its end, and holds its lock till then.

    It leads a session, and is a child of whoever adopts the children of ours.

    Raises: OSError if it cannot be begun; what is refused later is written in ``ENDED``.
    """
    told, tell = os.pipe()
    try:
        beginner = forks.fork()
        if not beginner:
            forks.own_streams(console)
            forks.close_all_but(directory, lock, tell)
            _begin(directory, tell, plan)
    finally:
        os.close(tell)
    with os.fdopen(told) as answer:
        said = answer.read()
    os.waitpid(beginner, 0)
    if not said.isdecimal():
        raise OSError(said or "no namespaces")
    return int(said)


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


def _begin(directory: int, tell: int, plan: Plan) -> NoReturn:
    """Go into the outer namespaces, begin what waits there, tell which process that is, and end."""
    try:
        os.fchdir(directory)
        os.setsid()
        kernel.keep_others_out(False)  # of its own files in /proc nobody may write to one that keeps others out
        _unshare(_OUTER, os.geteuid(), os.getegid())
        known, know = os.pipe()
        waiting = os.fork()
        if not waiting:
            os.close(tell)
            os.close(know)
            _wait_for_guest(directory, known, plan)
        plan.remember(waiting)
        os.write(know, b"1")
        os.write(tell, str(waiting).encode())
    except OSError as refusal:
        os.write(tell, f"{refusal.strerror} ({_last_call(refusal)})".encode())
    finally:
        os._exit(0)


def _wait_for_guest(directory: int, known: int, plan: Plan) -> NoReturn:
    """Put the root together, begin the guest in it, and write down how it ended.

    Not before this process is remembered: who remembers it has the same root, and sees nothing of this host any more
    once that is another.
    """
    if not os.read(known, 1):
        os._exit(0)
    why = REFUSED
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])  # until there is somebody to pass it on to
        forks.apart(plan.prepare)
        file_system.build()
        _unshare(_INNER, 0, 0)
        guest = os.fork()
        if not guest:
            _become_first(plan.first, plan.name)
        kernel.keep_others_out()
        signal.signal(signal.SIGTERM, lambda *_: os.kill(guest, STOP))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
        _, status = os.waitpid(guest, 0)
        why = ENDS.get(os.waitstatus_to_exitcode(status), KILLED)
    except BaseException as refusal:
        why = f"{REFUSED}: {refusal}"
        traceback.print_exc()
    finally:
        _write(directory, why)
        os._exit(0)


def _become_first(first: Sequence[str], name: str) -> NoReturn:
    """Become the guest's first process."""
    try:
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
    own = Path("/proc/self")
    (own / "setgroups").write_text("deny")
    (own / "uid_map").write_text(f"0 {uid} 1")
    (own / "gid_map").write_text(f"0 {gid} 1")


def _write(directory: int, why: str) -> None:
    descriptor = os.open(ENDED, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600, dir_fd=directory)
    os.write(descriptor, why.encode())


def _last_call(refusal: OSError) -> str:
    return traceback.extract_tb(refusal.__traceback__)[-2].name.strip("_")
