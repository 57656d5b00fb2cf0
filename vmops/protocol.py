"""The interface of vmops: the methods that a program calls, and the statuses that they return.

``Status`` and ``SupportsVMOps`` have the names, values and signatures of mlos_bench, which is never imported here.

Source: mlos_bench 0.6.2, ``environments/status.py`` and ``services/types/vm_provisioner_type.py``.
"""

from enum import Enum
from typing import Any, Protocol, runtime_checkable

Params = dict[str, Any]
"""Flat dictionary of (key, value) pairs of tunable parameters."""

HANDLE = "asyncResultsUrl"
"""The key of ``params`` for the handle: verbs set it, and waits follow it. Source: mlos_bench, ``wait_vm_operation``.
"""


class Status(Enum):
    """The state of an operation, or of the VM that it is about."""

    UNKNOWN = 0
    PENDING = 1
    READY = 2
    RUNNING = 3
    SUCCEEDED = 4
    CANCELED = 5
    FAILED = 6
    TIMED_OUT = 7

    def is_good(self) -> bool:
        """Tell whether nothing has gone wrong so far: one of {PENDING, READY, RUNNING, SUCCEEDED}."""
        return self in {Status.PENDING, Status.READY, Status.RUNNING, Status.SUCCEEDED}

    def is_completed(self) -> bool:
        """Tell whether it has ended: one of {SUCCEEDED, CANCELED, FAILED, TIMED_OUT}."""
        return self in {Status.SUCCEEDED, Status.CANCELED, Status.FAILED, Status.TIMED_OUT}

    def is_pending(self) -> bool:
        """Tell whether it is PENDING."""
        return self is Status.PENDING

    def is_ready(self) -> bool:
        """Tell whether it is READY."""
        return self is Status.READY

    def is_succeeded(self) -> bool:
        """Tell whether it is SUCCEEDED."""
        return self is Status.SUCCEEDED

    def is_failed(self) -> bool:
        """Tell whether it is FAILED."""
        return self is Status.FAILED

    def is_canceled(self) -> bool:
        """Tell whether it is CANCELED."""
        return self is Status.CANCELED

    def is_timed_out(self) -> bool:
        """Tell whether it is TIMED_OUT. mlos_bench 0.6.2 compares with FAILED here; its name is right."""
        return self is Status.TIMED_OUT


Answer = tuple[Status, Params]
"""What each of the seven methods returns."""


@runtime_checkable
class SupportsVMOps(Protocol):
    """An object that can make, use and remove a VM."""

    def vm_provision(self, params: Params) -> Answer:
        """Check if the VM is ready; deploy a new one if necessary.

        Status is one of {PENDING, SUCCEEDED, FAILED}; the result is always ``{}``.
        """
        ...

    def wait_vm_deployment(self, is_setup: bool, params: Params) -> Answer:
        """Wait for the VM to be deployed (``is_setup``) or to be gone (not ``is_setup``).

        Status is one of {PENDING, SUCCEEDED, FAILED, TIMED_OUT};
        the result is information on the operation's runtime if SUCCEEDED, otherwise ``{}``.
        """
        ...

    def vm_start(self, params: Params) -> Answer:
        """Start the VM.

        Status is one of {PENDING, SUCCEEDED, FAILED}; the result is always ``{}``.
        """
        ...

    def vm_stop(self, params: Params) -> Answer:
        """Stop the VM by initiating a graceful shutdown.

        Status is one of {PENDING, SUCCEEDED, FAILED}; the result is always ``{}``.
        """
        ...

    def vm_restart(self, params: Params) -> Answer:
        """Restart the VM by initiating a graceful shutdown.

        Status is one of {PENDING, SUCCEEDED, FAILED}; the result is always ``{}``.
        """
        ...

    def vm_deprovision(self, params: Params) -> Answer:
        """Shut the VM down and release all its resources.

        Status is one of {PENDING, SUCCEEDED, FAILED}; the result is always ``{}``.
        """
        ...

    def wait_vm_operation(self, params: Params) -> Answer:
        """Wait for the operation at ``params["asyncResultsUrl"]``; without that key answer PENDING at once.

        Status is one of {PENDING, SUCCEEDED, FAILED, TIMED_OUT};
        the result is information on the operation's runtime if SUCCEEDED, otherwise ``{}``.
        """
        ...
