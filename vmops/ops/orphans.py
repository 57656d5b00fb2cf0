"""Orphans: resources with our tags and without a VM. They do not expire, so they cost money until they are found."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from vmops.azure.client import Arm
from vmops.azure.error_codes import failure_from_cloud_error
from vmops.azure.ownership import kind_of, owner_of, stack_of
from vmops.core.errors import CloudError
from vmops.core.failures import Failure
from vmops.core.settings import Settings
from vmops.jobs.operation import Verb
from vmops.jobs.store import Store
from vmops.ops.expiry import ExpiringVm
from vmops.spec.names import STACK_TAG, Identity
from vmops.spec.target import Target, WaitOptions


@dataclass(frozen=True)
class Orphans:
    """The orphans in the settings' cloud and subscription."""

    settings: Settings
    store: Store
    arm: Callable[[WaitOptions], Arm]

    def find(self, unsearched: list[Failure]) -> Iterator[ExpiringVm]:
        """Give each VM that is gone but has resources left, and that has no operation in flight here.

        A VM to which this host wrote within ``deployTimeout`` is left out. ``unsearched`` gets a failure if the
        subscription cannot be listed. Without records, operations in flight are unknown, and nothing is given.
        """
        if self.store.unusable():
            return
        here = Target.from_params({"vmName": "any"}, self.settings.defaults())
        try:
            found = self._left(here)
        except CloudError as error:
            unsearched.append(failure_from_cloud_error(error))
            return
        yield from (each for each in found if self._is_at_rest(each, here))

    def _left(self, here: Target) -> list[ExpiringVm]:
        """Give the VMs that the subscription does not list, but whose resources it lists."""
        arm = self.arm(here)
        listed = arm.tagged(here.subscription, STACK_TAG)
        machines = {each["id"].lower() for each in listed if kind_of(each) == "virtualmachines"}
        left: dict[str, ExpiringVm] = {}
        fleets: set[str] = set()
        for each in listed:
            seen = each if stack_of(each) else arm.get(each["id"])  # ARM may leave tags out of such a list
            identity = seen and _identity(str(here.cloud), here.subscription, seen)
            if seen and kind_of(seen) == "virtualmachines":
                fleets.add(stack_of(seen))
            if seen and identity and identity.vm_id.lower() not in machines:
                left.setdefault(identity.stack, ExpiringVm(identity, owner_of(seen) or ""))
        left = {stack: each for stack, each in left.items() if stack not in fleets}
        return [each for each in left.values() if arm.get(each.identity.vm_id) is None]

    def _is_at_rest(self, orphan: ExpiringVm, here: Target) -> bool:
        stack = orphan.identity.stack
        busy = any(self.store.in_flight(stack, verb) for verb in Verb)
        return not busy and self.store.made(stack, orphan.owner).last_write() < time.time() - here.deploy_timeout


def _identity(cloud: str, subscription: str, resource: Mapping[str, Any]) -> Identity | None:
    """Give the VM that a resource's tag names; None unless the resource is in that VM's own group."""
    stack, group = stack_of(resource), resource["id"].split("/")[4]
    identity = Identity(cloud, subscription, group, stack.rpartition("-")[0])
    return identity if identity.stack == stack else None
