"""The lifetime of VMs: extending it, and finding the VMs that have expired.

A VM is known from its record on this host, from its stack in the engine's backend, or from its tag in the cloud; each
may exist without the others. The expiry is the later of tag and record. If the VM is not in ARM, the record decides.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any, get_args

from vmops.azure import machines, ownership
from vmops.azure.client import Arm
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.core import times
from vmops.core.errors import CloudError, OperationFailed, RecordsUnusable
from vmops.core.failures import Failure, FailureKind
from vmops.core.settings import CloudName, Settings
from vmops.jobs.operation import Operation
from vmops.jobs.store import Store
from vmops.ops.claims import Claims
from vmops.ops.results import unrecordable
from vmops.protocol import Params
from vmops.spec.names import EXPIRES_TAG, OWNER_TAG, STACK_TAG, Identity, member_name
from vmops.spec.target import Target, WaitOptions


@dataclass(frozen=True)
class ExpiringVm:
    """A VM, its owner, and its expiry: in seconds since the epoch, infinite for never, 0 if unknown.

    The VMs of a fleet expire together; ``machines`` are the ids of the VMs that it may have.
    """

    identity: Identity
    owner: str = ""
    expires: float = 0.0
    machines: tuple[str, ...] = ()

    @property
    def params(self) -> Params:
        """Give the parameters that identify this VM."""
        return self.identity.params


@dataclass(frozen=True)
class Lifetimes:
    """The lifetimes of the VMs in the records of a state directory, in the engine's backend and in the cloud."""

    settings: Settings
    store: Store
    arm: Callable[[WaitOptions], Arm]

    def extend(self, target: Target, seconds: float) -> float:
        """Let a VM of ours, or a fleet, expire in so many seconds from now, and give the new expiry.

        Raises: OperationFailed if there is no such VM, or if it is another's; CloudError if ARM refuses.
        """
        arm = self.arm(target)
        single = arm.get(target.vm_id)
        there = [single] if single else [each.resource for each in machines.members(arm, target.identity)]
        if not there:
            raise OperationFailed(Failure(FailureKind.NOT_FOUND, "the VM does not exist", resource=target.vm_id))
        for existing in there:
            ownership.require_owned(existing, Claims(self.store, self.settings.owner)(target))
        expires = self.store.now() + seconds
        for made in self.store.live_provisions():
            if made.stack == target.stack:
                self.store.extend(made.id, expires)
        for existing in there:
            ownership.extend(arm, existing, expires)
        return expires

    def expired(self, unsearched: list[Failure]) -> Iterator[ExpiringVm]:
        """Find every expired VM, whoever owns it. Each is read again in ARM just before it is returned.

        ``unsearched`` gets a failure for every place that could not be searched; the others still are.

        Raises: SpecError if no subscription is set and the cloud is a real one; EngineMissing.
        """
        for known in list(self._known_vms(unsearched).values()):
            try:
                seen = self._refreshed(known)
            except CloudError as error:
                unsearched.append(failure_from_cloud_error(error))
                continue
            if times.is_over(seen.expires, self.store.now()):
                yield seen

    def _known_vms(self, unsearched: list[Failure]) -> dict[str, ExpiringVm]:
        """Collect the VMs that may have expired, by stack: from records, then from tags, then from the backend."""
        unusable = self.store.unusable()
        found = {made.stack: _recorded(made) for made in self._recorded_provisions()}
        here = Target.from_params({"vmName": "any"}, self.settings.defaults())
        known = {(each.identity.cloud, each.identity.subscription) for each in found.values()}
        for cloud, subscription in sorted(known | {(str(here.cloud), here.subscription)}):
            try:
                for tagged in self._tagged(cloud, subscription):
                    found.setdefault(tagged.identity.stack, tagged)
            except CloudError as error:
                unsearched.append(failure_from_cloud_error(error))
        if unusable:
            unsearched.append(unrecordable(unusable))  # an engine needs the disk, too
            return found
        try:
            found.update(self._declared(found, unsearched))
        except OperationFailed as error:
            unsearched.append(error.failure)
        except OSError as error:
            unsearched.append(unrecordable(error))
        return found

    def _recorded_provisions(self) -> list[Operation]:
        try:
            return self.store.live_provisions()
        except RecordsUnusable:
            return []

    def _tagged(self, cloud: str, subscription: str) -> Iterator[ExpiringVm]:
        arm = self._arm(cloud)
        for listed in arm.tagged(subscription, EXPIRES_TAG):
            _, _, _, _, group, *_, kind, name = listed["id"].split("/")
            if kind.lower() == "virtualmachines":
                seen = listed if listed.get("tags") else arm.get(listed["id"]) or {}  # ARM may leave tags out of a list
                identity = Identity(cloud, subscription, group, ownership.fleet_of(seen) or name)
                yield ExpiringVm(identity, machines=(listed["id"],))

    def _declared(self, known: Mapping[str, ExpiringVm], unsearched: list[Failure]) -> Iterator[tuple[str, ExpiringVm]]:
        """Read the stacks of the backend that are not ``known``; a stack that cannot be read does not stop the rest."""
        from vmops.deploy.context import open_backend

        with open_backend(self.settings) as backend:
            stacks = self.store.stacks_of_state() if self.store.is_shared else backend.stacks()
            for stack in [each for each in stacks if each not in known]:
                try:
                    inputs = backend.declared(stack)
                except OperationFailed as error:
                    unsearched.append(replace(error.failure, resource=stack))
                    continue
                declared = (_read(cloud, inputs) for cloud in get_args(CloudName)) if inputs else ()
                yield from ((stack, each) for each in declared if each.identity.stack == stack)

    def _refreshed(self, known: ExpiringVm) -> ExpiringVm:
        """Read a VM again in ARM: its tags give the owner, and the later of tag and record is the expiry."""
        identity = known.identity
        arm, ids = self._arm(identity.cloud), known.machines or (identity.vm_id,)
        resource = next((found for arm_id in ids if (found := arm.get(arm_id))), None)
        if resource is None:
            return known
        tagged = _by_tags(identity, resource.get("tags") or {})
        return replace(tagged, expires=max(tagged.expires, known.expires))

    def _arm(self, cloud: str) -> Arm:
        return self.arm(WaitOptions.from_params({"cloud": cloud}, self.settings.defaults()))


