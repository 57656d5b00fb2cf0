"""The way into a VM: where its SSH answers, who logs in, and by which keys the two know each other."""

import shlex
from dataclasses import dataclass
from pathlib import Path

PORT = 22
"""The port of SSH. Source: RFC 4253, section 4.1."""


@dataclass(frozen=True)
class WayIn:
    """How to log in to one VM; ``vm_id`` is its ``vmId``, Azure's own identity of it.

    ``key`` is the file of a private key that vmops has made, None if it made none that is on this host; ``lost_key``
    tells that it has made one that is not. ``host_key`` is the VM's own public key where it is known beforehand.
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
        """The name under which the VM's own key is remembered, by the VM and not by its address: that is used again."""
        return f"vmops-{self.vm_id}"

    @property
    def advice(self) -> str:
        """Say what is in the way of a login as far as it is seen from here; '' if nothing is."""
        if not self.lost_key:
            return ""
        return (
            f"the key that vmops has made for {self.vm_name} is not on this host: copy keys/ssh/{self.stack} from the "
            "state directory of the host that made it"
        )


def ssh_command(host: str, port: int, user: str, key: Path | None) -> str:
    """Write the command that logs in without any file of ours but the key, to be pasted into a shell."""
    options = [
        *(["-i", str(key)] if key else []),
        *(["-p", str(port)] if port != PORT else []),
    ]
    return shlex.join(["ssh", *options, f"{user}@{host}"])
