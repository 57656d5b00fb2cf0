"""Verbs beside the contract, for an existing VM of ours. They are done when they return."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmops.core import times
from vmops.core.failures import Failure, FailureKind
from vmops.core.settings import Settings
from vmops.jobs.opened import open_store
from vmops.ops.connections import Connections
from vmops.ops.results import REFUSALS, failed
from vmops.protocol import Answer, Params, Status
from vmops.spec.target import Target, time_to_live

if TYPE_CHECKING:
    from vmops.ops.deployments import Deployments
    from vmops.ops.expiry import Lifetimes


class Upkeep:
    """The verbs cancel, recover, adopt, export, hand over and extend."""

    def __init__(self, settings: Settings) -> None:
        """Open the records. Raises: StoreError, as `VMOps` says."""
        self.settings = settings
        self._store = open_store(settings)
        self._arm = Connections(settings)

    def cancel(self, params: Params) -> Answer:
        """End the operation in flight on the VM, within 30 seconds. Calling the same verb again continues it.

        SUCCEEDED if nobody works on the VM any more. FAILED if a worker on another host does, or if the end of the
        operation cannot be recorded. The result is ``{}``.
        """

        def cancel(target: Target) -> Answer:
            if self._deployments.cancel(target):
                return Status.SUCCEEDED, {}
            message = "its worker is on another host, or cannot be ended"
            return failed(self._store, target, Failure(FailureKind.LOCKED, message))

        return self._answer(params, cancel)

    def recover(self, params: Params, *, dry_run: bool = False, break_lock: bool = False) -> Answer:
        """Repair what dead processes left of the VM: records, locks and the engine's state; nothing in the cloud.

        Every deployment does that by itself, except for ``break_lock``, which removes the lock of an engine that may be
        alive. SUCCEEDED, with what was found and done (with ``dry_run``: would be done), or FAILED if somebody works on
        the VM.
        """
        from vmops.ops.recover import recover

        how = {"dry_run": dry_run, "break_lock": break_lock}
        return self._when_idle(params, lambda target: recover(self.settings, self._store, target, **how))

    def adopt(self, params: Params, *, dry_run: bool = False) -> Answer:
        """Put our tags back on resources that were made for the VM and have lost them.

        A resource with another identity than the one that was made is never adopted. SUCCEEDED, with the former tags of
        each, by id: ``proven`` and ``unproven`` are adopted (with ``dry_run``: would be), ``refused`` are not. Or
        FAILED.
        """
        from vmops.ops.adopt import adopt

        return self._when_idle(params, lambda target: adopt(self._deployments, target, dry_run=dry_run))

    def export(self, params: Params, directory: Path) -> Answer:
        """Write the VM's stack as a project for `pulumi` into a new or empty directory; it is a copy.

        SUCCEEDED, with ``directory``, ``project``, ``stack``, ``files`` and the number of ``resources``. FAILED if the
        engine's backend here has no state of the VM, or a deployment of it is in flight.

        Raises: SpecError if the directory is not empty, or cannot be written to.
        """
        from vmops.ops.export import export

        return self._when_idle(params, lambda target: export(self._deployments, target, directory))

    def hand_over(self, params: Params, directory: Path) -> Answer:
        """Write the VM's stack as `export` does, remove our tags from its resources, and forget the VM.

        From then on ``pulumi`` manages it. SUCCEEDED, with the result of `export` and ``handedOver``, the ids of the
        resources. FAILED if the engine's backend here has no state of the VM, if it is another owner's, if somebody
        works on it, or if ARM refuses.

        Raises: as `export`.
        """
        from vmops.ops.hand_over import hand_over

        return self._when_idle(params, lambda target: hand_over(self._deployments, target, directory))

    def extend(self, params: Params, ttl: float | str) -> Answer:
        """Let the VM expire in ``ttl`` (seconds, or "90m", "2h", "1d") from now; what was left of its time is replaced.

        SUCCEEDED, with ``expires`` in seconds since the epoch and ``expiresAt`` in ISO 8601. FAILED if there is no such
        VM, if it is another's, or if a deployment of it is in flight.
        """
        seconds = time_to_live(ttl)
        return self._when_idle(params, lambda target: self._expiry(self._lifetimes.extend(target, seconds)))

    def _expiry(self, expires: float) -> dict[str, Any]:
        return {"expires": expires, "expiresAt": times.utc_or_none(expires)}

    def _when_idle(self, params: Params, work: Callable[[Target], dict[str, Any]]) -> Answer:
        """Call ``work`` for a VM that has no deployment in flight: SUCCEEDED with its result, or FAILED."""
        from vmops.ops.member_names import refuse_member

        def at_rest(target: Target) -> Answer:
            refuse_member(target)
            self._deployments.refuse_in_flight(target)
            return Status.SUCCEEDED, work(target)

        return self._answer(params, at_rest)

    def _answer(self, params: Params, work: Callable[[Target], Answer]) -> Answer:
        """Answer for what the parameters mean; a refusal is FAILED, even if it is of finding out what they mean.

        Raises: SpecError.
        """
        target = self._named(params)
        try:
            target = self._target(params)
            return work(target)
        except REFUSALS as error:
            return failed(self._store, target, error)

    def _named(self, params: Params) -> Target:
        """Give the VM that the parameters name, whether or not that is the name of a member. Raises: SpecError."""
        return Target.from_params(params, self.settings.defaults())

    def _target(self, params: Params) -> Target:
        """Give the VM, fleet or member that the parameters name. Raises: SpecError; RecordsAway."""
        from vmops.ops.member_names import resolved

        return resolved(self._store, self._arm, self._named(params))

    def _known(self, params: Params) -> Target:
        """Give what the parameters name; without its member if the records are away. Raises: SpecError."""
        try:
            return self._target(params)
        except REFUSALS:
            return self._named(params)

    @cached_property
    def _deployments(self) -> "Deployments":
        from vmops.ops.deployments import Deployments

        return Deployments(self.settings, self._store, self._arm)

    @cached_property
    def _lifetimes(self) -> "Lifetimes":
        from vmops.ops.expiry import Lifetimes

        return Lifetimes(self.settings, self._store, self._arm)