def _recorded(made: Operation) -> ExpiringVm:
    members = tuple(str(each["id"]) for each in made.outputs.get("members", ()))
    return ExpiringVm(made.identity, made.owner, made.expires or inf, members or _numbered(made))


def _numbered(made: Operation) -> tuple[str, ...]:
    """Give the ids that the VMs of a requested fleet have, if the record does not say which of them exist."""
    names = [member_name(made.vm_name, number) for number in range(int(made.given.get("vmCount") or 0))]
    return tuple(made.identity.resource_id("vm", name) for name in names)


def _read(cloud: str, inputs: Mapping[str, Any]) -> ExpiringVm:
    """Read a stack's VM as if it were in this cloud; the caller compares the stack's name to see whether it is."""
    name = ownership.fleet_of(inputs) or inputs["vmName"]
    identity = Identity(cloud, inputs["subscriptionId"], inputs["resourceGroupName"], name)
    return _by_tags(identity, inputs.get("tags") or {})


def _by_tags(identity: Identity, tags: Mapping[str, str]) -> ExpiringVm:
    """Read owner and expiry from a VM's tags. Tags that name another VM were copied, and do not count."""
    ours = tags.get(STACK_TAG) == identity.stack and EXPIRES_TAG in tags
    return ExpiringVm(identity, tags.get(OWNER_TAG, ""), times.parse_utc(tags[EXPIRES_TAG]) if ours else inf)
