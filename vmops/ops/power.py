"""Power operations for their caller: requested from Azure's compute provider, and polled by URL."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vmops.azure import power
from vmops.azure.power import Action
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet, poll_until
from vmops.ops.claims import Claims
from vmops.spec.target import Target, WaitOptions

if TYPE_CHECKING:
    from vmops.azure.client import Arm


class PowerOperations:
    """Power operations on VMs of ours. They are not recorded."""

    def __init__(self, claims: Claims, arm: "Callable[[WaitOptions], Arm]") -> None:
        self._claims, self._arm = claims, arm
        self._due: dict[str, float] = {}  # by URL: the time of the first poll, as ARM asked

    def begin(self, target: Target, action: Action) -> str | None:
        """Start a power operation. If the records are unusable, wait for its end, with the VM's lock held.

        Returns: the URL for polling the operation; None if it is done already.

        Raises: OperationFailed if the VM does not exist or is another's; CloudError if ARM refuses.
        """
        if self._claims.store.unusable():
            self._complete(target, action)
            return None
        accepted = power.ask(self._arm(target), target, self._claims(target), action)
        if accepted.url is not None:
            self._due[accepted.url] = time.monotonic() + (accepted.retry_after or 0.0)
        return accepted.url

    def _complete(self, target: Target, action: Action) -> None:
        from vmops.deploy.fleet import power as fleet_power
        from vmops.ops import direct

        arm = self._arm(target)
        with direct.locked(self._claims.store.directory, target.stack):
            if target.member is None and arm.get(target.vm_id) is None:
                fleet_power.switch(arm, target, self._claims(target), action)
                return
            accepted = power.ask(arm, target, self._claims(target), action)
            ended = poll_until(power.follow(arm, accepted, target.poll_interval), timeout=target.deploy_timeout)
        if isinstance(ended, CloudError):
            raise ended
        if ended is None:
            raise OperationFailed(
                Failure(FailureKind.TIMEOUT, f"the {action} has not ended in time", resource=target.vm_id)
            )

    def poll(self, options: WaitOptions, url: str) -> dict[str, Any] | CloudError | NotYet:
        """Poll an operation once, but not before the time that ARM asked for when it accepted the operation.

        Returns: ARM's answer about the operation if it succeeded, its error if it failed, `NotYet` while it runs.

        Raises: SpecError if the URL is not on the cloud's endpoint; CloudError if the operation cannot be read.
        """
        if (left := self._due.get(url, 0.0) - time.monotonic()) > 0:
            return NotYet(left)
        self._due.pop(url, None)
        return power.poll(self._arm(options), url, options.poll_interval)
