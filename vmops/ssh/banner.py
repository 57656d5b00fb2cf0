"""Checks whether an SSH server answers."""

import socket


def ssh_answers(host: str, port: int, timeout: float) -> bool:
    """Tell whether an SSH server answers at an address within ``timeout`` seconds.

    Source: RFC 4253, section 4.2: a server's first line begins with ``SSH-``.
    """
    if not host:  # an empty name would mean this host
        return False
    try:
        with socket.create_connection((host, port), timeout=timeout) as connection:
            return connection.recv(4, socket.MSG_WAITALL) == b"SSH-"
    except OSError:
        return False
