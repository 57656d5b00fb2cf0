"""How a VM stands, in a word or two: by its newest deployment, and by what Azure says of it."""

from collections.abc import Mapping, Sequence

from vmops.core.failures import FailureKind
from vmops.jobs.operation import HANDED_OVER, Operation, State, Verb

PROVISIONED, GONE, MISSING = "provisioned", "gone", "missing"
"""Made; removed; made, as a record says, and not seen in Azure."""

_WITH_OTHERS = "handed over"
NO_MORE = frozenset({GONE, _WITH_OTHERS})
"""How a VM stands with which vmops has nothing to do any more."""

_BY_RECORD: Mapping[tuple[Verb, State], str] = {
    (Verb.PROVISION, State.SUCCEEDED): PROVISIONED,
    (Verb.DEPROVISION, State.SUCCEEDED): GONE,
    (Verb.PROVISION, State.FAILED): "provision failed",
    (Verb.DEPROVISION, State.FAILED): "deprovision failed",
    (Verb.PROVISION, State.PENDING): "provision queued",
    (Verb.DEPROVISION, State.PENDING): "deprovision queued",
}

_BY_AZURE = {"succeeded": PROVISIONED, "failed": "provision failed", "deleting": "deprovision in flight"}
"""Source: Azure documentation, states and billing of VMs: provisioning states."""

_CUT_OFF = frozenset({FailureKind.INTERRUPTED, FailureKind.TIMEOUT, FailureKind.ENGINE, FailureKind.BUG})
"""After these nobody knows how much of a change was made."""


def by_record(operation: Operation) -> str:
    """Say how a VM stands by its newest deployment alone."""
    if HANDED_OVER in operation.outputs:
        return _WITH_OTHERS
    return _BY_RECORD.get((operation.verb, operation.state), f"{operation.verb} in flight")


def by_azure(provisioning: str) -> str:
    """Say how a VM stands by its provisioning state alone, in lower case."""
    return _BY_AZURE.get(provisioning, "provision in flight")


def standing(life: Sequence[Operation], provisioning: str) -> str:
    """Say how a VM that Azure has stands; ``life`` are its deployments since it was last removed, the newest first.

    A VM that is provisioned stays so when a later call was refused.
    """
    if not life:
        return by_azure(provisioning)
    return PROVISIONED if provisioning == "succeeded" and was_refused(life) else by_record(life[0])


def was_refused(life: Sequence[Operation]) -> bool:
    """Tell whether all that followed a provision that succeeded are provisions that were refused as a whole."""
    for each in life:
        if (each.verb, each.state) == (Verb.PROVISION, State.SUCCEEDED):
            return each is not life[0]
        if each.verb is not Verb.PROVISION or each.failure is None or each.failure.kind in _CUT_OFF:
            return False
    return False
