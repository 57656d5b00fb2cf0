"""ARM's refusals during a removal. Some are final: then the removal ends, and names what is left."""

import re
from collections.abc import Collection, Sequence

from vmops.azure.error_codes import failure_from_cloud_error, in_short
from vmops.azure.inventory import Resource
from vmops.core.errors import CloudError
from vmops.core.failures import Failure
from vmops.core.log import get_logger

_IN_USE = "in use by what is left"


class Refusals:
    """The refusals of one round, by the resource's id in lower case.

    ``last`` is the first of the last round with any: users are tried before what they use. A final refusal holds for
    its resource alone, and for what that resource uses.
    """

    def __init__(self) -> None:
        self.last: Failure | None = None
        self._met: dict[str, Failure] = {}

    def __len__(self) -> int:
        return len(self._met)

    def forget(self) -> None:
        """Start another round."""
        self._met.clear()

    def meet(self, resource: Resource, error: CloudError) -> None:
        """Record that ARM has refused to delete a resource."""
        failure = failure_from_cloud_error(error)
        if not self._met:
            self.last = failure
        self._met[resource["id"].lower()] = failure
        if not failure.retryable:
            get_logger().warning("refused_for_good", resource=resource["id"], reason=failure.message)

    def are_final(self, left: Sequence[Resource]) -> bool:
        """Tell whether nothing that is left can be deleted: every part is refused for good, or used by such a part."""
        return bool(self._final) and {each["id"].lower() for each in left} <= self._held()

    def failure(self, left: Sequence[Resource], names: Collection[str]) -> Failure:
        """Say why what is left stays, what of it is still paid for (``names``), and what to do about each reason."""
        reasons: dict[str, list[str]] = {}
        for each in left:
            reasons.setdefault(self._reason(each), []).append(str(each["name"]))
        told = "; ".join(f"{', '.join(those)}: {reason}" for reason, those in reasons.items())
        first = next(iter(self._final.values()))
        steps = dict.fromkeys(each.next_step for each in self._final.values())
        paid = f"left, and still paid for: {', '.join(names)}; " if names else ""
        return Failure(first.kind, paid + told, first.code, str(left[0]["id"]), step="; ".join(steps))

    @property
    def _final(self) -> dict[str, Failure]:
        return {arm_id: failure for arm_id, failure in self._met.items() if not failure.retryable}

    def _held(self) -> set[str]:
        """Give the ids of what is refused for good, and of what is in use by such a resource."""
        held: set[str] = set()
        more = set(self._final)
        while more:
            held |= more
            more = {each for each, why in self._met.items() if each not in held and _names(why.message, held)}
        return held

    def _reason(self, resource: Resource) -> str:
        found = self._met[resource["id"].lower()]
        return _IN_USE if found.retryable else f"{in_short(found)} ({found.code})"


def _names(message: str, ids: Collection[str]) -> bool:
    """Tell whether a message names one of these resources, as ARM names the user of a resource."""
    return any(re.search(rf"{re.escape(each)}(?![\w-]|\.\w)", message.lower()) for each in ids)
