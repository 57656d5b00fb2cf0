"""Whether a request is already fulfilled, or on its way: the last record says what to look for, ARM what exists."""

from collections.abc import Mapping
from typing import Any

from vmops.azure import vm_state
from vmops.azure.client import Arm
from vmops.azure.ownership import Claim, is_ours
from vmops.azure.vm_state import VmState
from vmops.deploy import readiness
from vmops.deploy.drift import is_as_declared
from vmops.jobs.operation import Operation, State, Verb
from vmops.ops.remembered import Asked
from vmops.spec.vm_spec import VmSpec

_WAIT_FOR = "waitFor"


def is_made(latest: Operation, asked: Asked) -> bool:
    """Tell whether the newest operation has made the VM as asked for."""
    return (latest.verb, latest.state, latest.digest) == (Verb.PROVISION, State.SUCCEEDED, asked.digest)


def seen_as_asked(arm: Arm, claim: Claim, spec: VmSpec, made: Mapping[str, Any]) -> VmState | None:
    """Read a VM that was ``made`` so; None if it differs now, does not run, or is another's.

    Raises: CloudError if ARM refuses a read.
    """
    seen = vm_state.get_vm_state(arm, spec.vm_id)
    if not (seen and seen.running and is_ours(seen.resource, claim)):
        return None
    declared = is_as_declared(arm, claim, spec, seen.resource, made.get("returned", ()))
    return seen if declared and readiness.is_as_awaited(arm, spec, made) else None


def serves(admitted: Operation, new: Operation) -> bool:
    """Tell whether the operation in flight has the same goal, and waits for everything that this one would wait for."""
    waits = new.given.get(_WAIT_FOR) in (None, "running", admitted.given.get(_WAIT_FOR))
    return waits and (admitted.verb, admitted.digest) == (new.verb, new.digest)
