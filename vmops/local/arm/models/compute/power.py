"""The power states of a machine, and the transitions between them."""

from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.resource import Resource

# verb → present state → (state during the operation, final state). Other combinations are refused.
# Source: Microsoft's page on the states of virtual machines; that powerOff and restart refuse a deallocated one is
# reported by users (terraform-provider-azurerm 28218).
_ALLOCATED = ("running", "stopped")
TRANSITIONS = {
    "start": {
        "running": ("running", "running"),
        "stopped": ("starting", "running"),
        "deallocated": ("starting", "running"),
    },
    "powerOff": {"running": ("stopping", "stopped"), "stopped": ("stopped", "stopped")},
    "restart": dict.fromkeys(_ALLOCATED, ("starting", "running")),
    "redeploy": dict.fromkeys(_ALLOCATED, ("starting", "running")),
    "deallocate": {
        **dict.fromkeys(_ALLOCATED, ("deallocating", "deallocated")),
        "deallocated": ("deallocated", "deallocated"),
    },
    "reapply": {state: (state, state) for state in (*_ALLOCATED, "deallocated")},
    "evict": {state: (state, "deallocated") for state in _ALLOCATED},
}


def begin_transition(machine: Resource, verb: str) -> None:
    """Begin a transition of a machine; raises ``ArmError`` if its present state does not allow it.

    A machine that was never allocated counts as deallocated.
    """
    if machine.hidden.get("generalized"):
        raise ArmError("OperationNotAllowed:generalized", verb=verb, vm=machine.id.name)
    move = TRANSITIONS[verb].get(machine.hidden["power"] or "deallocated")
    if move is None:
        raise ArmError("OperationNotAllowed:deallocated", verb=verb, vm=machine.id.name)
    machine.hidden["power"], machine.hidden["bound"] = move


def finish_transition(machine: Resource) -> None:
    """Finish the transition of a machine."""
    machine.hidden["power"] = machine.hidden.pop("bound", machine.hidden["power"])
