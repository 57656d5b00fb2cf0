"""States that a wait can wait for on an existing VM: running, SSH answering, stopped."""

from collections.abc import Callable
from typing import Any, Literal

from vmops.azure import guests
from vmops.azure.vm_state import VmState, get_vm_state, next_poll
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet
from vmops.ops.entrance import Entrance, no_guest

Condition = Literal["running", "ssh", "stopped"]
"""The state to wait for. ``stopped`` includes deallocated."""


class Awaited:
    """One wait for a VM; each call polls once. ``being_made`` tells whether a provision of the VM is in flight.

    A VM that does not exist is waited for while it is being made.
    """

    def __init__(self, entrance: Entrance, condition: Condition, being_made: Callable[[], bool]) -> None:
        self._entrance, self._condition, self._being_made = entrance, condition, being_made

    def __call__(self) -> dict[str, Any] | Failure | NotYet:
        """Poll once. Raises: OperationFailed if the state can never be reached; CloudError if ARM refuses."""
        target = self._entrance.target
        making = self._being_made()  # read first: a VM whose provision ends now exists in the next read
        seen = get_vm_state(self._entrance.arm(target), target.vm_id)
        if seen is None and not making:
            return Failure(FailureKind.NOT_FOUND, "there is no such VM", resource=target.vm_id)
        found = seen and self._met(seen)
        return found or next_poll(target.poll_interval)

    def _met(self, seen: VmState) -> dict[str, Any] | None:
        """Describe a VM that has reached the state; None if it has not."""
        if self._condition == "stopped":
            return dict(seen.summary()) if seen.stopped else None
        guest = self._entrance.guest()
        if self._condition == "ssh" and guest.kind == guests.NONE:
            raise no_guest(guest, self._entrance.target)
        if not seen.running:
            return None
        found = {**seen.summary(), **self._entrance.login(seen, guest)}
        answers = self._condition == "running" or self._entrance.answers(found["sshHost"], found["sshPort"])
        return found if answers else None
