"""Wrong answers of Azure: a 404 for an existing resource, a stale replica, an unreadable page."""

from typing import Any

from tests.simulation.model import Model, Vm
from tests.simulation.wire import PAGES, Garbled
from tests.simulation.world import PlannedKill
from vmops.local.arm.faults.catalogue import REPLICA_LAG

SETTLED = frozenset({"Succeeded", "Failed"})
_GONE = {"do": "refuse", "code": "ResourceNotFound", "status": 404, "message": "not there"}


class Answers(Model):
    """The answers of one world's Azure, and whether Azure is idle."""

    def answer_well(self) -> None:
        """Let Azure answer correctly, and plan no kill."""
        self.vms[0].scene.faults()
        self.world.wire.garbled.times = 0
        self.faulty, self.world.planned = False, PlannedKill()

    def deny(self, vm: Vm, role: str, when: dict[str, int]) -> None:
        """Let Azure answer 404 for an existing resource after some reads; for a group, also for its contents."""
        arm_id = vm.spec.ids().get(role, "")
        if arm_id.lower() in self.foreign:
            when = {**when, "times": 1}  # only reads show that it exists: one is wrong
        if arm_id:
            vm.scene.faults({"method": "GET", "path": arm_id, "effect": _GONE, **when})
            self.faulty = True
            self.counts["wrong 404s"] += 1

    def lag(self, vm: Vm, share: float) -> None:
        """Let a stale replica answer a share of the reads; it has the foreign resources."""
        self.world.turns.sleep(40)
        vm.scene.faults(REPLICA_LAG.rule("replica-lag", share=share).plain())
        self.faulty = True
        self.counts["wrong 404s"] += 1

    def garble(self, page: str, methods: tuple[str, ...], times: int) -> None:
        """Make the next answers unreadable."""
        self.world.wire.garbled = Garbled(PAGES[page], methods, times)
        self.faulty = True
        self.counts["unreadable"] += 1

    def _is_calm(self) -> bool:
        """Let Azure answer correctly and become idle; tell whether no worker is left then."""
        if self.world.turns.workers:
            return False
        self.answer_well()
        while not all(each["properties"].get("provisioningState", "Succeeded") in SETTLED for each in self._all()):
            self.world.turns.sleep(5)
        return True

    def _all(self) -> Any:
        return self._existing().values()
