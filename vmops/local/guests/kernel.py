"""System calls that Python 3.11 has no function for: namespaces, mounts, and protection from other processes.

Source: fork(2), unshare(2), setns(2), mount(2), umount2(2), pivot_root(2), prctl(2), and the headers of Linux.
"""

import ctypes
import fcntl
import os
import socket
import struct
from functools import reduce
from operator import or_

NEW_MOUNTS, NEW_CGROUP, NEW_HOST_NAME, NEW_IPC = 0x00020000, 0x02000000, 0x04000000, 0x08000000
NEW_USERS, NEW_PROCESSES, NEW_NETWORK = 0x10000000, 0x20000000, 0x40000000

READ_ONLY, NO_SETUID, NO_DEVICES, NO_PROGRAMS = 1, 2, 4, 8
REMOUNT, BIND, RECURSIVE, PRIVATE = 32, 4096, 16384, 1 << 18

_DETACH = 2
_DUMPABLE, _NO_NEW_PRIVILEGES = 4, 38
_PIVOT_ROOT = {"x86_64": 155, "i686": 217, "armv7l": 218, "ppc64le": 203, "s390x": 217}
"""The number of ``pivot_root``, which the C library has no function for; 41 where the common numbers hold."""

_SET_FLAGS, _UP = 0x8914, 1
"""Source: linux/sockios.h, SIOCSIFFLAGS; linux/if.h, IFF_UP."""

# Each flag of statvfs, and the mount flag that preserves it in a remount. Source: statvfs(3).
_KEPT = {1: READ_ONLY, 2: NO_SETUID, 4: NO_DEVICES, 8: NO_PROGRAMS, 1024: 1024, 2048: 2048, 4096: 1 << 21}

_libc = ctypes.CDLL(None, use_errno=True)
_locked = ctypes.PyDLL(None, use_errno=True)
"""The C library, called without releasing Python's lock: in a forked child nobody would give it back."""

_fork, _unshare, _prctl = _locked.fork, _libc.unshare, _libc.prctl
"""Functions that long-lived processes call: they must not write to memory that they could share."""


def fork() -> int:
    """Fork without the work that ``os.fork`` does in the child, which costs half a MB of new pages.

    Only for a process with one thread, and for children that neither lock nor draw random numbers.
    """
    begun = int(_fork())
    _require(begun)
    return begun


def unshare(kinds: int) -> None:
    """Move to new namespaces of these kinds; a new process namespace applies to children only."""
    _require(_unshare(ctypes.c_int(kinds)))


def enter(process: int, kinds: int) -> None:
    """Enter the namespaces of the process that a descriptor stands for (Linux 5.8)."""
    _require(_libc.setns(ctypes.c_int(process), ctypes.c_int(kinds)))


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """Mount a file system, or with BIND a directory or file."""
    words = [_word(source), _word(target), _word(kind), ctypes.c_ulong(flags), _word(options)]
    _require(_libc.mount(*words), target)


def restrict(target: str, flags: int) -> None:
    """Add restrictions such as READ_ONLY to a mount; present ones are kept."""
    found = os.statvfs(target).f_flag
    kept = {flag for reported, flag in _KEPT.items() if found & reported} | {REMOUNT, BIND, flags}
    mount("", target, "", reduce(or_, kept))


def unmount(target: str) -> None:
    """Detach a mount with everything below it; open files stay usable."""
    _require(_libc.umount2(_word(target), ctypes.c_int(_DETACH)), target)


def change_root(directory: str) -> None:
    """Make a mount the root of this namespace, and detach the former root."""
    os.chdir(directory)
    number = _PIVOT_ROOT.get(os.uname().machine, 41)
    _require(_libc.syscall(ctypes.c_long(number), _word("."), _word(".")), directory)
    unmount(".")
    os.chdir("/")


def keep_others_out(out: bool = True) -> None:
    """Keep other processes of this user, in a guest or outside, from inspecting this one; with False, let them."""
    _require(_prctl(ctypes.c_int(_DUMPABLE), ctypes.c_ulong(not out), 0, 0, 0))


def keep_privileges() -> None:
    """Forbid programs that this process runs to gain privileges, as set-user-id programs do."""
    _require(_prctl(ctypes.c_int(_NO_NEW_PRIVILEGES), ctypes.c_ulong(1), 0, 0, 0))


def name_host(name: str) -> None:
    """Set the host name of this namespace."""
    socket.sethostname(name)


def raise_loopback() -> None:
    """Bring up the loopback interface of this network. Source: netdevice(7)."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        fcntl.ioctl(asked, _SET_FLAGS, struct.pack("16sH14x", b"lo", _UP))


def _word(text: str) -> ctypes.c_char_p:
    return ctypes.c_char_p(os.fsencode(text) or None)


def _require(answer: int, about: str = "") -> None:
    if answer == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), about or None)
