"""The polls of one wait, for the operation of a handle or for the VM itself."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet
from vmops.jobs.operation import Verb, operation_id
from vmops.jobs.store import Store
from vmops.ops.power import PowerOperations
from vmops.ops.results import Seen
from vmops.spec.target import Target, WaitOptions

if TYPE_CHECKING:
    from vmops.ops.absence import Absence
    from vmops.ops.deployments import Deployments


@dataclass
class Poll:
    """Polls the operation of the handle; the VM itself if there is no handle, or if it is of another ``verb``.

    The end of another verb's operation does not answer the wait: a VM that was made or stopped is not gone.
    """

    store: Store
    deployments: "Deployments"
    power: PowerOperations
    target: WaitOptions
    verb: Verb | None
    _absence: "Absence | None" = field(default=None, init=False)

    def __call__(self) -> Seen | NotYet:
        """Poll once.

        Returns: the operation's result, why it failed, or `NotYet` while it is in flight.

        Raises: OperationFailed; CloudError if ARM refuses; SpecError if the handle is a URL elsewhere.
        """
        target, verb = self.target, self.verb
        handle = target.async_results_url or ""
        operation = self.store.get(operation_id(handle) or "")
        if operation and verb in (operation.verb, None):
            return self.deployments.poll(operation)
        if handle.startswith("http"):
            seen = self.power.poll(target, handle)
            if verb is not Verb.DEPROVISION or isinstance(seen, NotYet):
                return seen
        if verb and isinstance(target, Target):
            self._absence = self._absence or self.deployments.absence(target)
            return self.deployments.poll_vm(target, verb, self._absence)
        step = "wait for the VM to be deployed, or to be gone, or wait on the host that started the operation"
        return Failure(FailureKind.NOT_FOUND, f"this host has no record of {handle}", step=step)
