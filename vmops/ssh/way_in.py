"""The way into a VM: where its SSH answers, who logs in, and the keys of user and VM."""

import shlex
from dataclasses import dataclass
from pathlib import Path

PORT = 22
"""The port of SSH. Source: RFC 4253, section 4.1."""


@dataclass(frozen=True)
class WayIn:
    """How to log in to one VM; ``vm_id`` is its ``vmId``, Azure's identity of it.

    ``key`` is the file of a private key that vmops made, None if there is none on this host; ``lost_key`` tells that
    vmops made one elsewhere. ``host_key`` is the VM's own public key where it is known beforehand.
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
        """The name under which the VM's host key is stored: the VM's, not its address, because addresses are reused."""
        return f"vmops-{self.vm_id}"

    @property
    def advice(self) -> str:
        """Say what prevents a login, as far as that is known here; '' if nothing does."""
        if not self.lost_key:
            return ""
        return (
            f"the key that vmops has made for {self.vm_name} is not on this host: copy keys/ssh/{self.stack} from the "
            "state directory of the host that made it"
        )


def ssh_command(host: str, port: int, user: str, key: Path | None) -> str:
    """Write the login command, ready to paste; it needs no file of ours except the key."""
    options = [
        *(["-i", str(key)] if key else []),
        *(["-p", str(port)] if port != PORT else []),
    ]
    return shlex.join(["ssh", *options, f"{user}@{host}"])
