"""The calls that need a guest inside a machine: they are refused, because there is none."""

from vmops.local.arm.models import MACHINES
from vmops.local.arm.refusals.error import ArmError
from vmops.local.arm.state.cloud import Cloud
from vmops.local.arm.wire.messages import Call, Reply


def refuse(cloud: Cloud, call: Call) -> Reply:
    """Refuse what only a guest could do; an absent machine is not found."""
    machine = MACHINES.get(cloud, call.machine)
    raise ArmError("OperationNotAllowed:guest", verb=_verb(call), vm=machine.id.name)


def list_none(cloud: Cloud, call: Call) -> Reply:
    """List such children of a machine: none."""
    MACHINES.get(cloud, call.machine)
    return Reply(200, {"value": []})


def get_none(cloud: Cloud, call: Call) -> Reply:
    """Answer that the child is not found."""
    machine = MACHINES.get(cloud, call.machine)
    kind, name = call.path.split("/")[-2:]
    raise ArmError(
        "ResourceNotFound", type=f"{MACHINES.type}/{kind}", name=f"{machine.id.name}/{name}", group=machine.id.group
    )


def delete_none(cloud: Cloud, call: Call) -> Reply:
    """Answer the deletion of an absent child."""
    MACHINES.get(cloud, call.machine)
    return Reply(204)


def _verb(call: Call) -> str:
    """Name the request: the last word of a POST, else the type of the child."""
    steps = call.path.split("/")
    return steps[-1] if call.method == "POST" else f"{steps[-2]}/write"
