"""What the records tell about an engine's lock in the backend."""

from dataclasses import dataclass

from vmops.core import host
from vmops.core.failures import FailureKind
from vmops.core.processes import START_TIME_TOLERANCE
from vmops.jobs.made import MadeResources
from vmops.jobs.operation import Operation
from vmops.jobs.store import Store

_CUT_OFF = frozenset({FailureKind.INTERRUPTED, FailureKind.TIMEOUT, FailureKind.BUG})
"""Failures after which the engine may have been killed, so that its lock may have stayed."""


@dataclass(frozen=True)
class StackRecords:
    """The records of one stack, for the notes about engines (`vmops.engine.backend.notes.Records`)."""

    store: Store
    stack: str

    def made(self, owner: str) -> MadeResources:
        """Give the records of what was made of the stack for an owner."""
        return self.store.made(self.stack, owner)

    def newest(self) -> str:
        """Give the id of the newest operation; '' if there is none."""
        latest = self.store.latest(self.stack)
        return latest.id if latest else ""

    def has(self, operation: str) -> bool:
        """Tell whether an operation is one of this stack's."""
        found = self.store.get(operation)
        return found is not None and found.stack == self.stack

    def left(self, hostname: str, since: float) -> bool:
        """Tell whether an ended operation may have left the lock, taken on that host at that time, without a note."""
        return any(_may_have_left(each, hostname, since) for each in self.store.history(self.stack))


def _may_have_left(operation: Operation, hostname: str, since: float) -> bool:
    """Tell whether the engine of an operation may have left a lock without a note.

    The operation was interrupted, and it was running on that host when the lock was taken. Either an earlier version,
    which wrote no notes, ran it, or it ran before the last boot, and its note was lost in a power failure. An engine of
    the present boot has left a note.
    """
    cut_off = operation.failure is not None and operation.failure.kind in _CUT_OFF
    noted = operation.host_id == host.identity()
    begun, over = operation.started - START_TIME_TOLERANCE, operation.ended + START_TIME_TOLERANCE
    return cut_off and not noted and operation.host == hostname and begun <= since <= over
