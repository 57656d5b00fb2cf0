"""What runs inside a VM: on a real cloud whatever the VM's owner has put there, on the local one what that says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vmops.azure.client import Arm
from vmops.core.errors import CloudError

AZURE, NONE = "azure", "none"
"""Kinds of guest: a real cloud's VM, which nobody tells of; and none, in a VM that is simulated alone."""


@dataclass(frozen=True)
class Guest:
    """What runs inside a VM, and where its SSH is reached if the cloud tells; '' and 0 for what it does not tell.

    ``kind`` is ``azure``, ``none``, or how the local Azure runs it; ``state`` is booting, up, stopping, down or lost.
    ``why`` says why there is none, or why it is in that state.
    """

    kind: str
    state: str = ""
    why: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    host_key: str = ""

    def summary(self) -> dict[str, str]:
        """Give what a person wants to know of it."""
        return {"kind": self.kind, "state": self.state, "why": self.why}


def guest_of(arm: Arm, vm_id: str) -> Guest:
    """Tell what runs inside a VM, by its ARM id. Raises: CloudError if the cloud should tell and does not."""
    if not arm.has_guests:
        return Guest(AZURE)
    told = _told(arm)
    mine = (each for each in told.get("guests", ()) if each["id"].lower() == vm_id.lower())
    return _guest(told, next(mine, {}))


def kind(arm: Arm) -> Guest:
    """Tell what would run inside a VM that is made now. Raises: as `guest_of`."""
    return _guest(_told(arm), {}) if arm.has_guests else Guest(AZURE)


def _told(arm: Arm) -> Mapping[str, Any]:
    """Ask a cloud what runs inside its VMs: nothing where it does not know the question."""
    try:
        return arm.guests()
    except CloudError as error:
        if error.status != 404:
            raise
        return {"kind": NONE, "reason": "this local Azure has no guests"}


def _guest(told: Mapping[str, Any], mine: Mapping[str, Any]) -> Guest:
    why = mine.get("why") or ("" if mine else told.get("reason", ""))
    where = (mine.get("host", ""), mine.get("port", 0), mine.get("user", ""), mine.get("hostKey", ""))
    return Guest(told["kind"], mine.get("state", ""), why, *where)
