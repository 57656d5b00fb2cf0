"""What the records say about an engine's lock."""

from dataclasses import dataclass

from vmops.core import host
from vmops.core.failures import FailureKind
from vmops.core.processes import START_TIME_TOLERANCE
from vmops.jobs.made import MadeResources
from vmops.jobs.operation import Operation
from vmops.jobs.store import Store

_CUT_OFF = frozenset({FailureKind.INTERRUPTED, FailureKind.TIMEOUT, FailureKind.BUG})
"""How an operation ends whose engine may have been killed."""


@dataclass(frozen=True)
class StackRecords:
    """The records of one stack, as the notes about engines need them (`vmops.engine.backend.notes.Records`)."""

    store: Store
    stack: str

    def made(self, owner: str) -> MadeResources:
        """Give what was ever made of it for an owner."""
        return self.store.made(self.stack, owner)

    def newest(self) -> str:
        """Give the id of the newest operation; '' if there is none."""
        latest = self.store.latest(self.stack)
        return latest.id if latest else ""

    def has(self, operation: str) -> bool:
        """Tell whether an operation is among them."""
        found = self.store.get(operation)
        return found is not None and found.stack == self.stack

    def left(self, hostname: str, since: float) -> bool:
        """Tell whether an operation that has ended left a lock without a note, taken on that host at that time."""
        return any(_may_have_left(each, hostname, since) for each in self.store.history(self.stack))


def _may_have_left(operation: Operation, hostname: str, since: float) -> bool:
    """Tell whether an engine of an operation may have left a lock without a note.

    Its operation was interrupted and was running on that host when the lock was taken. It is either of an earlier
    version, which wrote no notes, or of another boot, and its note was lost with the power. An engine of this boot has
    left a note.
    """
    cut_off = operation.failure is not None and operation.failure.kind in _CUT_OFF
    noted = operation.host_id == host.identity()
    begun, over = operation.started - START_TIME_TOLERANCE, operation.ended + START_TIME_TOLERANCE
    return cut_off and not noted and operation.host == hostname and begun <= since <= over
