"""ARM's refusals during a removal. If the rest is refused permanently, the removal ends and names what is left."""

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

    ``last`` is the first refusal of the last round that had any, because users are tried before what they use. A
    permanent refusal is final only for its resource, and for what that resource uses.
    """

    def __init__(self) -> None:
        self.last: Failure | None = None
        self._refused: dict[str, Failure] = {}

    def __len__(self) -> int:
        return len(self._refused)

    def reset(self) -> None:
        """Start another round."""
        self._refused.clear()

    def record(self, resource: Resource, error: CloudError) -> None:
        """Record that ARM has refused to delete a resource."""
        failure = failure_from_cloud_error(error)
        if not self._refused:
            self.last = failure
        self._refused[resource["id"].lower()] = failure
        if not failure.retryable:
            get_logger().warning("refused_permanently", resource=resource["id"], reason=failure.message)

    def are_final(self, left: Sequence[Resource]) -> bool:
        """Tell whether nothing left can be deleted: each is refused permanently, or used by such a resource."""
        return bool(self._final) and {each["id"].lower() for each in left} <= self._final_or_used()

    def failure(self, left: Sequence[Resource], names: Collection[str]) -> Failure:
        """Give the failure for the resources that are left, with each reason and its next step.

        ``names`` are those that are still paid for.
        """
        reasons: dict[str, list[str]] = {}
        for each in left:
            reasons.setdefault(self._reason(each), []).append(str(each["name"]))
        reasons_by_name = "; ".join(f"{', '.join(those)}: {reason}" for reason, those in reasons.items())
        first = next(iter(self._final.values()))
        steps = dict.fromkeys(each.next_step for each in self._final.values())
        paid = f"left, and still paid for: {', '.join(names)}; " if names else ""
        return Failure(first.kind, paid + reasons_by_name, first.code, str(left[0]["id"]), step="; ".join(steps))

    @property
    def _final(self) -> dict[str, Failure]:
        return {arm_id: failure for arm_id, failure in self._refused.items() if not failure.retryable}

    def _final_or_used(self) -> set[str]:
        """Give the ids of resources that are refused permanently, or used by such a resource."""
        held: set[str] = set()
        more = set(self._final)
        while more:
            held |= more
            more = {each for each, why in self._refused.items() if each not in held and _names(why.message, held)}
        return held

    def _reason(self, resource: Resource) -> str:
        found = self._refused[resource["id"].lower()]
        return _IN_USE if found.retryable else f"{in_short(found)} ({found.code})"


def _names(message: str, ids: Collection[str]) -> bool:
    """Tell whether ARM's message names one of these resources, as the user of another."""
    return any(re.search(rf"{re.escape(each)}(?![\w-]|\.\w)", message.lower()) for each in ids)
