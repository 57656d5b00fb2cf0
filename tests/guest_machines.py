"""A local Azure with one machine, and the access to its guest."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.azure import Azure
from tests.conformance.arm import COMPUTE, GROUP, NETWORK, SUBNET, machine
from tests.guests import LONG
from vmops.core.polling import NotYet, poll_until

VERSION = "api-version=2024-07-01"
BOOT_ID = "cat /proc/sys/kernel/random/boot_id"
VM = f"{COMPUTE}/virtualMachines/vm"


class Machines:
    """A local Azure with one machine, and the access to its guest."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir, self.azure, self.key = state_dir, Azure(state_dir), state_dir / "id"

    def make(self, **profile: Any) -> None:
        """Make a machine, with everything that it needs."""
        public = self.key.with_suffix(".pub").read_text()
        space = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}}
        part = {"name": "ipconfig1", "properties": {"subnet": {"id": SUBNET}}}
        self.put(GROUP)
        self.put(f"{NETWORK}/virtualNetworks/net", properties=space)
        self.azure.put(f"{SUBNET}?{VERSION}", {"properties": {"addressPrefix": "10.0.0.0/24"}})
        self.settle()
        self.put(f"{NETWORK}/networkInterfaces/vm-nic", properties={"ipConfigurations": [part]})
        asked = machine()
        asked["properties"]["osProfile"]["linuxConfiguration"]["ssh"]["publicKeys"] = [{"keyData": public}]
        asked["properties"]["osProfile"] |= profile
        self.azure.put(f"{VM}?{VERSION}", asked)
        self.settle()

    def put(self, path: str, **body: Any) -> None:
        """PUT a resource, and wait until it exists."""
        self.azure.put(f"{path}?{VERSION}", {"location": "westus2", **body})
        self.settle()

    def act(self, verb: str, query: str = "") -> None:
        """Call a power verb, and wait until it is done."""
        self.azure.post(f"{VM}/{verb}?{VERSION}{query}", None)
        self.settle()

    def settle(self) -> None:
        """Poll, at pace 0, until no operation is in progress."""
        assert self.azure.resources() is not None

    def told(self) -> dict[str, Any]:
        """Give the reported state of the guest."""
        [found] = self.azure.get("/_local/guests")["guests"]
        return dict(found)

    def until(self, **wanted: Any) -> dict[str, Any]:
        """Wait until the guest is reported with these values."""

        def look() -> dict[str, Any] | NotYet:
            told = self.told()
            return told if wanted.items() <= told.items() else NotYet(0.02)

        found = poll_until(look, timeout=LONG)
        assert found, (self.told(), (self.state_dir / "local/daemon.log").read_text())
        return found

    def ssh(self, command: str, patience: int = 5) -> "subprocess.CompletedProcess[bytes]":
        """Run a command in the guest, whose host key is the reported one; ``timeout`` limits its silence."""
        told = self.told()
        known = self.state_dir / "known"
        known.write_text(f"[{told['host']}]:{told['port']} {told['hostKey']}\n")
        how = {"Port": told["port"], "IdentityFile": self.key, "UserKnownHostsFile": known, "LogLevel": "ERROR"}
        how |= {"StrictHostKeyChecking": "yes", "BatchMode": "yes", "ConnectTimeout": patience}
        options = [word for name, value in how.items() for word in ("-o", f"{name}={value}")]
        line = ["ssh", "-F", "none", *options, f"{told['user']}@{told['host']}", command]
        return subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONG, check=False)

    def said(self, command: str) -> str:
        """Run a command in the guest, which must succeed."""
        ran = self.ssh(command)
        assert ran.returncode == 0, ran
        return ran.stdout.decode().strip()

    @contextmanager
    def booting(self) -> Iterator[None]:
        """Wait until the guest answers with another boot id than before the block."""
        last = self.said(BOOT_ID)
        yield

        def look() -> bool | NotYet:
            ran = self.ssh(BOOT_ID)
            return (ran.returncode == 0 and ran.stdout.decode().strip() != last) or NotYet(0.05)

        assert poll_until(look, timeout=LONG), self.told()
