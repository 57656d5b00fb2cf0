"""What a program may ask about its VMs; nothing here changes any of them."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmops.azure.clouds import Cloud, connect
from vmops.core import keys
from vmops.core.failures import Failure
from vmops.core.settings import Settings
from vmops.jobs.operation import Operation
from vmops.jobs.store import Store
from vmops.protocol import Params
from vmops.spec.target import Patience, Target
from vmops.spec.vm_spec import VmSpec

if TYPE_CHECKING:
    from vmops.azure.client import Arm
    from vmops.ops.deployments import Deployments
    from vmops.ops.expiry import Lifetime, Lifetimes


class Questions:
    """The records of one state directory and the clouds that they are about, to be asked."""

    def __init__(self, settings: Settings | None = None) -> None:
        """Use ``settings``, by default those of the environment.

        Raises: StoreError if the state directory cannot hold records.
        """
        self.settings = settings or Settings()
        self._store = Store(self.settings.state_dir)
        self._connections: dict[tuple[Cloud, float], Arm] = {}
        self._due: dict[str, float] = {}  # power operations, by URL, and when ARM wants to be asked first

    def last_failure(self, params: Params) -> Failure | None:
        """Tell why the newest verb on this VM that failed did so; None if none did."""
        return self._store.last_failure(self._target(params).stack)

    def operation(self, params: Params) -> Operation | None:
        """Give the newest deployment of a VM, as this host remembers it."""
        return self._store.latest(self._target(params).stack)

    def log_path(self, operation: Operation) -> Path:
        """Give the file in which a deployment tells what it does, one JSON object a line."""
        from vmops.core.state_dir import log_path

        return log_path(self.settings.state_dir, operation.stack, operation.id)

    def operations(self) -> list[Operation]:
        """Give the newest deployment of every VM that this host remembers, the newest first."""
        return [self._deployments.settled(each) for each in self._store.latest_of_each()]

    def resources(self, params: Params) -> list[dict[str, Any]]:
        """List what exists in the cloud and would go with a deprovision of the VM.

        Raises: CloudError if ARM refuses.
        """
        from vmops.azure import cleanup

        target = self._target(params)
        return cleanup.ours(self._arm(target), target.group_id, target.stack)

    def plan(self, params: Params) -> list[dict[str, str]]:
        """Preview what `vm_provision` would do, changing nothing: an ``operation`` and a ``resource`` each.

        Raises: Failed if the engine refuses, or (locked) if a deployment of the VM is in flight; CloudError if ARM
        refuses; EngineMissing.
        """
        from vmops.deploy import steps
        from vmops.deploy.context import open_site
        from vmops.jobs import admission

        spec = self._with_key(VmSpec.from_params(params, self.settings.defaults()))
        self._deployments.refuse_in_flight(spec)
        with (
            admission.undisturbed(self._store, self.settings.state_dir, spec.stack) as held,
            open_site(self.settings, spec, (held,)) as site,
        ):
            return steps.plan(site, spec)

    def status(self, params: Params) -> dict[str, Any]:
        """Tell what was asked of a VM last, how that stands, and what ARM says of the VM now.

        Raises: CloudError if ARM refuses.
        """
        from vmops.azure import vm_state

        target = self._target(params)
        latest, failure = self._store.latest(target.stack), self._store.last_failure(target.stack)
        seen = vm_state.look(self._arm(target), target.vm_id)
        return {
            "vmName": target.vm_name,
            "stack": target.stack,
            "operation": latest and self._deployments.settled(latest).as_dict(),
            "machine": seen and seen.summary(),
            "lastFailure": failure and failure.as_dict(),
        }

    def expired(self, unsearched: list[Failure]) -> "Iterator[Lifetime]":
        """Find the VMs that have outlived their time to live, whoever owns them.

        They are found by the records of this host, by the engine's backend, and by tag in the cloud and subscription of
        the settings; each is looked at in ARM just before it is given. ``unsearched`` gets a failure for every place
        that could not be searched.

        Raises: SpecError if no subscription is set and the cloud is a real one; EngineMissing.
        """
        return self._lifetimes.expired(unsearched)

    def _with_key(self, spec: VmSpec) -> VmSpec:
        """Give the VM a key of its own if none was given."""
        if spec.admin_password_or_key is not None:
            return spec
        return spec.with_key(keys.ssh_public_key(self.settings.state_dir, spec.stack))

    def _target(self, params: Params) -> Target:
        return Target.from_params(params, self.settings.defaults())

    @cached_property
    def _deployments(self) -> "Deployments":
        from vmops.ops.deployments import Deployments

        return Deployments(self.settings, self._store, self._arm)

    @cached_property
    def _lifetimes(self) -> "Lifetimes":
        from vmops.ops.expiry import Lifetimes

        return Lifetimes(self.settings, self._store, self._arm)

    def _arm(self, target: Patience) -> "Arm":
        """Connect to the target's cloud; the local one is found, or started, anew each time."""
        from vmops.azure.client import Arm

        cloud = connect(target.cloud, self.settings.state_dir)
        return self._connections.setdefault((cloud, target.request_timeout), Arm(cloud, target.request_timeout))
