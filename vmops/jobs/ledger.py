"""The records of places: where the VMs of one operation are tried, and which places Azure has refused."""

from collections.abc import Iterable, Mapping, Sequence

from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.deploy.placed import Placed
from vmops.jobs.operation import Operation
from vmops.jobs.store import Store
from vmops.placement.place import Place
from vmops.placement.search import Objection


def noted(life: Sequence[Operation], name: str) -> Placed | None:
    """Give the place where a VM was tried last; ``life`` are its operations since its removal, newest first.

    None if it is unknown.
    """
    return next((Placed.from_dict(each.places[name]) for each in life if name in each.places), None)


class PlaceLedger:
    """The records of places (`vmops.deploy.moves.Ledger`) for one running operation."""

    def __init__(self, store: Store, operation: Operation) -> None:
        self._store, self._operation = store, operation
        self._refused = store.refused(operation.cloud, operation.subscription)
        self._places = dict(operation.places)

    def noted(self, name: str) -> Placed | None:
        """Give the place where a VM was tried last since its removal; None if it is unknown."""
        return noted(self._store.life(self._operation.stack), name)

    def note(self, where: Mapping[str, Placed]) -> None:
        """Record where VMs are tried now. Raises: OperationFailed (interrupted) if it no longer runs, or not here."""
        places = {**self._places, **{name: each.as_dict() for name, each in where.items()}}
        if not self._store.place(self._operation.id, places, self._places):
            message = "another worker has taken this operation over, or it was ended"
            raise OperationFailed(Failure(FailureKind.INTERRUPTED, message, resource=self._operation.identity.vm_id))
        self._places = places

    def known(self) -> list[Objection]:
        """Give the refusals of places that are remembered for the subscription."""
        return self._refused.known()

    def add(self, objections: Iterable[Objection]) -> None:
        """Remember refusals of places."""
        self._refused.add(objections)

    def forget(self, place: Place) -> None:
        """Forget the refusals of a place where a VM was made."""
        self._refused.forget(place)
