"""The sweep: removes every expired VM, whoever should have removed it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Any

from vmops.core import times
from vmops.core.errors import SpecError
from vmops.core.failures import Failure, FailureKind
from vmops.core.settings import Settings
from vmops.ops.api import VMOps
from vmops.ops.expiry import ExpiringVm
from vmops.protocol import Status
from vmops.spec.target import Target

_AT_ONCE = 4
"""How many VMs are removed at the same time; each needs an engine."""


class Outcome(StrEnum):
    """What happened to an expired VM."""

    REMOVED = "removed"
    FAILED = "failed"
    FOREIGN = "another owner's"
    DRY_RUN = "would be removed"
    ORPHANED = "without a VM, still paid for"


@dataclass(frozen=True)
class Swept:
    """One expired VM, and what happened to it; ``failure`` if it could not be removed."""

    lifetime: ExpiringVm
    outcome: Outcome
    failure: Failure | None = None

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        return {
            "vmName": self.lifetime.identity.vm_name,
            "id": self.lifetime.identity.vm_id,
            "cloud": self.lifetime.identity.cloud,
            "owner": self.lifetime.owner,
            "expires": times.utc_or_none(self.lifetime.expires),
            "outcome": str(self.outcome),
            "failure": self.failure and self.failure.as_dict(),
        }


@dataclass(frozen=True)
class Sweep:
    """The result of one sweep: the expired VMs, and a failure for each place that could not be searched."""

    swept: list[Swept] = field(default_factory=list)
    unsearched: list[Failure] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Tell whether everything was searched, and everything was removed that should be."""
        return not self.unsearched and all(each.outcome is not Outcome.FAILED for each in self.swept)

    def as_dict(self) -> dict[str, Any]:
        """Give it as plain JSON."""
        return {
            "swept": [each.as_dict() for each in self.swept],
            "unsearched": [failure.as_dict() for failure in self.unsearched],
        }


def sweep(ops: VMOps, *, dry_run: bool = False, orphans: bool = False) -> Sweep:
    """Remove expired VMs of the settings' owner; report expired VMs of others.

    An expired VM is removed even if only its tags show it. It is checked again just before, and its worker checks who
    owns it. This waits for the workers, because the caller may be a container that is stopped afterwards. Resources
    without a VM have no expiry: they are reported, and with ``orphans`` removed.

    Raises: SpecError if the cloud is a real one and no subscription is set; EngineMissing.
    """
    result = Sweep()
    expired = ops.expired(result.unsearched)
    while batch := list(islice(expired, _AT_ONCE)):
        ours = [each for each in batch if each.owner == ops.settings.owner]
        result.swept.extend(Swept(each, Outcome.FOREIGN) for each in batch if each not in ours)
        result.swept.extend([Swept(each, Outcome.DRY_RUN) for each in ours] if dry_run else _removed(ops, ours))
    done = {each.lifetime.identity.stack for each in result.swept}
    left = [each for each in ops.orphans(result.unsearched) if each.identity.stack not in done]
    result.swept.extend(_orphans(ops, left, remove=orphans and not dry_run))
    return result


def begin(settings: Settings) -> None:
    """Start removing all expired VMs of all owners, and wait for none: workers of the cluster remove them.

    Only for hosts that share their records, which contain all owners.
    """
    ops = VMOps(settings)
    for each in ops.expired([]):
        if each.owner:
            VMOps(settings.model_copy(update={"owner": each.owner})).vm_deprovision(each.params)


def _orphans(ops: VMOps, left: Sequence[ExpiringVm], *, remove: bool) -> list[Swept]:
    ours = [each for each in left if each.owner == ops.settings.owner]
    rest = [Swept(each, Outcome.ORPHANED) for each in left if not (remove and each in ours)]
    batches = [ours[first : first + _AT_ONCE] for first in range(0, len(ours), _AT_ONCE)] if remove else []
    return [*rest, *(swept for batch in batches for swept in _removed(ops, batch))]


def _removed(ops: VMOps, expired: Sequence[ExpiringVm]) -> list[Swept]:
    started = [(each, _start_removal(ops, each)) for each in expired]
    return [Swept(each, Outcome.FAILED, failure) if failure else _outcome(ops, each) for each, failure in started]


def _start_removal(ops: VMOps, expired: ExpiringVm) -> Failure | None:
    """Start removing a VM; give the failure if that is refused."""
    try:
        status, _ = ops.vm_deprovision(expired.params)
    except SpecError as error:
        return Failure(FailureKind.INVALID, str(error), resource=expired.identity.vm_id)
    return ops.last_failure(expired.params) if status is Status.FAILED else None


def _outcome(ops: VMOps, expired: ExpiringVm) -> Swept:
    timeout = Target.from_params(expired.params, ops.settings.defaults()).deploy_timeout
    status, _ = ops.wait_vm_deployment(False, {**expired.params, "pollTimeout": timeout})
    if status is Status.SUCCEEDED:
        return Swept(expired, Outcome.REMOVED)
    late = Failure(FailureKind.TIMEOUT, "its removal timed out", resource=expired.identity.vm_id)
    return Swept(expired, Outcome.FAILED, ops.last_failure(expired.params) if status is Status.FAILED else late)
