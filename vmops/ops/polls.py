"""One poll of what a wait is for: the operation that a handle names, else the VM itself."""

from typing import TYPE_CHECKING

from vmops.core.failures import Failure, FailureKind
from vmops.core.polling import NotYet
from vmops.jobs.operation import Verb, operation_id
from vmops.jobs.store import Store
from vmops.ops.power import PowerOperations
from vmops.ops.results import Seen
from vmops.spec.target import Target, WaitOptions

if TYPE_CHECKING:
    from vmops.ops.deployments import Deployments


def poll(
    store: Store, deployments: "Deployments", power: PowerOperations, target: WaitOptions, verb: Verb | None
) -> Seen | NotYet:
    """Poll what the handle names once; the VM itself without one, or if it names what is not the ``verb``.

    That a VM was made or stopped does not tell that it is gone.

    Returns: an account of the operation, why it failed, or `NotYet` while it is in flight.

    Raises: OperationFailed; CloudError if ARM refuses; SpecError if the handle is an URL elsewhere.
    """
    handle = target.async_results_url or ""
    operation = store.get(operation_id(handle) or "")
    if operation and verb in (operation.verb, None):
        return deployments.look(operation)
    if handle.startswith("http"):
        seen = power.poll(target, handle)
        if verb is not Verb.DEPROVISION or isinstance(seen, NotYet):
            return seen
    if isinstance(target, Target):
        return deployments.look_for(target, verb or Verb.PROVISION)
    step = "wait without asyncResultsUrl, or on the host that began it"
    return Failure(FailureKind.NOT_FOUND, f"no record of {handle} is on this host", step=step)
