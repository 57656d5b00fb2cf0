"""The right to write for a VM: asked after before each write, of the cloud and of the engine's state."""

from typing import Protocol


class VmClaim(Protocol):
    """Who works on a VM has one; ``epoch`` tells it from all that were before, 0 where a lock of this host tells that.

    ``mark`` is what each request to ARM that changes something carries, '' for nothing.
    """

    @property
    def epoch(self) -> int:
        """Give its number among all claims to the VM."""

    @property
    def mark(self) -> str:
        """Give what requests carry."""

    def check(self) -> None:
        """Check that it still holds. Raises: OperationFailed (fenced) if another has it now."""


class LockedHere:
    """The claim of who holds the VM's lock on the only host that writes: it ends with its holder, and not before."""

    epoch, mark = 0, ""

    def check(self) -> None:
        """Do nothing."""


LOCKED_HERE = LockedHere()
