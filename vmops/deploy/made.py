"""The records of what a deployment made."""

from collections.abc import Iterable
from typing import Protocol

from vmops.engine.backend import notes


class Made(Protocol):
    """The resources that were made for one stack and were not seen to be gone (`vmops.jobs.made`)."""

    def intend(self, ids: Iterable[str]) -> None:
        """Record what is about to be made or changed."""

    def note(self, arm_id: str, identity: str, written: float | None = None) -> None:
        """Record a resource, Azure's identity of it, and the time of the write: 0 if unknown, now by default."""

    def note_run(self, arm_id: str, ran: str) -> None:
        """Record whether a VM has ever run, in the terms of `vmops.deploy.first_run`."""

    def ran(self, arm_id: str) -> str:
        """Give what `note_run` recorded of a VM, if it has not been seen to be gone since; '' if unknown."""

    def disown(self, ids: Iterable[str]) -> None:
        """Forget resources that turned out to belong to others."""

    def gone(self, left: Iterable[str] = ()) -> None:
        """Record that none of them exists any more; those ``left`` under their ids belong to others."""

    def known(self) -> dict[str, str]:
        """Give Azure's identity of each resource by ARM id in lower case; '' if unknown."""

    def ids(self) -> list[str]:
        """Give the ARM id of each."""

    def last_write(self) -> float:
        """Give the time of the last write to any of them, in seconds since the epoch; 0 if unknown."""


class Records(notes.Records, Protocol):
    """The records of a stack in a state directory: its operations, and what they made."""

    def made(self, owner: str) -> Made:
        """Give the records of what was made for an owner."""
