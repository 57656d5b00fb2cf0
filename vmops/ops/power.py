"""Power operations from their caller's side: asked of Azure's compute provider, and polled by their URL."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vmops.azure import power
from vmops.azure.ownership import Claim
from vmops.azure.power import Action
from vmops.core.errors import CloudError
from vmops.core.polling import NotYet
from vmops.spec.target import Target, WaitOptions

if TYPE_CHECKING:
    from vmops.azure.client import Arm


class PowerOperations:
    """Power operations of VMs that are ours; changes the cloud, and no record."""

    def __init__(self, claim: Callable[[Target], Claim], arm: "Callable[[WaitOptions], Arm]") -> None:
        self._claim, self._arm = claim, arm
        self._due: dict[str, float] = {}  # by URL: when ARM wants to be asked first

    def begin(self, target: Target, action: Action) -> str | None:
        """Ask for a power operation.

        Returns: the URL by which the operation is polled; None if it is over already.

        Raises: OperationFailed if the VM does not exist or is another's; CloudError if ARM refuses.
        """
        accepted = power.ask(self._arm(target), target, self._claim(target), action)
        if accepted.url is not None:
            self._due[accepted.url] = time.monotonic() + (accepted.retry_after or 0.0)
        return accepted.url

    def poll(self, patience: WaitOptions, url: str) -> dict[str, Any] | CloudError | NotYet:
        """Ask once how an operation stands, and not before the time that ARM asked for when it accepted it.

        Returns: ARM's account of the operation if it succeeded, its error if it failed, `NotYet` while it runs.

        Raises: SpecError if the URL is not on the cloud's endpoint; CloudError if the operation cannot be read.
        """
        if (left := self._due.get(url, 0.0) - time.monotonic()) > 0:
            return NotYet(left)
        self._due.pop(url, None)
        return power.look(self._arm(patience), url, patience.poll_interval)
