"""What may be asked of a VM, and of all of them, beside the contract; nothing of this changes any."""

from collections.abc import Collection, Iterator
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmops.core.failures import Failure
from vmops.core.state_dir import log_path
from vmops.jobs.operation import Operation
from vmops.ops.access import Access
from vmops.ops.credentials import with_key
from vmops.ops.queries import Queries
from vmops.ops.remembered import Asked, Remembered
from vmops.protocol import Params

if TYPE_CHECKING:
    from vmops.ops.expiry import ExpiringVm
    from vmops.ops.guards import Guards
    from vmops.ops.listing import Listing
    from vmops.ops.offers import Offers
    from vmops.spec.wish import Wish


class Questions(Access):
    """What a person asks: what went wrong, what there is, what was asked for, and what a call would do."""

    def last_failure(self, params: Params) -> Failure | None:
        """Tell why the newest verb on this VM that failed did so; None if none did."""
        return self._store.last_failure(self._target(params).stack)

    def operation(self, params: Params) -> Operation | None:
        """Give the newest deployment of a VM, as this host remembers it."""
        return self._store.latest(self._target(params).stack)

    def operations(self) -> list[Operation]:
        """Give the newest deployment of every VM that this host remembers, the newest first."""
        return self._queries.operations()

    def history(self, which: Params | None = None) -> list[Operation]:
        """Give every deployment that this host remembers, of the VMs that parameters mean, the newest first."""
        return self._queries.history(which or {})

    def vms(self, which: Params | None = None, *, all_owners: bool = False, gone: bool = False) -> "Listing":
        """List VMs as Azure tells them now, from any host, by their tags: yours that parameters mean, or everybody's.

        At most four lists are asked of each subscription: the settings' own, and those of VMs that this host remembers.
        The records add what is queued or failed, with ``gone`` what was removed, and stand in where Azure does not
        answer. Raises: SpecError.
        """
        return self._queries.vms(which or {}, all_owners=all_owners, gone=gone)

    def log_path(self, operation: Operation) -> Path:
        """Give the file in which a deployment tells what it does, one JSON object a line."""
        return log_path(self.settings.state_dir, operation.stack, operation.id)

    def resources(self, params: Params) -> list[dict[str, Any]]:
        """List what exists in the cloud and would go with a deprovision of the VM.

        Raises: CloudError if ARM refuses.
        """
        return self._queries.resources(self._target(params))

    def plan(self, params: Params, *, same: bool = False, unset: Collection[str] = ()) -> list[dict[str, Any]]:
        """Preview what `vm_provision` would do, changing nothing: an ``operation`` and a ``resource`` each.

        Each is a change in the form of `vmops.deploy.changes`. A resource that is there has in ``properties`` what
        differs from what ARM tells: ``path``, ``from`` and ``to``.

        Raises: OperationFailed if the engine refuses, or (locked) if a deployment is in flight; CloudError if ARM
        refuses; EngineMissing.
        """
        asked = self._guards.bounded(self._asked(params, same=same, unset=unset))
        return self._queries.plan(asked, with_key(asked.spec, self.settings, self._deployments))

    def price(self, params: Params, *, same: bool = False, unset: Collection[str] = ()) -> dict[str, Any] | None:
        """Tell what the VM would cost an hour, as Azure publishes it: compute alone; None if that is unknown.

        ``perHour`` in ``currency``, ``asOf`` when, by which ``source`` (retail, or local: made up), and what is
        ``notCounted``. Raises: SpecError; OperationFailed (not_found) with ``same`` if nothing is remembered.
        """
        from vmops.ops.prices import Prices

        return Prices(self.settings.state_dir).of_spec(self._asked(params, same=same, unset=unset).spec)

    def losses(self, params: Params, *, same: bool = False, unset: Collection[str] = ()) -> list[str]:
        """Say in words what `vm_provision` would lose: a VM that is made anew, with its disks, or a disk's place in it.

        Raises: CloudError if ARM refuses; OperationFailed (not_found) with ``same`` if nothing is remembered.
        """
        return self._queries.losses(self._asked(params, same=same, unset=unset))

    def given(self, params: Params) -> dict[str, Any]:
        """Give the parameters by which a VM was asked for last, without its secrets.

        Raises: OperationFailed (not_found) if this host does not know.
        """
        return dict(self._remembered.last(self._target(params)).given)

    def lock_file(self, params: Params) -> dict[str, Any]:
        """Give the content of a lock file: what the VM was asked for with, and what it was really made from.

        ``lockVersion``, ``vmName``, ``parameters`` without secrets, ``made`` as Azure tells it, with a hash of custom
        data, ``tools`` and ``guest`` (None: not asked). `vm_provision` reads it by the parameter ``lockFile``.

        Raises: OperationFailed (not_found) if it is not there, or this host does not know what was asked for;
        CloudError if ARM refuses.
        """
        from vmops.ops.member_names import refuse

        target = self._target(params)
        refuse(target)
        return self._queries.made_from(target)

    def metrics(self, params: Params) -> dict[str, str]:
        """Give what a trial's results should say of its VM: its place, processor, image and price, and a digest.

        VMs of the same ``vmops_lock`` were made from the same, whatever they are called and wherever they are listed.

        Raises: as `lock_file`.
        """
        return self._queries.metrics(self._target(params))

    def parameters(self, params: Params | None = None) -> list[dict[str, Any]]:
        """Describe all parameters; of a VM, with the ``value`` that each has by what was asked for last.

        Raises: OperationFailed (not_found) if this host does not know what was asked for.
        """
        from vmops.ops.parameters import described

        return described(self._remembered.asked_again(params).spec if params else None)

    def check(self) -> list[dict[str, Any]]:
        """Look whether all is there that a VM needs: ``what`` each, whether it is ``ok`` (None: no matter), and why."""
        from vmops.ops.check import Check

        return Check(self.settings, self._store, self._arm).take()

    def diff(self, params: Params) -> list[dict[str, Any]]:
        """Compare what was asked for the VM last with what there is, by looks at Azure alone, changing nothing.

        The changes that would put it right, each as in `plan`; what others have added has the operation keep.

        Raises: OperationFailed (not_found) if this host does not know what was asked for; CloudError if ARM refuses.
        """
        return self._queries.diff(self._target(params))

    def offers(self, params: Params, unread: list[Failure]) -> list[dict[str, Any]]:
        """Tell for each place, of lists of sizes, locations, zones and priorities, whether a VM is available there.

        With price, what is left of the quota in cores, a ``verdict`` (ok, last, blocked) and why. ``unread`` gets a
        failure for what Azure does not tell, which speaks against no place. Raises: SpecError.
        """
        return self._offers(params, unread).take()

    def quota(self, params: Params) -> list[dict[str, Any]]:
        """Tell how much of each quota is used and left in a location. Raises: SpecError; CloudError if ARM refuses."""
        return self._offers(params, []).quotas()

    def refusals(self, params: Params, *, forget: bool = False) -> list[dict[str, Any]]:
        """Tell what Azure has refused where, as far as VMs of this host have met it: deployments do not try it again.

        Each says what is ``blocked``, or tried ``last``, why, and until when; with ``forget`` it is forgotten.
        Raises: SpecError.
        """
        from vmops.ops.refused import told

        wish = self._wish(params)
        refused = self._store.refused(wish.cloud, wish.subscription)
        return [told(each) for each in (refused.forget() if forget else refused.known())]

    def status(self, params: Params) -> dict[str, Any]:
        """Tell what was asked of a VM last, how that stands, and what ARM says of the VM now.

        Raises: CloudError if ARM refuses.
        """
        return self._queries.status(self._target(params))

    def members(self, params: Params) -> dict[str, Any]:
        """Tell of each VM of a fleet as Azure does now: ``asked``, ``ready``, ``members``, and who is ``missing``.

        Nothing if it is no fleet, as far as anybody knows. Raises: CloudError if ARM refuses.
        """
        from vmops.ops.members import Members

        return Members(self.settings, self._store, self._arm).take(self._target(params))

    def why_no_ssh(self, params: Params) -> str:
        """Say why the SSH of a VM that is asked for may never answer from here; '' if it should.

        Raises: SpecError; CloudError if the local Azure does not say.
        """
        from vmops.deploy.readiness import why_doubtful

        spec = self._asked(params, same=False).spec
        return why_doubtful(self._arm(spec), spec)

    def expired(self, unsearched: list[Failure]) -> "Iterator[ExpiringVm]":
        """Find the VMs that have outlived their time to live, whoever owns them.

        Records of this host, the engine's backend and tags in the settings' cloud and subscription are searched.
        ``unsearched`` gets a failure for every place that could not be. Raises: SpecError; EngineMissing.
        """
        return self._lifetimes.expired(unsearched)

    def orphans(self, unsearched: list[Failure]) -> "Iterator[ExpiringVm]":
        """Find what is left of VMs that are not there, whoever owns it, in the settings' cloud and subscription.

        ``unsearched`` gets a failure if that could not be searched. Raises: SpecError.
        """
        from vmops.ops.orphans import Orphans

        return Orphans(self.settings, self._store, self._arm).find(unsearched)

    @property
    def _guards(self) -> "Guards":
        from vmops.ops.guards import Guards
        from vmops.ops.prices import Prices

        return Guards(Prices(self.settings.state_dir), self._store)

    def _offers(self, params: Params, unread: list[Failure]) -> "Offers":
        from vmops.ops.offers import Offers
        from vmops.ops.prices import Prices

        wish = self._wish(params)
        known = self._store.refused(wish.cloud, wish.subscription).known()
        return Offers(self._arm(wish), wish, Prices(self.settings.state_dir), unread, known)

    def _wish(self, params: Params) -> "Wish":
        from vmops.spec.wish import Wish

        return Wish.from_params(params, self.settings.defaults())

    def _asked(self, params: Params, *, same: bool, unset: Collection[str] = ()) -> Asked:
        return self._remembered.asked_again(params, unset) if same else self._remembered.asked(params)

    @property
    def _remembered(self) -> Remembered:
        return Remembered(self.settings, self._store)

    @cached_property
    def _queries(self) -> Queries:
        return Queries(self.settings, self._store, self._arm, self._deployments)
