"""Which of Compute's policies a request counts in, for throttling and for the counters in every answer.

Source: Microsoft's page on compute throttling limits (of 2024); for disks azure-libraries-for-java#1252.
"""

from typing import NamedTuple

_DISKS = {"PUT": "CreateUpdateDisks", "PATCH": "CreateUpdateDisks", "DELETE": "DeleteDisks"}
_MACHINES = {"PUT": "PutVM", "PATCH": "UpdateVM", "POST": "UpdateVM", "DELETE": "DeleteVM"}
_DELETIONS = ("deallocate", "simulateeviction")


class Counted(NamedTuple):
    """A policy, and the machine or the operation that is counted separately; empty for calls about several."""

    policy: str
    about: str = ""


def policy_of(method: str, path: str) -> Counted | None:
    """Return the policy of a request, if it is one of Compute's."""
    steps = path.lower().strip("/").split("/")
    if steps[0] != "subscriptions" or "microsoft.compute" not in steps[2:]:
        return None
    if steps[-2] == "operations":
        return Counted("GetOperation", steps[-1])
    if "virtualmachines" in steps:
        return _of_machines(method, steps, steps.index("virtualmachines") + 1)
    disks = _DISKS.get(method) if "disks" in steps else None
    return Counted(disks) if disks else None


def _of_machines(method: str, steps: list[str], at: int) -> Counted:
    """Count a call about machines; the name of the machine, if any, is the step ``at`` of the path."""
    machine = "/".join(steps[: at + 1])
    if method in ("GET", "HEAD"):
        return Counted("LowCostGet", machine) if steps[at:] else Counted("HighCostGet")
    if method == "POST" and steps[-1] in _DELETIONS:
        return Counted("DeleteVM", machine)
    return Counted(_MACHINES.get(method, "UpdateVM"), machine)
