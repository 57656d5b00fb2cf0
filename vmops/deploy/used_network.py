"""The external network that a VM joins by ``subnetId``: it is read, and never changed."""

from typing import Any

from vmops.azure.client import Arm
from vmops.core.errors import CloudError, OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.spec.vm_spec import VmSpec


def location(arm: Arm, spec: VmSpec) -> str | None:
    """Give the location of the network of ``subnetId``, where the VM must be, too; None if the spec has none.

    A network that this principal may join but not read is assumed to be where the spec says.

    Raises: OperationFailed (invalid) if there is no such network or subnet, or if it is not in the VM's location;
    CloudError if ARM refuses the read.
    """
    if not spec.subnet_id:
        return None
    network_id = spec.subnet_id.rpartition("/subnets/")[0]
    try:
        network = arm.get(network_id)
    except CloudError as error:
        if error.status == 403 and spec.location:
            return spec.location
        raise
    if network is None or not _has_subnet(network, spec.subnet_id):
        raise _refusal(spec, f"subnetId: there is no {spec.subnet_id}")
    found = str(network["location"])
    if spec.location not in (None, found):
        raise _refusal(spec, f"location: {spec.location} is not where the network of subnetId is: {found}")
    return found


def _has_subnet(network: dict[str, Any], subnet_id: str) -> bool:
    subnets = network["properties"].get("subnets") or ()
    return any(str(each.get("id")).lower() == subnet_id.lower() for each in subnets)


def _refusal(spec: VmSpec, message: str) -> OperationFailed:
    return OperationFailed(Failure(FailureKind.INVALID, message, resource=spec.vm_id))
