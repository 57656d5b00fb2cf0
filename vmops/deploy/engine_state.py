"""How far the engine's state can be trusted before an update."""

from dataclasses import dataclass

from vmops.deploy.context import DeployContext
from vmops.engine.backend.files import Repair


@dataclass(frozen=True)
class EngineState:
    """What is known of the state.

    ``existed``: the backend knew the stack. ``doubtful``: the last change did not end. ``repaired``: its files could
    not be read and were restored, or are lost.
    """

    existed: bool
    doubtful: bool
    repaired: bool

    @property
    def needs_reconcile(self) -> bool:
        """Tell whether it may lack what exists, or hold what was never made."""
        return self.existed and (self.doubtful or self.repaired)

    def needs_refresh(self, *, reconciled: bool, vm_exists: bool) -> bool:
        """Tell whether the update must read everything anew: a VM that is gone may not have gone alone."""
        return reconciled or self.repaired or (self.existed and not vm_exists)


def mended(site: DeployContext, *, doubtful: bool) -> EngineState:
    """Mend the stack's files, make the stack if the backend does not know it, and tell what is left of its state."""
    repaired = site.stack.mend() is not Repair.NOTHING
    return EngineState(site.stack.ensure() or repaired, doubtful, repaired)
