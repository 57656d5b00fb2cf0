"""What the owners of a subscription and other hands do beside Azure's failures: locks, policies, changes by hand.

They come while nobody works, because what a worker has looked at before cannot be seen to change under it.
"""

import requests

from tests.chaos.drifts import DRIFTS
from tests.chaos.governance import LOCKS, OURS_STRIPPED, POLICIES
from tests.simulation.answers import SETTLED, Answers
from tests.simulation.model import Vm


class Governed(Answers):
    """The VMs of one world, what is locked or forbidden there, and whoever changes them by hand."""

    def change(self, vm: Vm, name: str) -> None:
        """Let somebody change by hand what is ours."""
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
        """Let somebody lock something of a VM's, until it is taken away."""
        if self._is_calm() and self._is_only_ours(vm) and LOCKS[name].put(vm.scene):
            self._rules[f"{name} {vm.scene.stack}"] = (LOCKS[name], vm.scene)
            self.counts["locks"] += 1

    def forbid(self, vm: Vm, name: str) -> None:
        """Let a policy be in force, and no other, until it is taken away."""
        if not self._is_calm() or (name == OURS_STRIPPED and any(each.shared for each in self.vms)):
            return  # what several share is handed over by its tags alone
        POLICIES[name].put(vm.scene)
        self._rules["policy"] = (POLICIES[name], vm.scene)
        if name == OURS_STRIPPED:
            self.late |= {each.spec.group_id.lower() for each in self.vms}  # nothing but its tags tells whose one is
        self.counts["policies"] += 1

    def allow(self) -> None:
        """Have nothing locked or forbidden any more."""
        for rule, scene in self._rules.values():
            rule.take(scene)
        self._rules.clear()

    @property
    def governed(self) -> bool:
        """Tell whether anything is locked or forbidden: what others try fails then, too."""
        return bool(self._rules)

    def _is_only_ours(self, vm: Vm) -> bool:
        """Tell whether nobody else has anything under the VM's names, or shares what is to be changed."""
        ids = {arm_id.lower() for arm_id in vm.spec.ids().values()}
        return not vm.shared and not ids & (self.foreign.keys() | self.retagged.keys())

    def _vm_rests(self, vm: Vm) -> bool:
        found = self._there(vm)
        return bool(found) and found["properties"]["provisioningState"] in SETTLED
