"""vmops as a service of mlos_bench.

service    PulumiVMService: the methods that mlos_bench's environments call
config     what a service's config says
run        which VMs an experiment has asked for, and which of them are left
log        one log for both
schema     what a service config of ours may hold, and how mlos_bench is told of it
launcher   mlos_bench's own program, with our service admitted
"""

try:
    from vmops.mlos.launcher import main
    from vmops.mlos.service import PulumiVMService
except ModuleNotFoundError as missing:
    raise ImportError(f"vmops.mlos needs mlos_bench ({missing}): pip install 'vmops[mlos]'") from None

__all__ = ["PulumiVMService", "main"]
