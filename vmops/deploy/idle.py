"""What is there, looked at once nothing is being done to it any more, and whosever it is."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from vmops.azure import inventory, vm_state
from vmops.azure.inventory import AGAIN, Inventory
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.deploy import proof
from vmops.deploy.context import DeployContext
from vmops.spec.vm_spec import VmSpec

_DOUBTS = 3
"""How often what list and id disagree on is looked for again: then the list is behind, which has what is gone."""


class Looked(Protocol):
    """What a look has shown, and the VMs of ours that are among it."""

    @property
    def seen(self) -> Inventory:
        """Give all that was looked at."""

    @property
    def machines(self) -> Sequence[Mapping[str, Any]]:
        """Give the VMs."""


Seen = TypeVar("Seen", bound=Looked)


def proven(site: DeployContext, spec: VmSpec, look: Callable[[], Seen]) -> Seen:
    """Look at what exists; where it is not ours as far as this host knows, the engine's state may tell that it is."""
    try:
        return when_idle(site, spec, look)
    except OperationFailed as refused:
        if refused.failure.kind is not FailureKind.CONFLICT or not _has_proof(site, spec):
            raise
    return when_idle(site, spec, look)


def _has_proof(site: DeployContext, spec: VmSpec) -> bool:
    """Tell whether the engine's state has news of whose what exists is; one that cannot be read has none."""
    with suppress(OperationFailed):
        return proof.learn(site, spec, inventory.take(site.arm, site.claim(spec)))
    return False


def when_idle(site: DeployContext, spec: VmSpec, look: Callable[[], Seen]) -> Seen:
    """Look at what exists once nothing is being done to a VM any more: ARM refuses a second change meanwhile.

    What the group lists and is not found by its id is looked for again for a while: it may be another's.
    """
    doubts = iter([NotYet(AGAIN * site.cloud.pace)] * _DOUBTS)

    def once() -> Seen | NotYet:
        found = look()
        if found.seen.unread and (doubt := next(doubts, None)):
            return doubt
        return vm_state.next_poll(spec.poll_interval) if any(map(vm_state.in_transit, found.machines)) else found

    found = poll_until(once, timeout=spec.deploy_timeout)
    if found is None:
        raise OperationFailed(
            Failure(FailureKind.TIMEOUT, "an earlier change of the VM does not end", resource=spec.vm_id)
        )
    return found
