"""Reads what exists once no change of the VM is in progress, whoever requested it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol, TypeVar

from vmops.azure import inventory, vm_state
from vmops.azure.inventory import RECHECK_INTERVAL, Inventory
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.deploy import proof
from vmops.deploy.context import DeployContext
from vmops.spec.vm_spec import VmSpec

_REREADS = 3
"""How often everything is read again if the list and the reads by id differ: the list may lag behind a deletion."""


class Surveyed(Protocol):
    """The result of a read, with our VMs among it."""

    @property
    def inventory(self) -> Inventory:
        """Give everything that was found."""

    @property
    def machines(self) -> Sequence[Mapping[str, Any]]:
        """Give the VMs."""


Read = TypeVar("Read", bound=Surveyed)


def proven(context: DeployContext, spec: VmSpec, read: Callable[[], Read]) -> Read:
    """Read what exists; if this host has no record that it is ours, look for a proof in the engine's state."""
    try:
        return when_idle(context, spec, read)
    except OperationFailed as refused:
        if refused.failure.kind is not FailureKind.CONFLICT or not _has_proof(context, spec):
            raise
    return when_idle(context, spec, read)


def _has_proof(context: DeployContext, spec: VmSpec) -> bool:
    """Tell whether the engine's state proves more of what exists to be ours; an unreadable state proves nothing."""
    with suppress(OperationFailed):
        return proof.learn(context, spec, inventory.read(context.arm, context.claim(spec)))
    return False


def when_idle(context: DeployContext, spec: VmSpec, read: Callable[[], Read]) -> Read:
    """Read what exists once no change of a VM is in progress: until then ARM refuses another change.

    A resource that is listed but not found by its id is read again for a while: it may belong to another.
    """
    doubts = iter([NotYet(RECHECK_INTERVAL * context.cloud.pace)] * _REREADS)

    def once() -> Read | NotYet:
        found = read()
        if found.inventory.unread and (doubt := next(doubts, None)):
            return doubt
        return vm_state.next_poll(spec.poll_interval) if any(map(vm_state.in_transit, found.machines)) else found

    found = poll_until(once, timeout=spec.deploy_timeout)
    if found is None:
        raise OperationFailed(
            Failure(FailureKind.TIMEOUT, "an earlier change of the VM does not end", resource=spec.vm_id)
        )
    return found
