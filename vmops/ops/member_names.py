"""Resolves names of the form ``NAME-K`` to a member of a fleet."""

import re
from collections.abc import Callable
from contextlib import suppress

from vmops.azure.client import Arm
from vmops.azure.ownership import fleet_of
from vmops.core.errors import CloudError, OperationFailed, RecordsUnusable, SpecError, StartFailed
from vmops.core.failures import Failure, FailureKind
from vmops.jobs.store import Store
from vmops.ops.members import asked_for
from vmops.spec import names
from vmops.spec.target import Target

_MEMBER = re.compile("(.+)-(0|[1-9][0-9]?)")


def resolved(store: Store, arm: Callable[[Target], Arm] | None, target: Target) -> Target:
    """Give the target of a call: for ``NAME-K``, member K of the fleet NAME, if that exists and no VM has that name.

    This host's records decide; without a record, the tags of the member's VM. Without ``arm``, tags are not read.

    Raises: RecordsAway, because nobody knows then.
    """
    found = _MEMBER.fullmatch(target.vm_name)
    if target.member is not None or found is None:
        return target
    with suppress(SpecError, CloudError, StartFailed, RecordsUnusable):
        if store.latest(target.stack) is not None:
            return target
        fleet = _of(target, found[1], int(found[2]))
        last = asked_for(store, fleet)
        if (last and last.given.get("vmCount")) or (last is None and arm and _is_tagged(arm, fleet)):
            return fleet
    return target


def refuse_member(target: Target) -> None:
    """Check that a call for a whole fleet does not name one member. Raises: OperationFailed (invalid)."""
    if target.member is not None:
        message = f"{target.machine_name} is member {target.member} of the fleet {target.vm_name}"
        step = f"call it for the whole fleet, {target.vm_name}; `vmops replace` replaces one member"
        raise OperationFailed(Failure(FailureKind.INVALID, message, resource=target.vm_id, step=step))


def _of(target: Target, fleet: str, number: int) -> Target:
    group = target.resource_group if target.named_group else names.default_group(fleet)
    return target.model_copy(update={"vm_name": fleet, "member": number, "resource_group": group})


def _is_tagged(arm: Callable[[Target], Arm], fleet: Target) -> bool:
    with suppress(CloudError):
        found = arm(fleet).get(fleet.vm_id)
        return found is not None and fleet_of(found).lower() == fleet.vm_name.lower()
    return False
