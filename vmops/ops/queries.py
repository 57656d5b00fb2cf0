"""What may be asked about VMs; nothing here changes any of them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vmops.core.settings import Settings
from vmops.jobs.operation import Operation
from vmops.jobs.store import Store
from vmops.spec.target import Target
from vmops.spec.vm_spec import VmSpec

if TYPE_CHECKING:
    from vmops.azure.client import Arm
    from vmops.ops.deployments import Deployments


@dataclass(frozen=True)
class Queries:
    """Questions about the VMs of one state directory; changes no cloud and no engine's state.

    The record of an operation whose worker is found dead is marked as interrupted on the way.
    """

    settings: Settings
    store: Store
    arm: "Callable[[Target], Arm]"
    deployments: "Deployments"

    def operations(self) -> list[Operation]:
        """Give the newest deployment of every VM that this host remembers, the newest first."""
        return [self.deployments.settled(each) for each in self.store.latest_of_each()]

    def resources(self, target: Target) -> list[dict[str, Any]]:
        """List what exists in the cloud and would go with a deprovision. Raises: CloudError if ARM refuses."""
        return [dict(each) for each in self.deployments.absence(target).take().to_go]

    def plan(self, spec: VmSpec) -> list[dict[str, str]]:
        """Preview a provision: an ``operation`` and a ``resource`` each.

        Raises: OperationFailed if the engine refuses, (locked) if a deployment of the VM is in flight, (immutable) if
        what is asked cannot be changed; CloudError if ARM refuses; EngineMissing.
        """
        from vmops.deploy import steps
        from vmops.deploy.context import open_for_change
        from vmops.jobs import admission
        from vmops.jobs.stack_records import StackRecords

        self.deployments.refuse_in_flight(spec)
        records = StackRecords(self.store, spec.stack)
        with (
            admission.vm_lock(self.store, self.settings.state_dir, spec.stack) as held,
            open_for_change(self.settings, spec, records, (held,), longest=self.settings.engine_silence) as site,
        ):
            return steps.plan(site, spec)

    def status(self, target: Target) -> dict[str, Any]:
        """Tell what was asked of a VM last, how that stands, and what ARM says of it. Raises: CloudError."""
        from vmops.azure import vm_state

        latest, failure = self.store.latest(target.stack), self.store.last_failure(target.stack)
        there = self.deployments.absence(target).take()
        seen = vm_state.get_vm_state(self.arm(target), target.vm_id) if there.find(target.vm_id) else None
        return {
            "vmName": target.vm_name,
            "stack": target.stack,
            "operation": latest and self.deployments.settled(latest).as_dict(),
            "machine": seen and {**seen.summary(), "whose": str(there.whose(target.vm_id))},
            "resources": {str(whose): [each["id"] for each in found] for whose, found in there.judged.items()},
            "lastFailure": failure and failure.as_dict(),
        }
