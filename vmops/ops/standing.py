"""The state of a VM in a few words, from its newest deployment and from Azure."""

from collections.abc import Mapping, Sequence

from vmops.core.failures import FailureKind
from vmops.jobs.operation import HANDED_OVER, Operation, State, Verb

PROVISIONED, GONE, MISSING = "provisioned", "gone", "missing"
"""States: made; removed; made according to a record, but not in Azure."""

_WITH_OTHERS = "handed over"
NO_MORE = frozenset({GONE, _WITH_OTHERS})
"""States of a VM that vmops does not manage any more."""

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
"""Failures after which a part of the change may have been made."""


def by_record(operation: Operation) -> str:
    """Give the state of a VM from its newest deployment alone."""
    if HANDED_OVER in operation.outputs:
        return _WITH_OTHERS
    return _BY_RECORD.get((operation.verb, operation.state), f"{operation.verb} in flight")


def by_azure(provisioning: str) -> str:
    """Give the state of a VM from its provisioning state alone, in lower case."""
    return _BY_AZURE.get(provisioning, "provision in flight")


def standing(life: Sequence[Operation], provisioning: str) -> str:
    """Give the state of a VM that exists in Azure; ``life`` are its deployments since its last removal, newest first.

    A provisioned VM stays so when a later call was refused.
    """
    if not life:
        return by_azure(provisioning)
    return PROVISIONED if provisioning == "succeeded" and was_refused(life) else by_record(life[0])


def was_refused(life: Sequence[Operation]) -> bool:
    """Tell whether a success is the newest deployment but for provisions that were refused before any change."""
    for each in life:
        if (each.verb, each.state) == (Verb.PROVISION, State.SUCCEEDED):
            return each is not life[0]
        if each.verb is not Verb.PROVISION or each.failure is None or each.failure.kind in _CUT_OFF:
            return False
    return False
