"""The right to write for a VM: checked before each write to the cloud and to the engine's state."""

from typing import Protocol


class VmClaim(Protocol):
    """The claim of whoever works on a VM. ``epoch`` numbers the claims to a VM; 0 if a lock of this host decides.

    ``mark`` goes with each request to ARM that changes something; '' for none. ``given_up`` says that nobody could be
    asked for so long that how the work failed is not to be recorded: another goes on with it.
    """

    @property
    def epoch(self) -> int:
        """Give the claim's number among all claims to the VM."""

    @property
    def mark(self) -> str:
        """Give the mark of requests."""

    @property
    def given_up(self) -> bool:
        """Tell whether the work ends only because the database was away for too long."""

    def check(self) -> None:
        """Check that the claim still holds. Raises: OperationFailed (fenced) if another holds it now."""


class LockedHere:
    """The claim of the holder of the VM's lock, on the only host that writes: it ends when its holder does."""

    epoch, mark, given_up = 0, "", False

    def check(self) -> None:
        """Do nothing."""


LOCKED_HERE = LockedHere()
