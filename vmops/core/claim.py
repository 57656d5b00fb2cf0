"""The right to change a VM: checked before each write to the cloud and to the engine's state."""

from typing import Protocol


class VmClaim(Protocol):
    """The claim of a worker to a VM.

    - ``epoch``: the number of the claim among all claims to the VM; 0 if a lock of this host decides.
    - ``mark``: sent with each request to ARM that changes something; '' for none.
    - ``given_up``: the database was unreachable for too long; the failure is not recorded, because another worker
      continues.
    """

    @property
    def epoch(self) -> int:
        """Give the claim's number among all claims to the VM."""

    @property
    def mark(self) -> str:
        """Give the mark that is sent with requests."""

    @property
    def given_up(self) -> bool:
        """Tell whether the work stopped only because the database was unreachable for too long."""

    def check(self) -> None:
        """Check that the claim still holds. Raises: OperationFailed (fenced) if another holds it now."""


class LockedHere:
    """The claim of the process that holds the VM's lock, where only one host writes. It ends with the process."""

    epoch, mark, given_up = 0, "", False

    def check(self) -> None:
        """Do nothing."""


LOCKED_HERE = LockedHere()
