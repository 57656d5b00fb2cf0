"""What Azure answers that is not so: a 404 for what is there, a replica that is behind, a page of somebody else's."""

from typing import Any

from tests.simulation.model import Model, Vm
from tests.simulation.wire import PAGES, Garbled
from tests.simulation.world import PlannedKill
from vmops.local.arm.faults.catalogue import REPLICA_LAG

SETTLED = frozenset({"Succeeded", "Failed"})
_GONE = {"do": "refuse", "code": "ResourceNotFound", "status": 404, "message": "not there"}


class Answers(Model):
    """The answers of one world's Azure, and whether it rests."""

    def answer_well(self) -> None:
        """Let Azure answer as it should, and nobody be killed."""
        self.vms[0].scene.faults()
        self.world.wire.garbled.times = 0
        self.faulty, self.world.planned = False, PlannedKill()

    def deny(self, vm: Vm, role: str, when: dict[str, int]) -> None:
        """Let Azure say of something that is there that it is not, some looks from now; of a group, of all in it."""
        arm_id = vm.spec.ids().get(role, "")
        if arm_id.lower() in self.foreign:
            when = {**when, "times": 1}  # nothing but looks at it tells that it is there: one is wrong, and no more
        if arm_id:
            vm.scene.faults({"method": "GET", "path": arm_id, "effect": _GONE, **when})
            self.faulty = True
            self.counts["wrong 404s"] += 1

    def lag(self, vm: Vm, share: float) -> None:
        """Let a share of the reads be answered by a replica that is behind; what is another's it knows by now."""
        self.world.turns.sleep(40)
        vm.scene.faults(REPLICA_LAG.rule("replica-lag", share=share).plain())
        self.faulty = True
        self.counts["wrong 404s"] += 1

    def garble(self, page: str, methods: tuple[str, ...], times: int) -> None:
        """Let the next answers be no Azure's."""
        self.world.wire.garbled = Garbled(PAGES[page], methods, times)
        self.faulty = True
        self.counts["unreadable"] += 1

    def _is_calm(self) -> bool:
        """Let Azure answer well and come to rest; tell whether nobody works then."""
        if self.world.turns.workers:
            return False
        self.answer_well()
        while not all(each["properties"].get("provisioningState", "Succeeded") in SETTLED for each in self._all()):
            self.world.turns.sleep(5)
        return True

    def _all(self) -> Any:
        return self._existing().values()
