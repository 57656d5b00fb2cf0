"""Azure VMs for experiments: declared, provisioned, used and removed.

Names are imported when they are first used, so that ``import vmops`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vmops.core.errors import CloudError, EngineMissing, ProvisionError, SpecError, StoreError, VmopsError
    from vmops.core.failures import Failure, FailureKind
    from vmops.core.settings import Settings
    from vmops.jobs.operation import Operation
    from vmops.leases.context import machine, machines
    from vmops.leases.machine import Machine, get
    from vmops.ops.api import VMOps
    from vmops.protocol import Status, SupportsVMOps
    from vmops.spec.vm_spec import VmSpec

__version__ = "0.2.0"

__all__ = [
    "CloudError",
    "EngineMissing",
    "Failure",
    "FailureKind",
    "Machine",
    "Operation",
    "ProvisionError",
    "Settings",
    "SpecError",
    "Status",
    "StoreError",
    "SupportsVMOps",
    "VMOps",
    "VmSpec",
    "VmopsError",
    "get",
    "machine",
    "machines",
]

_HOMES = {
    "CloudError": "core.errors",
    "EngineMissing": "core.errors",
    "Failure": "core.failures",
    "FailureKind": "core.failures",
    "Machine": "leases.machine",
    "Operation": "jobs.operation",
    "ProvisionError": "core.errors",
    "Settings": "core.settings",
    "SpecError": "core.errors",
    "Status": "protocol",
    "StoreError": "core.errors",
    "SupportsVMOps": "protocol",
    "VMOps": "ops.api",
    "VmSpec": "spec.vm_spec",
    "VmopsError": "core.errors",
    "get": "leases.machine",
    "machine": "leases.context",
    "machines": "leases.context",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
