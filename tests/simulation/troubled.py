"""Faults outside Azure, drawn by hypothesis; sometimes followed by a call that must succeed."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.chaos.drifts import DRIFTS
from tests.chaos.governance import LOCKS, POLICIES
from tests.chaos.spoiling import FILES, RECORDS
from tests.simulation.damaged import CLOCK_STEPS
from tests.simulation.disk import DISKS
from tests.simulation.estate import PATIENT, Estate
from tests.simulation.model import Vm
from tests.simulation.world import PlannedKill
from vmops import Status

_which = st.integers(0, 1)
_verb = st.sampled_from(["provision", "deprovision"])
_then = st.sampled_from(["", "", "", "provision", "deprovision"])


class Troubled(RuleBasedStateMachine):
    """One or two VMs, their owners, other people, the host and a second one; each rule is a step."""

    def __init__(self) -> None:
        super().__init__()
        self.estate: Estate | None = None

    @rule(which=_which, name=st.sampled_from(sorted(DRIFTS)), at_once=st.booleans())
    def change(self, which: int, name: str, at_once: bool) -> None:
        self._here.converge(self._vm(which), "provision")
        self._here.change(self._vm(which), name)
        self._converge(which, "provision" if at_once else "")

    @rule(which=_which, name=st.sampled_from(sorted(LOCKS)), then=_then)
    def lock(self, which: int, name: str, then: str) -> None:
        self._here.lock(self._vm(which), name)
        if then:
            self._deploy(self._vm(which), then, PATIENT, None)

    @rule(which=_which, name=st.sampled_from(sorted(POLICIES)), then=_then)
    def forbid(self, which: int, name: str, then: str) -> None:
        self._here.forbid(self._vm(which), name)
        if then:
            self._deploy(self._vm(which), then, PATIENT, None)

    @rule(which=_which, name=st.sampled_from(sorted(FILES)), then=_then)
    def spoil(self, which: int, name: str, then: str) -> None:
        self._here.spoil(self._vm(which), name)
        self._converge(which, then)

    @rule(which=_which, name=st.sampled_from(sorted(RECORDS)), then=_then)
    def spoil_records(self, which: int, name: str, then: str) -> None:
        self._here.spoil_records(name)
        self._converge(which, then)

    @rule(state=st.sampled_from(DISKS))
    def fill(self, state: str) -> None:
        self._here.fill(state)

    @rule(which=_which, seconds=st.sampled_from(CLOCK_STEPS), then=_then)
    def set_clock(self, which: int, seconds: float, then: str) -> None:
        self._here.set_clock(seconds)
        self._converge(which, then)

    @rule(which=_which, verb=_verb, seconds=st.sampled_from([0.0, *CLOCK_STEPS]), then=_then)
    def call_there(self, which: int, verb: str, seconds: float, then: str) -> None:
        self._here.call_there(self._vm(which), verb, seconds)
        self._converge(which, then)

    def _converge(self, which: int, verb: str) -> None:
        """Check that a verb, if one is given, succeeds in the end."""
        if verb:
            self._here.converge(self._vm(which), verb)

    def _deploy(self, vm: Vm, verb: str, patience: float, kill: Any) -> None:
        """Call a verb, kill its worker or its engine, and wait."""
        if kill:
            self._here.world.planned = PlannedKill(kill[0], *kill[1])
        if self._here.begin(vm, verb)[0] is Status.PENDING and patience:
            self._here.wait(vm, verb == "provision", patience)

    @property
    def _here(self) -> Estate:
        assert self.estate
        return self.estate

    def _vm(self, which: int) -> Vm:
        return self._here.vms[which % len(self._here.vms)]
