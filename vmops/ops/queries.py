"""The queries about VMs; none of them changes a VM."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from vmops.core.errors import OperationFailed, SpecError
from vmops.core.failures import Failure, FailureKind
from vmops.core.settings import Settings
from vmops.jobs.operation import HANDED_OVER, Operation, State, Verb
from vmops.jobs.store import Store
from vmops.ops.remembered import Asked, Remembered
from vmops.ops.selection import selects
from vmops.ops.standing import NO_MORE, by_record, standing
from vmops.protocol import Params
from vmops.spec.target import Target, WaitOptions
from vmops.spec.vm_spec import VmSpec

if TYPE_CHECKING:
    from vmops.azure.client import Arm
    from vmops.azure.inventory import Inventory
    from vmops.azure.vm_state import VmState
    from vmops.ops.comparison import Comparison
    from vmops.ops.deployments import Deployments
    from vmops.ops.listing import Listing


@dataclass(frozen=True)
class Queries:
    """Queries about the VMs of one state directory. They change nothing in the cloud or in the engine's state.

    An operation whose worker turns out to be dead is recorded as interrupted.
    """

    settings: Settings
    store: Store
    arm: "Callable[[WaitOptions], Arm]"
    deployments: "Deployments"

    def operations(self) -> list[Operation]:
        """Give the newest deployment of every VM that this host has a record of, the newest first."""
        return [self.deployments.refreshed(each) for each in self.store.latest_of_each()]

    def history(self, which: Params) -> list[Operation]:
        """Give every recorded deployment of the VMs that the parameters select, the newest first."""
        return [self.deployments.refreshed(each) for each in self.store.all() if selects(which, each.identity)]

    def vms(self, which: Params, *, all_owners: bool, gone: bool) -> "Listing":
        """List the VMs that the parameters select: by tag, in the settings' subscription and in each recorded one.

        Raises: SpecError.
        """
        from vmops.ops.listing import Lister
        from vmops.ops.prices import Prices

        records = {each.stack: each for each in self.operations() if selects(which, each.identity)}
        owner = "" if all_owners else self.settings.owner
        lister = Lister(which, owner, records, self.store.life, Prices(self.settings.state_dir).price)
        return lister.take({place: partial(self._arm_of, place) for place in self._places(which, records)}, gone=gone)

    def _places(self, which: Params, records: Mapping[str, Operation]) -> list[tuple[str, str]]:
        """Give the clouds and subscriptions that may contain the VMs that the parameters select.

        Raises: SpecError if no subscription is named, and none is recorded.
        """
        named = {name: which[name] for name in ("cloud", "subscription") if which.get(name) is not None}
        known = {(each.cloud, each.subscription) for each in records.values() if by_record(each) not in NO_MORE}
        try:
            here = Target.from_params({**named, "vmName": "any"}, self.settings.defaults())
        except SpecError:
            if not known:
                raise
            return sorted(known)
        return sorted(known | {(str(here.cloud), here.subscription)})

    def _arm_of(self, place: tuple[str, str]) -> "Arm":
        return self.arm(WaitOptions.from_params({"cloud": place[0]}, self.settings.defaults()))

    def resources(self, target: Target) -> list[dict[str, Any]]:
        """List what exists in the cloud and would be deleted by a deprovision. Raises: CloudError if ARM refuses."""
        return [dict(each) for each in self.deployments.absence(target).take().to_go]

    def plan(self, asked: Asked, spec: VmSpec) -> list[dict[str, Any]]:
        """Preview a provision of the request ``asked``, with a ``spec`` that has a key: list the changes.

        Raises: OperationFailed if the engine refuses, (locked) if a deployment of the VM is in flight, (immutable) if
        something requested cannot be changed; CloudError if ARM refuses; EngineMissing.
        """
        from vmops.deploy import changes, steps
        from vmops.deploy.context import open_for_change
        from vmops.jobs import admission
        from vmops.jobs.stack_records import StackRecords
        from vmops.ops.losses import other_secrets

        self.deployments.refuse_in_flight(spec)
        records = StackRecords(self.store, spec.stack)
        with (
            admission.vm_lock(self.store, self.settings, spec.stack) as (held, claim),
            open_for_change(
                self.settings, spec, records, (held,), longest=self.settings.engine_silence, claim=claim
            ) as site,
        ):
            found = steps.plan(site, self._remembered.here(spec))
        return changes.with_secrets(spec, found, other_secrets(asked, self.store.latest(spec.stack)))

    def losses(self, asked: Asked) -> list[str]:
        """Describe in words what a provision would destroy of an existing VM. Raises: CloudError if ARM refuses."""
        from vmops.azure import ownership
        from vmops.ops.losses import losses

        machine = self.arm(asked.spec).get(asked.spec.vm_id)
        if machine is None or not ownership.is_ours(machine, self.deployments.claim(asked.spec)):
            return []
        here = replace(asked, spec=self._remembered.here(asked.spec))
        return losses(machine, here, self.store.latest(asked.spec.stack))

    def diff(self, target: Target) -> list[dict[str, Any]]:
        """Compare the last request with what exists: give the changes that would reconcile them.

        Raises: OperationFailed (not_found) if this host has no record of a request; CloudError.
        """
        from vmops.ops.comparison import Comparison

        latest = self.store.latest(target.stack)
        if latest and (latest.verb, latest.state) == (Verb.DEPROVISION, State.SUCCEEDED):
            raise OperationFailed(Failure(FailureKind.NOT_FOUND, "it was removed: there is no request to compare"))
        return Comparison.of(
            self._remembered.asked_last(target), self.deployments.absence(target).take(), target.member
        ).changes()

    @property
    def _remembered(self) -> Remembered:
        return Remembered(self.settings, self.store)

    def status(self, target: Target) -> dict[str, Any]:
        """Describe a VM: its last request, the state of that request, and the VM in ARM now. Raises: CloudError."""
        from vmops.azure import vm_state
        from vmops.azure.clouds import portal_link
        from vmops.ops.entrance import Entrance

        newest, failure = self.store.latest(target.stack), self.store.last_failure(target.stack)
        latest = newest and self.deployments.refreshed(newest)
        there = self.deployments.absence(target).take()
        seen = vm_state.get_vm_state(self.arm(target), target.vm_id) if there.find(target.vm_id) else None
        entrance = Entrance(self.settings, self.store, self.arm, target)
        guest = entrance.guest() if seen else None
        members = {} if seen else self._members(target)
        compared = self._compared(target, there, latest) if seen or members else None
        return {
            "vmName": target.machine_name,
            "stack": target.stack,
            "standing": self._standing(latest, seen),
            "operation": latest and {**latest.as_dict(), **self._acting(latest)},
            "machine": seen
            and guest
            and {**seen.summary(), "whose": str(there.whose(target.vm_id)), **entrance.login(seen, guest)},
            "guest": guest and guest.summary(),
            **members,
            "resources": {str(whose): [each["id"] for each in found] for whose, found in there.by_owner.items()},
            "lastFailure": failure and failure.as_dict(),
            **({} if members else self._price(target, seen)),
            "drift": [str(each) for each in compared.drift] if compared else [],
            "notOurs": compared.added if compared else [],
            **({"principal": self.arm(target).principal()} if self.store.is_shared else {}),
            "portal": portal_link(target.cloud, target.vm_id),
        }

    def _members(self, target: Target) -> dict[str, Any]:
        """Describe the VMs of a fleet, each with its price; empty for a single VM."""
        from vmops.ops.members import Members

        found = Members(self.settings, self.store, self.arm).take(target)
        return {**found, "pricePerHour": None} if found else {}

    def _acting(self, operation: Operation) -> dict[str, Any]:
        """Say in whose name a deployment is done, where hosts share the work: in that of its worker's host."""
        if not self.store.is_shared:
            return {}
        from vmops.jobs.cluster.hosts import principal_of

        return {"principal": principal_of(self.store.shared(), operation.host)}

    def _price(self, target: Target, seen: "VmState | None") -> dict[str, Any]:
        """Give the price of a VM in its place, and what it has cost; unknown for a VM that does not exist."""
        from vmops.ops import spent
        from vmops.ops.prices import Prices

        if seen is None:
            return {"pricePerHour": None, "spentSoFar": None}
        location, priority = seen.resource.get("location"), seen.resource["properties"].get("priority")
        price = Prices(self.settings.state_dir).as_json(target.cloud, location, seen.summary()["vmSize"], priority)
        life = self.store.life(target.stack)
        return {**price, "spentSoFar": spent.so_far(seen.resource, seen.power, price["pricePerHour"], life)}

    def _standing(self, latest: Operation | None, seen: "VmState | None") -> str | None:
        """Describe the state of a VM in words; None if it neither exists nor has a record."""
        if seen is None or (latest and HANDED_OVER in latest.outputs):
            return by_record(latest) if latest else None
        return standing(self.store.life(latest.stack) if latest else [], seen.provisioning)

    def _compared(self, target: Target, there: "Inventory", latest: Operation | None) -> "Comparison | None":
        """Compare the last request with what exists; None if it did not succeed."""
        from vmops.ops.comparison import Comparison

        if latest is None or (latest.verb, latest.state) != (Verb.PROVISION, State.SUCCEEDED) or not latest.given:
            return None
        try:
            return Comparison.of(self._remembered.asked_last(target), there, target.member)
        except SpecError:  # a request that an earlier version accepted
            return None
