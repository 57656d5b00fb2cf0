"""What a deployment remembers of what it made."""

from collections.abc import Iterable
from typing import Protocol

from vmops.engine.backend import notes


class Made(Protocol):
    """What was ever made of one stack, and not seen gone (`vmops.jobs.made`)."""

    def intend(self, ids: Iterable[str]) -> None:
        """Note what is about to be made or changed."""

    def note(self, arm_id: str, identity: str, written: float | None = None) -> None:
        """Note what was made, what Azure knows it by, and when it was written, 0 if nobody knows; by default now."""

    def note_run(self, arm_id: str, ran: str) -> None:
        """Note whether a VM has ever run, as `vmops.deploy.first_run` says it."""

    def ran(self, arm_id: str) -> str:
        """Give what `note_run` has noted of a VM that was not seen gone since; '' if nobody knows."""

    def disown(self, ids: Iterable[str]) -> None:
        """Forget what turned out to be another's."""

    def gone(self, left: Iterable[str] = ()) -> None:
        """Note that nothing of it is there any more, but for what was ``left`` under its ids and is another's."""

    def known(self) -> dict[str, str]:
        """Give Azure's identity of each by its ARM id in lower case; empty where nobody knows."""

    def ids(self) -> list[str]:
        """Give the ARM id of each."""

    def last_write(self) -> float:
        """Give when any of it was written last, in seconds since the epoch; 0 if nobody knows."""


class Records(notes.Records, Protocol):
    """What a state directory remembers of a stack: its operations, and what they made."""

    def made(self, owner: str) -> Made:
        """Give what was ever made of it in an owner's name."""
