"""Updates a VM, deallocating it if Azure requires that; if its new size then finds no room, the old one returns."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from vmops.azure.client import Arm
from vmops.core.errors import OperationFailed
from vmops.core.failures import Failure, FailureKind
from vmops.core.log import get_logger
from vmops.deploy import readiness
from vmops.deploy.apply import Update
from vmops.spec.vm_spec import VmSpec

_ELSEWHERE = frozenset(
    {"OperationNotAllowed", "AllocationFailed", "ZonalAllocationFailed"}
    | {"OverconstrainedAllocationRequest", "OverconstrainedZonalAllocationRequest"}
)
"""Codes with which Azure refuses a size on the VM's present hardware; a size that the location lacks has another code.

Source: Azure documentation, resize a virtual machine, and understand common error messages.
"""

_NO_ROOM = frozenset({FailureKind.CAPACITY, FailureKind.QUOTA})


class Resize:
    """The update of a VM to ``spec``. ``update`` builds an update for any spec. ``machine`` is the VM if it exists."""

    def __init__(
        self, arm: Arm, spec: VmSpec, machine: Mapping[str, Any] | None, update: Callable[[VmSpec], Update]
    ) -> None:
        self._arm, self._spec, self._machine, self._update = arm, spec, machine, update
        self._deallocated = False

    def run(self, *, refresh: bool) -> None:
        """Update the VM; deallocate it for a disk that grows, or a size that its present hardware does not offer.

        Raises: OperationFailed.
        """
        if self._machine and readiness.needs_deallocation(self._machine, self._spec):
            self._deallocate("a disk grows")
        try:
            self._update(self._spec).run(refresh=refresh)
        except OperationFailed as refused:
            if not self._helps(refused.failure):
                raise
            self._deallocate(refused.failure.message)
            self._update(self._spec).run(refresh=False)

    def start(self) -> None:
        """Make sure that the VM runs. If it was deallocated for a new size that finds no room, restore the old size.

        Raises: OperationFailed, with the refusal and the state of the VM.
        """
        try:
            readiness.ensure_running(self._arm, self._spec)
        except OperationFailed as refused:
            if not (self._deallocated and self._resizes and refused.failure.kind in _NO_ROOM):
                raise
            raise OperationFailed(self._go_back(refused.failure)) from None

    @property
    def _old_size(self) -> str:
        properties = (self._machine or {}).get("properties", {})
        return str(properties.get("hardwareProfile", {}).get("vmSize", ""))

    @property
    def _resizes(self) -> bool:
        return self._old_size.lower() not in {"", self._spec.vm_size.lower()}

    def _helps(self, refusal: Failure) -> bool:
        """Tell whether the same update may succeed on a deallocated VM."""
        asked = refusal.kind is FailureKind.CAPACITY and refusal.code in _ELSEWHERE
        return asked and self._resizes and not self._deallocated

    def _deallocate(self, reason: str) -> None:
        readiness.deallocate(self._arm, self._spec, reason)
        self._deallocated = True

    def _go_back(self, refusal: Failure) -> Failure:
        """Restore the VM's old size and start it; give the refusal with the result."""
        old = self._spec.model_copy(update={"vm_size": self._old_size})
        get_logger().warning("resize_reverted", vm=old.vm_id, size=old.vm_size, reason=refusal.message)
        message = refusal.message.rstrip(". ")
        try:
            self._update(old).run(refresh=False)
            readiness.ensure_running(self._arm, old)
        except OperationFailed as again:
            why = again.failure.message
            return replace(refusal, message=f"{message}; the VM is stopped, and not back at {old.vm_size}: {why}")
        return replace(refusal, message=f"{message}; the VM runs again as before, with {old.vm_size}")
