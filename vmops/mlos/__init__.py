"""vmops as a service of mlos_bench.

service    PulumiVMService: the methods that mlos_bench's environments call
config     the config of a service
experiment the VMs that an experiment has requested, and which of them are left
log        the log that both share
schema     the schema of our service configs, and its registration with mlos_bench
launcher   mlos_bench's program with our services registered
ssh        VmSshService, VmFileShareService: scripts and file copies in the VMs
"""

from typing import Any

try:
    from vmops.mlos.launcher import main
    from vmops.mlos.service import PulumiVMService
except ModuleNotFoundError as missing:
    raise ImportError(f"vmops.mlos needs mlos_bench ({missing}): pip install 'vmops[mlos]'") from None

__all__ = ["PulumiVMService", "VmFileShareService", "VmSshService", "main"]


def __getattr__(name: str) -> Any:
    """Import the services that need asyncssh when they are first used."""
    if name not in ("VmFileShareService", "VmSshService"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        from vmops.mlos import ssh
    except ModuleNotFoundError as missing:
        raise ImportError(f"vmops.mlos.{name} needs asyncssh ({missing}): pip install 'vmops[mlos]'") from None
    return getattr(ssh, name)
