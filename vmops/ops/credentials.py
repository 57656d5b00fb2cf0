"""The SSH key of a VM for which no key is given: made once for a new VM, never for a VM that has another key."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core import keys
from vmops.core.errors import CloudError
from vmops.core.settings import Settings
from vmops.jobs.opened import vm_key, vm_public_key
from vmops.jobs.operation import Operation
from vmops.spec.vm_spec import VmSpec

if TYPE_CHECKING:
    from vmops.jobs.holds import Terms
    from vmops.ops.deployments import Deployments
    from vmops.ops.remembered import Asked


def provision_with_key(
    asked: "Asked", settings: Settings, deployments: "Deployments", replaces: Sequence[int] = (), **terms: "Terms"
) -> Operation | None:
    """Call `Deployments.provision` with the key that `with_key` gives."""
    keyed = with_key(asked.spec, settings, deployments)
    return deployments.provision(asked.keyed(keyed, keys.digest_key(settings.state_dir)), replaces=replaces, **terms)


def with_key(spec: VmSpec, settings: Settings, deployments: "Deployments") -> VmSpec:
    """Make a key for a new VM if none was given. A VM that exists already has another key, so none is made.

    Where hosts share their records, the worker looks at the VM, not the caller: a caller may have no login.

    Raises: OperationFailed (immutable), saying how to give its key, or (locked); CloudError if ARM refuses.
    """
    if spec.credential_is_given:
        return spec
    if not deployments.store.is_shared and vm_key(settings, deployments.store, spec.stack) is None:
        _refuse_anew_for_key(spec, deployments)
    return spec.with_key(vm_public_key(settings, deployments.store, spec.stack))


def _refuse_anew_for_key(spec: VmSpec, deployments: "Deployments") -> None:
    """Check that the VM does not exist, or is being removed; the worker refuses another owner's VM.

    If ARM cannot answer now, the worker decides: it retries, and compares the keys first.
    """
    from vmops.azure import ownership, vm_state
    from vmops.deploy.survey import refuse_anew_for_key

    try:
        seen = vm_state.get_vm_state(deployments.arm(spec), spec.vm_id)
    except CloudError as error:
        if failure_from_cloud_error(error).retryable:
            return
        raise
    ours = seen and ownership.is_ours(seen.resource, deployments.claim(spec))
    if seen and ours and seen.provisioning != "deleting":
        deployments.refuse_in_flight(spec)
        refuse_anew_for_key(seen.resource, spec)
