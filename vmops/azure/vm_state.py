"""The state of a VM, from its instance view."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vmops.azure.client import Arm
from vmops.core.polling import NotYet

_MAX_POLL_INTERVAL = 6.0
"""Longest interval between two polls of a VM, in seconds: ARM allows 12 a minute once the first 36 are used up.

Source: Azure documentation, compute resource provider throttling, limits for a virtual machine."""


@dataclass(frozen=True)
class VmState:
    """The resource, its provisioning state and its power state, both in lower case and without their prefixes.

    The power state is empty while it is unknown to ARM. Source: Azure documentation, states and billing of VMs.
    """

    resource: Mapping[str, Any]
    provisioning: str
    power: str

    @property
    def running(self) -> bool:
        """Tell whether it is provisioned and runs."""
        return self.provisioning == "succeeded" and self.power == "running"

    @property
    def stopped(self) -> bool:
        """Tell whether it is stopped or deallocated."""
        return self.power in {"stopped", "deallocated"}

    @property
    def vm_id(self) -> str:
        """Give Azure's identity of it, which another VM with the same name does not have.

        Source: compute REST reference, Virtual Machines - Get, ``vmId``.
        """
        return str(self.resource["properties"].get("vmId", ""))

    def summary(self) -> dict[str, str]:
        """Give its state for people."""
        size = self.resource["properties"].get("hardwareProfile", {}).get("vmSize", "")
        return {"id": self.resource["id"], "vmSize": size, "provisioning": self.provisioning, "power": self.power}


def get_vm_state(arm: Arm, vm_id: str) -> VmState | None:
    """Read a VM with its instance view; None if it does not exist.

    Raises: CloudError if ARM refuses.
    """
    resource = arm.get(vm_id, expand="instanceView")
    if resource is None:
        return None
    provisioning = str(resource["properties"].get("provisioningState", "")).lower()
    return VmState(resource, provisioning, power_of(resource))


def power_of(resource: Mapping[str, Any]) -> str:
    """Give the power state in a VM's instance view, in lower case; empty if there is none."""
    view = resource.get("properties", {}).get("instanceView", {})
    codes = [str(status.get("code", "")) for status in view.get("statuses", ())]
    states = dict(code.split("/", 1) for code in codes if "/" in code)
    return states.get("PowerState", "").lower()


def next_poll(interval: float) -> NotYet:
    """Poll a VM again: at first after ``interval`` seconds, later at the rate that ARM allows."""
    return NotYet(interval, max_interval=_MAX_POLL_INTERVAL)


def in_transit(resource: Mapping[str, Any]) -> bool:
    """Tell whether a VM is still being made, changed or deleted.

    Source: Azure documentation, states and billing of VMs: provisioning states.
    """
    return str(resource["properties"].get("provisioningState", "")).lower() in {"creating", "updating", "deleting"}
