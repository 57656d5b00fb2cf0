"""Queries beside the contract, about one VM or all of them. None of them changes a VM."""

from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmops.core.failures import Failure
from vmops.core.state_dir import log_path
from vmops.jobs.opened import Log, log_of
from vmops.jobs.operation import Operation
from vmops.ops.credentials import with_key
from vmops.ops.placing import Placing
from vmops.ops.queries import Queries
from vmops.protocol import Params

if TYPE_CHECKING:
    from vmops.ops.expiry import ExpiringVm
    from vmops.ops.guards import Guards
    from vmops.ops.listing import Listing
    from vmops.ops.origins import Origins


class Questions(Placing):
    """Queries: what went wrong, what exists, what was requested, and what a call would do."""

    def last_failure(self, params: Params) -> Failure | None:
        """Give why the newest verb on this VM that failed did so; None if none failed."""
        return self._store.last_failure(self._known(params).stack)

    def operation(self, params: Params) -> Operation | None:
        """Give the newest deployment of a VM that this host has a record of."""
        return self._store.latest(self._target(params).stack)

    def operations(self) -> list[Operation]:
        """Give the newest deployment of every VM that this host has a record of, the newest first."""
        return self._queries.operations()

    def history(self, which: Params | None = None) -> list[Operation]:
        """Give every recorded deployment of the VMs that the parameters select, the newest first."""
        return self._queries.history(which or {})

    def vms(self, which: Params | None = None, *, all_owners: bool = False, gone: bool = False) -> "Listing":
        """List your VMs as Azure reports them now, from any host, by tag: those that the parameters select, or all.

        The settings' subscription and those of recorded VMs are asked for at most four lists each. The records add VMs
        that are queued or failed, with ``gone`` those that were removed, and replace answers that Azure does not give.
        With ``all_owners``, other owners' VMs are listed too. Raises: SpecError.
        """
        return self._queries.vms(which or {}, all_owners=all_owners, gone=gone)

    def log_path(self, operation: Operation) -> Path:
        """Give the path of a deployment's log, one JSON object per line."""
        return log_path(self.settings.state_dir, operation.stack, operation.id)

    def log(self, operation: Operation) -> Log:
        """Give the log of a deployment, wherever its worker is; its ``news()`` are the events since the last call."""
        return log_of(self.settings, self._store, operation)

    def resources(self, params: Params) -> list[dict[str, Any]]:
        """List what exists in the cloud and would be removed by a deprovision of the VM.

        Raises: CloudError if ARM refuses.
        """
        return self._queries.resources(self._target(params))

    def plan(self, params: Params, *, same: bool = False, unset: Collection[str] = ()) -> list[dict[str, Any]]:
        """Preview `vm_provision` without changing anything: one ``operation`` and ``resource`` for each change.

        Their form is that of `vmops.deploy.changes`. For an existing resource, ``properties`` lists what differs from
        ARM: ``path``, ``from`` and ``to``.

        Raises: OperationFailed if the engine refuses, or (locked) if a deployment is in flight; CloudError if ARM
        refuses; EngineMissing.
        """
        asked = self._guards.bounded(self._asked(params, same=same, unset=unset))
        return self._queries.plan(asked, with_key(asked.spec, self.settings, self._deployments))

    def price(self, params: Params, *, same: bool = False, unset: Collection[str] = ()) -> dict[str, Any] | None:
        """Give the hourly price of the VM's compute, as Azure publishes it; None if it is unknown.

        ``perHour`` in ``currency`` (for all ``vms`` of a fleet), the time ``asOf``, its ``source`` (retail, local), and
        the costs ``notCounted``. Raises: SpecError; OperationFailed (not_found) with ``same`` if nothing is recorded.
        """
        from vmops.ops.prices import Prices

        return Prices(self.settings.state_dir).of_spec(
            self._remembered.here(self._asked(params, same=same, unset=unset).spec)
        )

    def losses(self, params: Params, *, same: bool = False, unset: Collection[str] = ()) -> list[str]:
        """Describe what `vm_provision` would destroy: a VM that is replaced, with its disks, or a detached disk.

        Raises: CloudError if ARM refuses; OperationFailed (not_found) with ``same`` if nothing is recorded.
        """
        return self._queries.losses(self._asked(params, same=same, unset=unset))

    def given(self, params: Params) -> dict[str, Any]:
        """Give the parameters of a VM's last request, without secrets.

        Raises: OperationFailed (not_found) if this host has no record of it.
        """
        return dict(self._remembered.last(self._target(params)).given)

    def lock_file(self, params: Params) -> dict[str, Any]:
        """Give the content of a lock file: what was requested, and what the VM was really made from.

        ``lockVersion``, ``vmName``, ``parameters`` without secrets, ``made`` as Azure reports it, with a hash of custom
        data, ``tools``, and ``guest`` (None: not asked). `vm_provision` reads it through the parameter ``lockFile``.

        Raises: OperationFailed (not_found) if the VM does not exist, or this host has no record of its request,
        (invalid) if the VMs of a fleet differ; CloudError if ARM refuses.
        """
        from vmops.ops.member_names import refuse_member

        target = self._target(params)
        refuse_member(target)
        return self._origins.lock_file(target)

    def metrics(self, params: Params) -> dict[str, str]:
        """Give the metrics of a trial's VM: its place, processor, image and price, and a digest.

        VMs with the same ``vmops_lock`` were made from the same inputs; their names and prices may differ. If the VMs
        of a fleet differ in a value, each has its own, with its number in the name (``vmops_zone_0``). ``vmops_ready``
        is how many of them run.

        Raises: as `lock_file`, except for a fleet whose VMs differ.
        """
        return self._origins.metrics(self._target(params))

    def parameters(self, params: Params | None = None) -> list[dict[str, Any]]:
        """Describe all parameters; for a VM, with each ``value`` of its last request.

        Raises: OperationFailed (not_found) if this host has no record of it.
        """
        from vmops.ops.parameters import described

        return described(self._remembered.asked_again(params).spec if params else None)

    def check(self) -> list[dict[str, Any]]:
        """Check everything that a VM needs: ``what``, whether it is ``ok`` (None: does not matter), and why."""
        from vmops.ops.check import Check

        return Check(self.settings, self._store, self._arm).take()

    def diff(self, params: Params) -> list[dict[str, Any]]:
        """Compare the VM's last request with what exists, by reading Azure only.

        Each change that would reconcile them has the form of `plan`. Parts that others have added have the operation
        keep.

        Raises: OperationFailed (not_found) if this host has no record of the request; CloudError if ARM refuses.
        """
        return self._queries.diff(self._target(params))

    def status(self, params: Params) -> dict[str, Any]:
        """Describe a VM: its last request, the state of that request, and the VM in ARM now.

        Raises: CloudError if ARM refuses.
        """
        return self._queries.status(self._target(params))

    def members(self, params: Params) -> dict[str, Any]:
        """Describe the present VMs of a fleet: ``asked``, ``ready``, ``members``, and those ``missing``.

        Empty if it is not known to be a fleet. Raises: CloudError if ARM refuses.
        """
        from vmops.ops.members import Members

        return Members(self.settings, self._store, self._arm).take(self._target(params))

    def why_no_ssh(self, params: Params) -> str:
        """Say why SSH to a requested VM may never answer from here; '' if it should answer.

        Raises: SpecError; CloudError if the local Azure does not answer.
        """
        from vmops.deploy.readiness import why_doubtful

        spec = self._asked(params, same=False).spec
        return why_doubtful(self._arm(spec), spec)

    def expired(self, unsearched: list[Failure]) -> "Iterator[ExpiringVm]":
        """Find the expired VMs, whoever owns them.

        The records of this host, the engine's backend, and the tags in the settings' cloud and subscription are
        searched. ``unsearched`` gets a failure for each of them that could not be searched. Raises: SpecError;
        EngineMissing.
        """
        return self._lifetimes.expired(unsearched)

    def orphans(self, unsearched: list[Failure]) -> "Iterator[ExpiringVm]":
        """Find VMs that no longer exist but have resources left, of any owner, in the settings' cloud and subscription.

        ``unsearched`` gets a failure if the subscription could not be listed. Raises: SpecError.
        """
        from vmops.ops.orphans import Orphans

        return Orphans(self.settings, self._store, self._arm).find(unsearched)

    @property
    def _guards(self) -> "Guards":
        from vmops.ops.guards import Guards
        from vmops.ops.prices import Prices

        return Guards(Prices(self.settings.state_dir), self._store)

    @property
    def _origins(self) -> "Origins":
        from vmops.ops.origins import Origins

        return Origins(self.settings, self._store, self._arm, self._deployments)

    @cached_property
    def _queries(self) -> Queries:
        return Queries(self.settings, self._store, self._arm, self._deployments)
