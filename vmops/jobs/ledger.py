"""The records of places: where the VMs of one operation are tried, and the objections to places."""

from collections.abc import Iterable, Mapping, Sequence

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.deploy.placed import Placed
from vmops.jobs.operation import Operation
from vmops.jobs.store import Store
from vmops.placement.place import Place
from vmops.placement.search import Objection


def noted(life: Sequence[Operation], name: str) -> Placed | None:
    """Give where a VM was tried last, by the operations of its life, the newest first; None if unknown."""
    return next((Placed.from_dict(each.places[name]) for each in life if name in each.places), None)


class PlaceLedger:
    """The records of places for one operation (`vmops.deploy.moves.Ledger`), which must be running."""

    def __init__(self, store: Store, operation: Operation) -> None:
        self._store, self._operation = store, operation
        self._refused = store.refused(operation.cloud, operation.subscription)
        self._places = dict(operation.places)

    def noted(self, name: str) -> Placed | None:
        """Give where a VM was tried last since its removal; None if unknown."""
        return noted(self._store.life(self._operation.stack), name)

    def note(self, where: Mapping[str, Placed]) -> None:
        """Note where VMs are tried now. Raises: OperationFailed (interrupted) if this operation is another's by now."""
        places = {**self._places, **{name: each.as_dict() for name, each in where.items()}}
        if not self._store.place(self._operation.id, places, self._places):
            message = "another has taken this operation over, or ended it"
            raise OperationFailed(Failure(FailureKind.INTERRUPTED, message, resource=self._operation.identity.vm_id))
        self._places = places

    def known(self) -> list[Objection]:
        """Give the objections to places of the subscription that others have met."""
        return self._refused.known()

    def add(self, objections: Iterable[Objection]) -> None:
        """Remember objections."""
        self._refused.add(objections)

    def forget(self, place: Place) -> None:
        """Forget the objections to a place where a VM was made."""
        self._refused.forget(place)
