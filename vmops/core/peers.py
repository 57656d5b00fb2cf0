"""Which user owns the other end of a local connection, according to the kernel.

Root is accepted like our own user: it can read everything of ours anyway.
"""

import errno
import os
import socket
import struct
from pathlib import Path

from vmops.core.processes import holds_connection

_TABLES = (Path("/proc/self/net/tcp"), Path("/proc/self/net/tcp6"))
_READS = 5
"""How often the kernel's tables are read for one connection, because a read may miss it while others open and close."""

_CREDENTIALS = struct.Struct("3i")


def is_ours_or_roots(uid: int) -> bool:
    """Tell whether a user is the one that this process runs as, or root."""
    return uid in (0, os.geteuid())


def refuses_tcp(port: int, peer_port: int) -> bool:
    """Tell whether the other end of a connection belongs to another user, or is closed.

    Both ends are at 127.0.0.1: ours at ``port``, the other at ``peer_port``. If ``/proc/net/tcp`` does not exist or
    cannot be read, the connection must be among those of our own user's processes.
    """
    return not any(_is_taken(port, peer_port) for _ in range(_READS))


def refuse_unix(connection: socket.socket) -> None:
    """Check that the process at the other end of a Unix socket runs as our user or as root.

    If the system does not say which user that is, the check passes. Source: unix(7), ``SO_PEERCRED``: a process, its
    user and its group.

    Raises: PermissionError if it is another user.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return
    _, uid, _ = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    if not is_ours_or_roots(uid):
        raise PermissionError(errno.EACCES, f"the other end is a process of uid {uid}")


def _is_taken(port: int, peer_port: int) -> bool:
    """Check once whether the other end of a connection is ours, or root's."""
    try:
        uid = _holder(port, peer_port)
    except (FileNotFoundError, PermissionError):
        return holds_connection(peer_port, port)
    return uid is not None and is_ours_or_roots(uid)


def _holder(port: int, peer_port: int) -> int | None:
    """Give the user who owns the other end; None if it is missing, or closed: for that the kernel reports 0, root.

    Source: Linux, Documentation/networking/proc_net_tcp.rst: addresses as words in the machine's byte order; field 7 is
    the user, field 9 the inode, which is 0 once no process has the socket open.
    """
    rows = [row for table, ends in zip(_TABLES, _ends(port, peer_port), strict=True) for row in _rows(table, ends)]
    return next((int(uid) for *_, uid, _, inode in rows if int(inode)), None)


def _rows(table: Path, ends: str) -> list[list[str]]:
    """Give the fields, up to the inode, of the connection with these ends. A kernel without IPv6 has one table less."""
    if table is not _TABLES[0] and not table.exists():
        return []
    return [line.split()[:10] for line in table.read_text().splitlines() if ends in line]


def _ends(port: int, peer_port: int) -> list[str]:
    """Write both ends in the format of each table, as seen from the other end."""
    return [f" {address}:{peer_port:04X} {address}:{port:04X} " for address in _LOOPBACK]


def _written(address: bytes) -> str:
    return "".join(f"{word:08X}" for word in struct.unpack(f"={len(address) // 4}I", address))


_LOOPBACK = (
    _written(socket.inet_pton(socket.AF_INET, "127.0.0.1")),
    _written(socket.inet_pton(socket.AF_INET6, "::ffff:127.0.0.1")),
)
"""The loopback address in the format of the IPv4 and the IPv6 table; a dual-stack socket uses the IPv4-mapped form."""
