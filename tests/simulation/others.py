"""Actions of others, intended or not: taking our names, copying and changing tags, and calls of other owners.

A worker cannot notice a change between its read and its engine. So names and tags change only while no worker runs;
reads may happen at any time.
"""

from collections.abc import Callable
from typing import Any

import requests

from tests.simulation.answers import SETTLED
from tests.simulation.governed import Governed
from tests.simulation.model import Retagged, Vm
from tests.simulation.strangers import AT_HOME, BODIES, CLAIMING, KINDS, TAGS, USERS, versioned
from vmops import Settings, Status, VMOps
from vmops.azure.ownership import CHANGING
from vmops.core.failures import FailureKind
from vmops.jobs.operation import State, Verb
from vmops.protocol import Answer
from vmops.spec.names import OWNER_TAG, STACK_TAG

COPIED = "copied from ours"
_ELSEWHERE = "elsewhere"
_PATIENT = 1800.0
_OFTEN = 100


class Others(Governed):
    """Others' actions on the VMs of one world, and their resources."""

    def take_name(self, vm: Vm, role: str, tags: str) -> None:
        """Delete a resource of ours by hand, with its users, and create a foreign one with the same id."""
        ids = vm.spec.ids()
        if not self._is_calm() or role not in ids or ids[role].lower() in vm.shared or not self._is_ours(ids[role]):
            return
        if self.governed or (tags == COPIED and not self._is_known(vm, ids[role])):
            return  # by their tags, the only evidence, they are ours
        self._at_home()
        try:
            for each in (*USERS[role], role):
                if each in ids and self._is_ours(ids[each]):
                    vm.meddled, vm.power = True, ("", "")
                    self._azure.delete(versioned(ids[each]))
            self.strangers[ids[role].lower()] = self._stranger(vm, ids[role], BODIES[role], tags)
            self.see_foreign()
        except requests.HTTPError:
            return  # ARM does not let them
        self.counts["names taken"] += 1

    def copy_tags(self, vm: Vm, role: str) -> None:
        """Create a foreign resource in the VM's group, to which a policy copies our tags."""
        group, kind = vm.spec.group_id, KINDS[role]
        arm_id = f"{group}/providers/{kind}/stranger-{role.replace('_', '-')}"
        if not self._is_calm() or self.governed or not self._is_ours(group) or arm_id.lower() in self._existing():
            return
        if not self._carries_ours(vm, self._existing()[group.lower()]):
            return
        self._at_home()
        self.staying |= self._stranger(vm, arm_id, BODIES[role], COPIED)
        self.see_foreign()
        self.counts["tags copied"] += 1

    def retag(self, vm: Vm, role: str, tags: str) -> bool:
        """Remove or replace the tags of a resource of ours; tell whether that was possible."""
        arm_id = vm.spec.ids().get(role, "")
        if role == "nic" and tags in CLAIMING:
            return False  # the resources that it uses would be transferred to it
        if not self._is_calm() or self.governed or not arm_id or arm_id.lower() in vm.shared:
            return False
        if not self._is_ours(arm_id):
            return False
        before = self._existing()[arm_id.lower()]
        if not self._carries_ours(vm, before) or before["properties"]["provisioningState"] != "Succeeded":
            return False  # a change of tags would make a failed VM Succeeded
        try:
            self._azure.tag(arm_id, TAGS[tags])
        except requests.HTTPError:
            return False
        after = self._existing()[arm_id.lower()]
        self.retagged[arm_id.lower()] = Retagged(before["tags"], after, tags in CLAIMING)
        vm.meddled, vm.power = True, ("", "")
        self._lives_on(vm)
        self.counts["tags changed"] += 1
        return True

    def leave(self) -> None:
        """Delete foreign resources with our names, and restore all tags."""
        self.check()
        for arm_id in sorted(self.strangers, key=lambda each: "/virtualmachines/" not in each):
            self._insist(self._azure.delete, versioned(arm_id))
        self.strangers.clear()
        for arm_id, change in self.retagged.items():
            found = self._existing().get(arm_id)
            if found and change.is_still(found):
                self._insist(self._azure.tag, found["id"], change.before)
        for vm in self.vms if self.retagged else ():
            vm.restored = True
        self.retagged.clear()
        self.see_foreign()

    def spell(self, vm: Vm, how: str) -> None:
        """Let the caller write every name in another case."""
        for name in ("vmName", "resourceGroup", "virtualNetworkName", "subnetName", "networkSecurityGroupName"):
            if name in vm.params:
                vm.params[name] = getattr(vm.params[name], how)()
        self.counts["other cases"] += 1

    def intrude(self, vm: Vm, verb: str, *, from_here: bool) -> None:
        """Let another owner call a verb on an existing VM: nothing of it changes."""
        if not self._is_calm() or not any(
            self._carries_ours(vm, self._existing()[each]) and "/providers/" in each
            for each in vm.intended & self._existing().keys() - self.foreign.keys()
        ):
            return
        before = self._existing()
        her = VMOps(Settings(state_dir=self._state_dir(from_here), owner="mallory"))
        params = {name: value for name, value in vm.params.items() if name != "asyncResultsUrl"}
        status = self._to_the_end(her, params, verb)
        machine = before.get(vm.spec.vm_id.lower())
        over = from_here and self._was_removed(vm)  # according to the records; another host may have made it again
        if verb != "deprovision" or (machine and self._carries_ours(vm, machine) and not over):
            assert status is not Status.SUCCEEDED, f"{verb} in another owner's name succeeded"
        self._none("foreign touched", self._changed(before))
        self.counts["other owners"] += 1

    def remove_elsewhere(self, vm: Vm) -> None:
        """Request the removal of a VM in a place where it is not; without records its place is unknown."""
        if self.world.disk.state:
            return
        params = {name: value for name, value in vm.params.items() if name != "asyncResultsUrl"}
        asked = {**params, "resourceGroup": _ELSEWHERE}
        calm = self._is_calm()
        before = self._existing()
        never, machine = self.ops.operation(asked) is None, before.get(vm.spec.vm_id.lower())
        status = self._to_the_end(self.ops, asked, "deprovision")
        if calm:
            self._none("foreign touched", self._changed(before))
        if calm and never and machine and self._is_ours(machine["id"]) and self._carries_ours(vm, machine):
            failure = self.ops.last_failure(asked)
            assert status is Status.FAILED, "it was removed in another place"
            assert failure is not None
            assert failure.kind is FailureKind.NOT_FOUND
        self.counts["other places"] += 1

    def _to_the_end(self, ops: VMOps, params: dict[str, Any], verb: str) -> Status:
        answer: Answer = getattr(ops, f"vm_{verb}")(params)
        if answer[0] is Status.PENDING:
            answer = ops.wait_vm_operation({**params, "pollTimeout": _PATIENT})
        return answer[0]

    def _changed(self, before: dict[str, Any]) -> list[str]:
        """Name resources that are gone, changed or new."""
        now = self._existing()
        return [arm_id for arm_id in before.keys() | now.keys() if before.get(arm_id) != now.get(arm_id)]

    def _state_dir(self, from_here: bool) -> Any:
        here = self.ops.settings.state_dir
        other = here if from_here else here.parent / "hers"
        other.mkdir(mode=0o700, exist_ok=True)
        return other

    def _stranger(self, vm: Vm, arm_id: str, body: dict[str, Any], tags: str) -> set[str]:
        """Create a foreign resource; give the ids of all new resources."""
        owned = {STACK_TAG: vm.spec.stack, OWNER_TAG: self.ops.settings.owner} if tags == COPIED else TAGS[tags]
        before = self._existing()
        self._azure.put(versioned(arm_id), {"location": "westus2", "tags": owned, **body})
        self._settle(arm_id)
        self._lives_on(vm)
        return self._existing().keys() - before.keys()

    def _at_home(self) -> None:
        for arm_id, body in AT_HOME.items():
            if arm_id.lower() not in self._existing():
                self._azure.put(versioned(arm_id), {"location": "westus2", **body})
                self._settle(arm_id)
                self.staying |= {each for each in self._existing() if each.startswith(arm_id.lower())}
        self.see_foreign()

    def _insist(self, call: Callable[..., object], *what: object) -> None:
        """Repeat a request until Azure accepts it."""
        for _ in range(_OFTEN):
            try:
                call(*what)
            except requests.HTTPError:
                self.world.turns.sleep(10)
            else:
                return
        call(*what)

    def _settle(self, arm_id: str) -> None:
        while self._existing()[arm_id.lower()]["properties"].get("provisioningState") not in SETTLED:
            self.world.turns.sleep(5)

    def _lives_on(self, vm: Vm) -> None:
        """Record that the VM's group has foreign resources, or may be transferred."""
        if "resourceGroup" not in vm.params:
            self.late.add(vm.spec.group_id.lower())

    def _is_ours(self, arm_id: str) -> bool:
        """Tell whether a resource exists that we made, and that belongs to nobody else now."""
        key = arm_id.lower()
        return key in self._existing() and key not in self.foreign and key not in self.retagged

    def _carries_ours(self, vm: Vm, body: dict[str, Any]) -> bool:
        tags = body.get("tags") or {}
        return (tags.get(STACK_TAG), tags.get(OWNER_TAG)) == (vm.spec.stack, self.ops.settings.owner)

    def _was_removed(self, vm: Vm) -> bool:
        latest = self._latest(vm)
        return latest is not None and (latest.verb, latest.state) == (Verb.DEPROVISION, State.SUCCEEDED)

    def _is_known(self, vm: Vm, arm_id: str) -> bool:
        """Tell whether this host has recorded the identity of a resource."""
        made = self.ops._store.made(vm.spec.stack, self.ops.settings.owner).known()
        known = made.get(arm_id.lower(), "")
        return bool(known) and not known.startswith(CHANGING)

    @property
    def _azure(self) -> Any:
        return self.vms[0].scene.azure
