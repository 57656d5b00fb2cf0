"""SSH access to a VM: the address of its SSH, the user, and the keys of user and VM."""

import shlex
from dataclasses import dataclass
from pathlib import Path

PORT = 22
"""The port of SSH. Source: RFC 4253, section 4.1."""


@dataclass(frozen=True)
class WayIn:
    """How to log in to one VM; ``vm_id`` is its ``vmId``, Azure's identity of it.

    ``key`` is the file of a private key that vmops made, None if there is none on this host. ``lost_key`` tells that
    vmops made one on another host. ``host_key`` is the VM's public host key if it is known beforehand.
    """

    vm_name: str
    resource_group: str
    stack: str
    vm_id: str
    host: str
    port: int
    user: str
    key: Path | None = None
    lost_key: bool = False
    host_key: str = ""

    @property
    def host_key_alias(self) -> str:
        """The name under which the VM's host key is stored: not the address, because addresses are reused."""
        return f"vmops-{self.vm_id}"

    @property
    def advice(self) -> str:
        """Say what prevents a login, if that is known; else ''."""
        if not self.lost_key:
            return ""
        return (
            f"the key that vmops has made for {self.vm_name} is not on this host: copy keys/ssh/{self.stack} from the "
            "state directory of the host that made it"
        )


def ssh_command(host: str, port: int, user: str, key: Path | None) -> str:
    """Write the login command for people to copy; it needs no file of vmops except the key."""
    options = [
        *(["-i", str(key)] if key else []),
        *(["-p", str(port)] if port != PORT else []),
    ]
    return shlex.join(["ssh", *options, f"{user}@{host}"])
