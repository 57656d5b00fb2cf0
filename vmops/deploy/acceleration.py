"""Whether an interface is accelerated where that is left to the size."""

from collections.abc import Mapping
from typing import Any

from vmops.azure.client import Arm
from vmops.spec.vm_spec import VmSpec

_CAPABILITY = "AcceleratedNetworkingEnabled"
"""Source: azure-rest-api-specs, Microsoft.Compute, ResourceSkus_List."""


def decided(arm: Arm, spec: VmSpec, nic: Mapping[str, Any] | None, location: str) -> VmSpec:
    """Give the spec with true or false for auto: what the interface has, else what Azure says that the size can.

    Azure is asked once, before the interface is made: what is measured later does not depend on the day.

    Raises: CloudError if ARM refuses.
    """
    if spec.accelerated_networking != "auto":
        return spec
    if nic:
        on = bool(nic["properties"].get("enableAcceleratedNetworking"))
    else:
        offer = arm.offers(spec.subscription, location).get(spec.vm_size.lower())
        on = offer is not None and offer.capabilities.get(_CAPABILITY, "").lower() == "true"
    return spec.model_copy(update={"accelerated_networking": str(on).lower()})
