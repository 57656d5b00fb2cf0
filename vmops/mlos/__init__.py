"""vmops as a service of mlos_bench.

service    PulumiVMService: the methods that mlos_bench's environments call
config     what a service's config says
run        which VMs an experiment has asked for, and which of them are left
log        one log for both
schema     what a service config of ours may hold, and how mlos_bench is told of it
launcher   mlos_bench's own program, with our service admitted
ssh        VmSshService, VmFileShareService: what RemoteEnv and file shares do inside the VMs
"""

from typing import Any

try:
    from vmops.mlos.launcher import main
    from vmops.mlos.service import PulumiVMService
except ModuleNotFoundError as missing:
    raise ImportError(f"vmops.mlos needs mlos_bench ({missing}): pip install 'vmops[mlos]'") from None

__all__ = ["PulumiVMService", "VmFileShareService", "VmSshService", "main"]


def __getattr__(name: str) -> Any:
    """Import a service that needs asyncssh when it is first used."""
    if name not in ("VmFileShareService", "VmSshService"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from vmops.mlos import ssh
    except ModuleNotFoundError as missing:
        raise ImportError(f"vmops.mlos.{name} needs asyncssh ({missing}): pip install 'vmops[mlos]'") from None
    return getattr(ssh, name)
