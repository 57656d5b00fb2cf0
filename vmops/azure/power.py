"""Starts, stops, restarts and deallocates a VM by direct calls of Azure's compute provider, and polls by handle."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.ownership import Claim, require_owned
from vmops.azure.responses import Accepted
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, first_poll_after
from vmops.spec.target import Target


class Action(StrEnum):
    """Power operations on an existing VM."""

    START = "start"
    STOP = "stop"
    FORCED_STOP = "forced stop"
    RESTART = "restart"
    DEALLOCATE = "deallocate"


_BEGIN: Mapping[Action, Callable[..., Any]] = {
    Action.START: lambda machines, where, how: machines.begin_start(*where, **how),
    Action.STOP: lambda machines, where, how: machines.begin_power_off(*where, skip_shutdown=False, **how),
    Action.FORCED_STOP: lambda machines, where, how: machines.begin_power_off(*where, skip_shutdown=True, **how),
    Action.RESTART: lambda machines, where, how: machines.begin_restart(*where, **how),
    Action.DEALLOCATE: lambda machines, where, how: machines.begin_deallocate(*where, **how),
}


def ask(arm: Arm, target: Target, claim: Claim, action: Action) -> Accepted:
    """Start a power operation on a VM that is ours.

    Raises: OperationFailed if it does not exist, or is another's; CloudError if ARM refuses.
    """
    existing = arm.get(target.vm_id)
    if existing is None:
        raise OperationFailed(Failure(FailureKind.NOT_FOUND, "the VM does not exist", resource=target.vm_id))
    require_owned(existing, claim)
    return begin(arm, target.vm_id, action)


def begin(arm: Arm, vm_id: str, action: Action) -> Accepted:
    """Start a power operation, and return as soon as ARM has accepted it.

    Stop is ``powerOff`` with ``skipShutdown=false``: the guest shuts down gracefully, for which a forced stop does not
    wait. Source: azure-rest-api-specs, Microsoft.Compute, VirtualMachines_PowerOff.

    Raises: CloudError if ARM refuses.
    """
    _, _, subscription, _, group, *_, name = vm_id.split("/")
    return arm.begin(subscription, lambda machines, how: _BEGIN[action](machines, (group, name), how))


def follow(arm: Arm, accepted: Accepted, floor: float) -> Callable[[], dict[str, Any] | CloudError | NotYet]:
    """Give the poll of an accepted power operation; it first runs after the time that ARM asked for."""
    url = accepted.url
    return first_poll_after(accepted.retry_after or 0.0, lambda: poll(arm, url, floor) if url else {})


def poll(arm: Arm, url: str, floor: float) -> dict[str, Any] | CloudError | NotYet:
    """Poll a power operation once.

    ``floor`` is the interval between two polls in seconds, unless the service sends a ``Retry-After``.

    Returns: ARM's answer about the operation if it succeeded, its error if it failed, `NotYet` while it runs.

    Raises: SpecError if the URL is not on the cloud's endpoint; CloudError if the operation cannot be read.
    """
    progress = arm.operation(url)
    if not progress.over:
        return NotYet(floor if progress.retry_after is None else progress.retry_after)
    return dict(progress.body) if progress.succeeded else progress.error
