"""Locks, policies and manual changes in a subscription, beside Azure's failures.

They happen while no worker runs, because a change after a worker's read cannot be noticed by it.
"""

import requests

from tests.chaos.drifts import DRIFTS
from tests.chaos.governance import LOCKS, OURS_STRIPPED, POLICIES
from tests.simulation.answers import SETTLED, Answers
from tests.simulation.model import Vm


class Governed(Answers):
    """The VMs of one world, with its locks, policies and manual changes."""

    def change(self, vm: Vm, name: str) -> None:
        """Change a resource of ours by hand."""
        if not self._is_calm() or self._rules or not self._is_only_ours(vm) or not self._vm_rests(vm):
            return
        try:
            changed = DRIFTS[name](vm.scene)
        except requests.HTTPError:
            return  # ARM does not let them
        self._is_calm()
        if changed:
            vm.meddled, vm.power = True, ("", "")
            self.counts["changes by hand"] += 1

    def lock(self, vm: Vm, name: str) -> None:
        """Lock a resource of a VM until the lock is removed."""
        if self._is_calm() and self._is_only_ours(vm) and LOCKS[name].put(vm.scene):
            self._rules[f"{name} {vm.scene.stack}"] = (LOCKS[name], vm.scene)
            self.counts["locks"] += 1

    def forbid(self, vm: Vm, name: str) -> None:
        """Activate one policy, and no other, until it is removed."""
        if not self._is_calm() or (name == OURS_STRIPPED and any(each.shared for each in self.vms)):
            return  # a transfer of a shared resource needs its tags
        POLICIES[name].put(vm.scene)
        self._rules["policy"] = (POLICIES[name], vm.scene)
        if name == OURS_STRIPPED:
            self.late |= {each.spec.group_id.lower() for each in self.vms}  # only tags show its owner
        self.counts["policies"] += 1

    def allow(self) -> None:
        """Remove all locks and policies."""
        for rule, scene in self._rules.values():
            rule.take(scene)
        self._rules.clear()

    @property
    def governed(self) -> bool:
        """Tell whether anything is locked or forbidden: then others' requests fail too."""
        return bool(self._rules)

    def _is_only_ours(self, vm: Vm) -> bool:
        """Tell whether nobody else has a resource with the VM's names, or shares the changed one."""
        ids = {arm_id.lower() for arm_id in vm.spec.ids().values()}
        return not vm.shared and not ids & (self.foreign.keys() | self.retagged.keys())

    def _vm_rests(self, vm: Vm) -> bool:
        found = self._there(vm)
        return bool(found) and found["properties"]["provisioningState"] in SETTLED
