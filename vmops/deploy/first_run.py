"""Whether a VM has ever run. A VM that has not holds no data, and may be made in another place.

This is known only of VMs that this host has seen from the beginning: nothing of the VM existed, then Azure refused its
create, or made it and never gave it a power state. The provisioning state Failed proves nothing, because a VM with data
gets it from a failed start, too.
"""

from vmops.azure import vm_state
from vmops.core.errors import CloudError
from vmops.core.failures import Failure, FailureKind
from vmops.deploy.context import DeployContext
from vmops.deploy.survey import Preflight
from vmops.spec import names
from vmops.spec.vm_spec import VmSpec

NEW, NO, YES = "new", "no", "yes"
"""NEW: nothing of the VM existed when it was first asked for. NO: it has not run. YES: it has. Otherwise unknown."""


_NO_ROOM = frozenset({FailureKind.CAPACITY, FailureKind.QUOTA})
"""Failures that prove that the VM did not run, also if they name another resource: its address is created first."""


def begin(context: DeployContext, spec: VmSpec, before: Preflight) -> None:
    """Record a request for a VM of which nothing exists."""
    of_it = (each for each in before.inventory.ours if spec.member in (None, spec.identity.member(each["id"])))
    if before.machine is None and not any(of_it):
        context.made.note_run(spec.vm_id, NEW)


def note_success(context: DeployContext, spec: VmSpec) -> None:
    """Record that a VM runs."""
    context.made.note_run(spec.vm_id, YES)


def note_failure(context: DeployContext, spec: VmSpec, why: Failure) -> None:
    """After a failed create, find out whether the VM has ever run, if it is not recorded to have run."""
    if context.made.ran(spec.vm_id) not in {NEW, NO}:
        return
    try:
        seen = vm_state.get_vm_state(context.arm, spec.vm_id)
    except CloudError:
        return  # unknown
    refused = why.resource == names.in_words(spec.vm_id) or why.kind in _NO_ROOM
    if seen and seen.power:
        context.made.note_run(spec.vm_id, YES)
    elif seen or refused:
        context.made.note_run(spec.vm_id, NO)


def has_never_run(context: DeployContext, spec: VmSpec) -> bool:
    """Tell whether a VM has never run, by the records and by Azure's present state.

    Raises: CloudError if ARM refuses.
    """
    if context.made.ran(spec.vm_id) != NO:
        return False
    seen = vm_state.get_vm_state(context.arm, spec.vm_id)
    return seen is None or not seen.power
