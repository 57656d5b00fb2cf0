"""Azure VMs for experiments: declared, provisioned, used and gone.

Names are imported when they are first used, so that ``import vmops`` costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vmops.errors import ProvisionError, SpecError
    from vmops.ops import VMOps
    from vmops.protocol import Status, SupportsVMOps
    from vmops.settings import Settings
    from vmops.spec import VmSpec
    from vmops.teardown import machine, machines
    from vmops.vm import Machine

__all__ = [
    "Machine",
    "ProvisionError",
    "Settings",
    "SpecError",
    "Status",
    "SupportsVMOps",
    "VMOps",
    "VmSpec",
    "machine",
    "machines",
]

_HOMES = {
    "Machine": "vm",
    "ProvisionError": "errors",
    "Settings": "settings",
    "SpecError": "errors",
    "Status": "protocol",
    "SupportsVMOps": "protocol",
    "VMOps": "ops",
    "VmSpec": "spec",
    "machine": "teardown",
    "machines": "teardown",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
