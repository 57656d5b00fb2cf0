"""Whether the engine's state can be trusted before an update."""

from dataclasses import dataclass

from vmops.deploy.context import DeployContext
from vmops.engine.backend.files import Repair


@dataclass(frozen=True)
class EngineState:
    """What is known of the engine's state.

    - ``existed``: the backend knew the stack.
    - ``interrupted``: the last change was interrupted.
    - ``repaired``: the state's files were unreadable, and were restored or are lost.
    """

    existed: bool
    interrupted: bool
    repaired: bool

    @property
    def needs_reconcile(self) -> bool:
        """Tell whether the state may lack existing resources, or contain some that were never made."""
        return self.existed and (self.interrupted or self.repaired)

    def needs_refresh(self, *, reconciled: bool, vm_exists: bool) -> bool:
        """Tell whether the update must refresh: if the VM is gone, other resources may be gone as well."""
        return reconciled or self.repaired or (self.existed and not vm_exists)


def prepare(context: DeployContext, *, interrupted: bool) -> EngineState:
    """Repair the stack's files, create the stack if the backend does not know it, and describe the state."""
    repaired = context.stack.repair() is not Repair.NOTHING
    return EngineState(context.stack.ensure() or repaired, interrupted, repaired)
