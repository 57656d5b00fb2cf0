"""Whether a VM and everything that was made for it is gone. It is checked in Azure, never taken from the records."""

from dataclasses import dataclass, field
from typing import Any

from vmops.azure import inventory
from vmops.azure.client import Arm
from vmops.azure.inventory import Inventory
from vmops.azure.ownership import Claim, owner_of
from vmops.azure.vm_state import next_poll
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet
from vmops.core.times import format_utc
from vmops.jobs.operation import Operation, State, Verb
from vmops.spec.target import Target


@dataclass
class Absence:
    """The checks of one wait. A first check that a stale replica may have answered is repeated.

    ``latest`` is the newest record of the VM on this host. ``last_write`` is the time of this host's last write, in
    seconds since the epoch; 0 if unknown.
    """

    arm: Arm
    claim: Claim
    target: Target
    latest: Operation | None
    last_write: float
    _agreed: bool = field(default=False, init=False)

    @property
    def removed_here(self) -> bool:
        """Tell whether this host has removed the VM and verified its absence."""
        return _succeeded(self.latest, Verb.DEPROVISION)

    def take(self) -> Inventory:
        """List what exists: by id, by list and by tag, until the answers agree."""
        return inventory.read_cross_checked(self.arm, self.claim)

    def poll(self) -> dict[str, Any] | Failure | NotYet:
        """Check once: ``{}`` if it is gone, `NotYet` while another host removes it or the check must be repeated.

        A failure if something of ours, or possibly ours, exists and this host knows of nobody who removes it.
        """
        seen = self.take()
        there = [resource["id"] for resource in self._there(seen)]
        if there and self.latest is not None:
            return self._still_there(there, seen.find(self.target.vm_id))
        if there or seen.unread:
            self._agreed = False
            return next_poll(self.target.poll_interval)
        if seen.unproven:
            return _unproven(seen)
        again = (
            None if self.removed_here or self._agreed else inventory.repeat_after(self.arm.pace, self.last_write, seen)
        )
        self._agreed = True
        return {} if again is None else NotYet(again)

    def _there(self, seen: Inventory) -> list[inventory.Resource]:
        """Give the resources that must go. Without a record here, another host decides whether the group goes."""
        return [*seen.ours] if self.latest is None else seen.to_go

    def _still_there(self, there: list[str], machine: inventory.Resource | None) -> Failure:
        step = "deprovision it, then wait again"
        message = "it exists, and nobody is deprovisioning it"
        if self.latest and self.removed_here:
            made = inventory.made_at(machine) if machine else 0.0
            again = f" at {format_utc(made)} by {owner_of(machine)}" if machine and made else " elsewhere"
            message = f"it was removed at {format_utc(self.latest.ended)} and recreated{again}"
        return Failure(FailureKind.CONFLICT, message, resource=there[0], step=step)


def _succeeded(operation: Operation | None, verb: Verb) -> bool:
    return operation is not None and (operation.verb, operation.state) == (verb, State.SUCCEEDED)


def _unproven(seen: Inventory) -> Failure:
    names = ", ".join(resource["name"] for resource in seen.unproven)
    message = f"left, and still paid for: {names}; only the name suggests that vmops made it"
    step = "`vmops adopt` shows it and asks"
    return Failure(FailureKind.CONFLICT, message, resource=seen.unproven[0]["id"], step=step)
