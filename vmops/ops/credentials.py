"""The key by which a VM is logged into, where nobody gave one: made for it once, and never for one that has another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core import keys
from vmops.core.errors import CloudError
from vmops.core.settings import Settings
from vmops.jobs.operation import Operation
from vmops.spec.vm_spec import VmSpec

if TYPE_CHECKING:
    from vmops.jobs.holds import Terms
    from vmops.ops.deployments import Deployments
    from vmops.ops.remembered import Asked


def provision_with_key(
    asked: "Asked", settings: Settings, deployments: "Deployments", replaces: Sequence[int] = (), **terms: "Terms"
) -> Operation | None:
    """Begin to make the VM as `Deployments.provision` does, with a key as `with_key` gives it."""
    keyed = with_key(asked.spec, settings, deployments)
    return deployments.provision(asked.keyed(keyed, keys.digest_key(settings.state_dir)), replaces=replaces, **terms)


def with_key(spec: VmSpec, settings: Settings, deployments: "Deployments") -> VmSpec:
    """Give the VM a key of its own if none was given; none is made for one that is there, and so has another.

    Raises: OperationFailed (immutable), saying how its key is given, or (locked); CloudError if ARM refuses.
    """
    if spec.credential_is_given:
        return spec
    if keys.existing_ssh_key_file(settings.state_dir, spec.stack) is None:
        _refuse_anew_for_key(spec, deployments)
    return spec.with_key(keys.ssh_public_key(settings.state_dir, spec.stack))


def _refuse_anew_for_key(spec: VmSpec, deployments: "Deployments") -> None:
    """Check that the VM is not there, or on its way out; whatever another owner has is refused by the worker.

    Where ARM cannot tell for a while, the worker does, which asks again and compares the keys before anything else.
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
