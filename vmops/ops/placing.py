"""Queries beside the contract about places: where a VM may be, and where Azure has refused one."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from vmops.core.failures import Failure
from vmops.ops.access import Access
from vmops.ops.remembered import Asked, Remembered
from vmops.protocol import Params

if TYPE_CHECKING:
    from vmops.ops.offers import Offers
    from vmops.spec.wish import PlaceRequest


class Placing(Access):
    """Queries before a VM is made: where it is available, at what price, and how much of the quotas is left."""

    def offers(self, params: Params, unread: list[Failure]) -> list[dict[str, Any]]:
        """List the places of a VM, from lists of sizes, locations, zones and priorities, the best first.

        Each has a price, the cores left in its quota, a ``verdict`` (ok, last, blocked) and a reason. ``unread`` gets a
        failure for each query that Azure does not answer; that rules out no place. Raises: SpecError.
        """
        return self._offers(params, unread).take()

    def places(self, params: Params, *, same: bool = False, unset: Collection[str] = ()) -> list[dict[str, Any]]:
        """List the places of a VM that names several, as `offers` does. Raises: SpecError; OperationFailed."""
        asked = self._asked(params, same=same, unset=unset)
        return self._offers(dict(asked.given), []).take() if asked.spec.lists else []

    def quota(self, params: Params) -> list[dict[str, Any]]:
        """List how much of each quota is used and left in a location. Raises: SpecError; CloudError if ARM refuses."""
        return self._offers(params, []).quotas()

    def refusals(self, params: Params, *, forget: bool = False) -> list[dict[str, Any]]:
        """List the remembered refusals of places: whether they are blocked or tried last, why, and until when.

        With ``forget``, they are forgotten. Raises: SpecError.
        """
        from vmops.ops.refused import as_json

        wish = self._wish(params)
        refused = self._store.refused(wish.cloud, wish.subscription)
        return [as_json(each) for each in (refused.forget() if forget else refused.known())]

    def _offers(self, params: Params, unread: list[Failure]) -> "Offers":
        from vmops.ops.offers import Offers
        from vmops.ops.prices import Prices

        wish = self._wish(params)
        known = self._store.refused(wish.cloud, wish.subscription).known()
        return Offers(self._arm(wish), wish, Prices(self.settings.state_dir), unread, known)

    def _wish(self, params: Params) -> "PlaceRequest":
        from vmops.spec.wish import PlaceRequest

        return PlaceRequest.from_params(params, self.settings.defaults())

    def _asked(self, params: Params, *, same: bool, unset: Collection[str] = ()) -> Asked:
        return self._remembered.asked_again(params, unset) if same else self._remembered.asked(params)

    @property
    def _remembered(self) -> Remembered:
        return Remembered(self.settings, self._store)
