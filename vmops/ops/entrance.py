"""The address and login of a VM, from this host's record of it and from Azure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from vmops.azure import guests
from vmops.azure.client import Arm
from vmops.azure.guests import Guest
from vmops.azure.machines import addresses_of
from vmops.azure.vm_state import VmState, get_vm_state
from vmops.core import keys
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.core.settings import Settings
from vmops.jobs.opened import vm_key
from vmops.jobs.operation import State, Verb
from vmops.jobs.store import Store
from vmops.ops.suggest import shell_command
from vmops.spec.target import Target
from vmops.ssh.banner import ssh_answers
from vmops.ssh.way_in import PORT, WayIn

_POLL_INTERVAL = 0.1
"""Seconds from the first probe of a port to the next; the interval grows."""

_MIN_PROBE_TIMEOUT = 3.0
"""Seconds that an SSH server gets to answer a probe, even if the wait is shorter: a busy one takes a second."""


@dataclass(frozen=True)
class Entrance:
    """Logging in to one VM; ``arm`` connects to its cloud."""

    settings: Settings
    store: Store
    arm: Callable[[Target], Arm]
    target: Target

    def find(self, *, stopped: bool = False) -> WayIn:
        """Give the address and login of a VM that runs; with ``stopped`` it may be stopped.

        Raises: OperationFailed (not_found) if there is no such VM, (conflict) if it is stopped, (invalid) if nothing
        runs inside; CloudError if ARM refuses.
        """
        seen = get_vm_state(self.arm(self.target), self.target.vm_id)
        if seen is None:
            raise self._refused(FailureKind.NOT_FOUND, "there is no such VM")
        guest = self.guest()
        if guest.kind == guests.NONE:
            raise no_guest(guest, self.target)
        if seen.stopped and not stopped:
            step = f"`{shell_command('start', self.target.identity.params)}` starts it"
            raise self._refused(FailureKind.CONFLICT, f"the VM is {seen.power}", step)
        return self.way(seen, guest)

    def open(self) -> WayIn:
        """Give the address and login once SSH answers; wait for that at most ``pollTimeout`` seconds.

        Raises: as `find`; OperationFailed (timeout).
        """
        way = self.find()
        if not poll_until(lambda: self._answers(way), timeout=self.target.poll_timeout):
            step = f"`{shell_command('status', self.target.identity.params)}` shows its state"
            message = f"nothing answers as SSH on {way.host} port {way.port} within pollTimeout"
            raise self._refused(FailureKind.TIMEOUT, message, step)
        return way

    def guest(self) -> Guest:
        """Give what runs inside the VM. Raises: CloudError."""
        return guests.guest_of(self.arm(self.target), self.target.vm_id)

    def way(self, seen: VmState, guest: Guest) -> WayIn:
        """Give the address and login, from the state of the VM and of its guest.

        Raises: CloudError if ARM refuses.
        """
        key = vm_key(self.settings, self.store, self.target.stack)
        profile = seen.resource["properties"].get("osProfile", {})
        public_keys = profile.get("linuxConfiguration", {}).get("ssh", {}).get("publicKeys", ())
        return WayIn(
            self.target.machine_name,
            self.target.resource_group,
            self.target.stack,
            seen.vm_id,
            guest.host or self._address(seen),
            guest.port or PORT,
            guest.user or profile.get("adminUsername", ""),
            key,
            key is None and any(keys.is_made_here(each.get("keyData", "")) for each in public_keys),
            guest.host_key,
        )

    def login(self, seen: VmState, guest: Guest) -> dict[str, Any]:
        """Give what a script needs to log in, as JSON. Raises: CloudError if ARM refuses."""
        way = self.way(seen, guest)
        return {
            "vmId": way.vm_id,
            "sshHost": way.host,
            "sshPort": way.port,
            "sshUser": way.user,
            "hostKeyAlias": way.host_key_alias,
        }

    def answers(self, where: str, port: int) -> bool:
        """Tell whether SSH answers there now. One probe lasts no longer than the wait, or `_MIN_PROBE_TIMEOUT`."""
        most = max(self.target.poll_timeout, _MIN_PROBE_TIMEOUT)
        return ssh_answers(where, port, min(self.target.request_timeout, most))

    def _answers(self, way: WayIn) -> bool | NotYet:
        return self.answers(way.host, way.port) or NotYet(_POLL_INTERVAL, max_interval=self.target.poll_interval)

    def _address(self, seen: VmState) -> str:
        """Give the VM's address: that of the record if it made the VM, else ARM's."""
        latest = self.store.latest(self.target.stack)
        made = latest and (latest.verb, latest.state) == (Verb.PROVISION, State.SUCCEEDED)
        outputs = latest.outputs if latest and made else {}
        known = outputs.get("publicIp") or outputs.get("privateIp")
        public, private = ("", "") if known else addresses_of(self.arm(self.target), seen.resource)
        return str(known or public or private)

    def _refused(self, kind: FailureKind, message: str, step: str = "") -> OperationFailed:
        return OperationFailed(Failure(kind, message, resource=self.target.vm_id, step=step))


def no_guest(guest: Guest, target: Target) -> OperationFailed:
    """Give the refusal of an action that needs a guest in a VM that has none."""
    message = f"nothing runs inside {target.vm_name}: {guest.why}"
    step = "log in to a VM of a real cloud, or see `vmops local status`"
    return OperationFailed(Failure(FailureKind.INVALID, message, resource=target.vm_id, step=step))
