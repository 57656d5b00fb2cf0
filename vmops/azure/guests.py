"""What runs inside a VM: unknown in a real cloud, and reported by the local Azure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from vmops.azure.client import Arm
from vmops.core.errors import CloudError

AZURE, NONE = "azure", "none"
"""Kinds of guest: ``azure`` is unknown to vmops, in a real cloud's VM; ``none`` is a simulated VM without a guest."""


@dataclass(frozen=True)
class Guest:
    """What runs inside a VM, and where its SSH is reached; '' and 0 for what the cloud does not report.

    ``kind`` is ``azure``, ``none``, or how the local Azure runs it; ``state`` is booting, up, stopping, down or lost.
    ``why`` gives the reason for the state, or for having no guest.
    """

    kind: str
    state: str = ""
    why: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    host_key: str = ""

    def summary(self) -> dict[str, str]:
        """Give its state for people."""
        return {"kind": self.kind, "state": self.state, "why": self.why}


def guest_of(arm: Arm, vm_id: str) -> Guest:
    """Give the guest of a VM by its ARM id. Raises: CloudError if the cloud should report it and does not."""
    return guests(arm)(vm_id)


def guests(arm: Arm) -> Callable[[str], Guest]:
    """Read the guests of all VMs once; give a function from a VM's ARM id to its guest. Raises: as `guest_of`."""
    if not arm.has_guests:
        return lambda _: Guest(AZURE)
    report = _read(arm)
    by_id = {each["id"].lower(): each for each in report.get("guests", ())}
    return lambda vm_id: _guest(report, by_id.get(vm_id.lower(), {}))


def kind(arm: Arm) -> Guest:
    """Give the guest that a new VM would get. Raises: as `guest_of`."""
    return _guest(_read(arm), {}) if arm.has_guests else Guest(AZURE)


def _read(arm: Arm) -> Mapping[str, Any]:
    """Read what runs inside a cloud's VMs; no guests if the cloud does not know the request."""
    try:
        return arm.guests()
    except CloudError as error:
        if error.status != 404:
            raise
        return {"kind": NONE, "reason": "this local Azure has no guests"}


def _guest(report: Mapping[str, Any], mine: Mapping[str, Any]) -> Guest:
    why = mine.get("why") or ("" if mine else report.get("reason", ""))
    where = (mine.get("host", ""), mine.get("port", 0), mine.get("user", ""), mine.get("hostKey", ""))
    return Guest(report["kind"], mine.get("state", ""), why, *where)
