"""Decides on accelerated networking if the parameter is ``auto``."""

from collections.abc import Mapping
from typing import Any

from vmops.azure.client import Arm
from vmops.spec.vm_spec import VmSpec

_CAPABILITY = "AcceleratedNetworkingEnabled"
"""Source: azure-rest-api-specs, Microsoft.Compute, ResourceSkus_List."""


def decided(arm: Arm, spec: VmSpec, nic: Mapping[str, Any] | None, location: str) -> VmSpec:
    """Replace auto by true or false: what the interface has, else what the size supports.

    Azure is asked only before the interface is made, so that later provisions get the same value.

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
