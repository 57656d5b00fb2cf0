"""The records of what a deployment made."""

from collections.abc import Iterable
from typing import Protocol

from vmops.engine.backend import notes


class Made(Protocol):
    """What was made of one stack and has not been seen to be gone (`vmops.jobs.made`)."""

    def intend(self, ids: Iterable[str]) -> None:
        """Record what is about to be made or changed."""

    def note(self, arm_id: str, identity: str, written: float | None = None) -> None:
        """Record what was made, Azure's identity of it, and when it was written: 0 if unknown, now by default."""

    def note_run(self, arm_id: str, ran: str) -> None:
        """Record whether a VM has ever run, in the terms of `vmops.deploy.first_run`."""

    def ran(self, arm_id: str) -> str:
        """Give what `note_run` recorded of a VM, if it has not been seen to be gone since; '' if unknown."""

    def disown(self, ids: Iterable[str]) -> None:
        """Forget what turned out to belong to others."""

    def gone(self, left: Iterable[str] = ()) -> None:
        """Record that nothing of it exists any more; what was ``left`` under its ids belongs to others."""

    def known(self) -> dict[str, str]:
        """Give Azure's identity of each resource by ARM id in lower case; '' if unknown."""

    def ids(self) -> list[str]:
        """Give the ARM id of each."""

    def last_write(self) -> float:
        """Give the time of the last write to any of it, in seconds since the epoch; 0 if unknown."""


class Records(notes.Records, Protocol):
    """The records that a state directory has of a stack: its operations, and what they made."""

    def made(self, owner: str) -> Made:
        """Give the records of what was made of it in an owner's name."""
