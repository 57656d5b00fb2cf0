"""What needs a guest inside a machine: there is none here, and whoever asks is told so."""

from vmops.local.arm.models import MACHINES
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.wire.messages import Call, Reply


def refuse(cloud: Cloud, call: Call) -> Reply:
    """Refuse what only a guest could do; a machine that is absent is not found."""
    machine = MACHINES.get(cloud, call.machine)
    raise ArmError("OperationNotAllowed:guest", verb=_verb(call), vm=machine.id.name)


def list_none(cloud: Cloud, call: Call) -> Reply:
    """List what a machine has of it: nothing."""
    MACHINES.get(cloud, call.machine)
    return Reply(200, {"value": []})


def get_none(cloud: Cloud, call: Call) -> Reply:
    """Look for one: it is not found."""
    machine = MACHINES.get(cloud, call.machine)
    kind, name = call.path.split("/")[-2:]
    raise ArmError(
        "ResourceNotFound", type=f"{MACHINES.type}/{kind}", name=f"{machine.id.name}/{name}", group=machine.id.group
    )


def delete_none(cloud: Cloud, call: Call) -> Reply:
    """Delete what is not there."""
    MACHINES.get(cloud, call.machine)
    return Reply(204)


def _verb(call: Call) -> str:
    """Name what was asked for: the last word of a POST, else the kind of child that was to be written."""
    steps = call.path.split("/")
    return steps[-1] if call.method == "POST" else f"{steps[-2]}/write"
