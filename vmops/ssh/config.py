"""What OpenSSH is told of the way into a VM, as a block of its configuration.

Source: ssh_config(5).
"""

import re
from pathlib import Path

from vmops.core.errors import StoreError
from vmops.ssh.way_in import WayIn

_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f]|\$\{")
"""What a path in the configuration cannot have: it ends a line, or names a variable."""

_ALIVE = (15, 4)
"""Seconds after which a silent server is asked whether it lives, and how often before the connection is given up."""

_CONNECT = 30
"""Seconds in which a connection must come about."""


def block(way: WayIn, name: str, known_hosts: Path) -> str:
    """Give the block by which OpenSSH finds a VM under a name.

    A VM's own key is taken when it is first seen, and is another's afterwards; one that is known beforehand must be it.

    Raises: StoreError if a path in it cannot be written so.
    """
    identity = [f"IdentityFile {quoted(way.key)}", "IdentitiesOnly yes"] if way.key else []
    options = [
        f"HostName {way.host}",
        f"Port {way.port}",
        f"User {way.user}",
        *identity,
        f"HostKeyAlias {way.host_key_alias}",
        f"UserKnownHostsFile {quoted(known_hosts)}",
        f"StrictHostKeyChecking {'yes' if way.host_key else 'accept-new'}",
        f"ConnectTimeout {_CONNECT}",
        f"ServerAliveInterval {_ALIVE[0]}",
        f"ServerAliveCountMax {_ALIVE[1]}",
    ]
    return "".join([f"Host {name}\n", *(f"    {option}\n" for option in options)])


def quoted(path: Path) -> str:
    """Write a path as one word in which nothing is expanded.

    Raises: StoreError if that cannot be.
    """
    if _UNSPEAKABLE.search(str(path)):
        raise StoreError(f"OpenSSH cannot be told of {str(path)!r}: set VMOPS_STATE_DIR to a path without such signs")
    escaped = re.sub(r'(["\\])', r"\\\1", str(path)).replace("%", "%%")
    return f'"{escaped}"'
