"""Writes the access to a VM as a block of OpenSSH's configuration.

Source: ssh_config(5).
"""

import re
from pathlib import Path

from vmops.core.errors import StoreError
from vmops.ssh.way_in import WayIn

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]|\$\{")
"""Characters that a path in the configuration cannot have: they end a line, or start a variable."""

_KEEPALIVE = (15, 4)
"""Idle seconds after which a server is probed, and how many probes fail before the connection is dropped."""

_CONNECT_TIMEOUT = 30
"""Seconds within which a connection must be established."""


def block(way: WayIn, name: str, known_hosts: Path) -> str:
    """Give the block of the configuration for a VM under a name.

    A VM's host key is accepted on first use, and must not change afterwards. A key that is known beforehand must match.

    Raises: StoreError if a path cannot be written in the configuration.
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
        f"ConnectTimeout {_CONNECT_TIMEOUT}",
        f"ServerAliveInterval {_KEEPALIVE[0]}",
        f"ServerAliveCountMax {_KEEPALIVE[1]}",
    ]
    return "".join([f"Host {name}\n", *(f"    {option}\n" for option in options)])


def quoted(path: Path) -> str:
    """Quote a path so that nothing in it is expanded.

    Raises: StoreError if that is impossible.
    """
    if _FORBIDDEN.search(str(path)):
        raise StoreError(
            f"OpenSSH's configuration cannot contain {str(path)!r}: set VMOPS_STATE_DIR to a path without control "
            "characters and `${`"
        )
    escaped = re.sub(r'(["\\])', r"\\\1", str(path)).replace("%", "%%")
    return f'"{escaped}"'
