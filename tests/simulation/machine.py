"""The seven verbs in any order, with faults, changes by others and kills, drawn by hypothesis."""

from collections import Counter
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from tests.chaos.script import POWERED, SPOT
from tests.simulation.estate import PATIENT, SHARED, estate
from tests.simulation.others import COPIED
from tests.simulation.strangers import BODIES, KINDS, TAGS
from tests.simulation.troubled import Troubled
from tests.simulation.wire import PAGES
from vmops import Status
from vmops.local.arm.faults.catalogue import FAULTS, INCIDENTS

_NEIGHBOURS = {
    "resourceGroup": SHARED,
    "virtualNetworkName": "net",
    "subnetName": "sub",
    "networkSecurityGroupName": "nsg",
}
LAYOUTS: list[list[dict[str, Any]]] = [
    [{}],
    [SPOT],
    [{"tags": "a=b", "dataDisks": [4]}],
    [{"resourceGroup": SHARED}],
    [{}, {"resourceGroup": SHARED}],
    [_NEIGHBOURS, _NEIGHBOURS],
]
CHANGES: list[dict[str, Any]] = [
    {},
    {"vmSize": "Standard_D4s_v5"},
    {"vmPorts": "22,80"},
    {"tags": "a=b"},
    {"customData": "#!/bin/sh"},
    {"publicIp": False},
    {"osDiskSizeGB": 64},
]
_MOMENTS = {"sent": 9, "answered": 9, "checkpoint": 20, "locked": 2, "removed": 1}
MOMENTS = [(name, number) for name, most in _MOMENTS.items() for number in range(1, most + 1)]
WHENS: list[dict[str, int]] = [{}, {"times": 1}, {"times": 2}, {"nth": 2}, {"nth": 3, "times": 4}]

ROLES = sorted(BODIES)
PLACES = [*ROLES, "network", "group"]

_TIMES = [1, 1, 2, 4]
_METHODS = (("GET",), ("DELETE",), ("PUT", "PATCH", "POST"))
_which = st.integers(0, 1)
_kill = st.none() | st.tuples(st.sampled_from(["worker", "engine"]), st.sampled_from(MOMENTS))
_patience = st.sampled_from([0.0, 0.0, 20.0, PATIENT, PATIENT])


class Machine(Troubled):
    """One or two VMs; each rule is a step."""

    counts: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.failed = False

    @initialize(layout=st.sampled_from(LAYOUTS), pace=st.sampled_from([0.1, 1.0]), made=st.booleans())
    def begin(self, layout: list[dict[str, Any]], pace: float, made: bool) -> None:
        common = {"deployTimeout": 1800}
        params = [{"vmName": f"exp{number}", **common, **each} for number, each in enumerate(layout)]
        self._first = {each["vmName"]: dict(each) for each in params}
        self._opened = estate(params, pace, self.counts)
        self.estate = self._opened.__enter__()
        for vm in self.estate.vms if made else ():
            self.estate.converge(vm, "provision")

    @rule(which=_which, patience=_patience, kill=_kill)
    def provision(self, which: int, patience: float, kill: Any) -> None:
        self._deploy(self._vm(which), "provision", patience, kill)

    @rule(which=_which, patience=_patience, kill=_kill)
    def deprovision(self, which: int, patience: float, kill: Any) -> None:
        self._deploy(self._vm(which), "deprovision", patience, kill)

    @rule(which=_which, verb=st.sampled_from(sorted(POWERED)), patience=_patience)
    def switch(self, which: int, verb: str, patience: float) -> None:
        vm = self._vm(which)
        if self._here.begin(vm, verb)[0] is Status.PENDING and patience:
            self._here.wait_operation(vm, patience)

    @rule(which=_which, change=st.sampled_from(CHANGES), patience=_patience, kill=_kill)
    def provision_changed(self, which: int, change: dict[str, Any], patience: float, kill: Any) -> None:
        vm = self._vm(which)
        for name in {name for each in CHANGES for name in each}:
            vm.params.pop(name, None)
        vm.params.update(self._first[vm.params["vmName"].lower()] | change)
        self._deploy(vm, "provision", patience, kill)

    @rule(which=_which, is_setup=st.booleans(), patience=_patience)
    def wait_deployment(self, which: int, is_setup: bool, patience: float) -> None:
        self._here.wait(self._vm(which), is_setup, patience)

    @rule(which=_which, patience=_patience)
    def wait_operation(self, which: int, patience: float) -> None:
        self._here.wait_operation(self._vm(which), patience)

    @rule(seconds=st.sampled_from([0.1, 1.0, 10.0, 100.0]))
    def pass_time(self, seconds: float) -> None:
        self._here.world.turns.sleep(seconds)

    @rule(which=_which)
    def cancel(self, which: int) -> None:
        self._here.cancel(self._vm(which))

    @rule(which=_which)
    def recover(self, which: int) -> None:
        self._here.recover(self._vm(which))

    @rule(which=_which, name=st.sampled_from(sorted(FAULTS)), when=st.sampled_from(WHENS))
    def fault(self, which: int, name: str, when: dict[str, int]) -> None:
        self._here.fault(self._vm(which), name, when)

    @rule()
    def well(self) -> None:
        self._here.well()

    @rule(which=_which, name=st.sampled_from(sorted(INCIDENTS.keys() - {"retagged-behind-our-back"})))
    def meddle(self, which: int, name: str) -> None:
        self._here.meddle(self._vm(which), name)

    @rule(which=_which, verb=st.sampled_from(["provision", "deprovision", *sorted(POWERED)]))
    def take(self, which: int, verb: str) -> None:
        self._here.take(self._vm(which), verb)

    @rule(which=_which, role=st.sampled_from(ROLES), tags=st.sampled_from([*TAGS, COPIED]))
    def take_name(self, which: int, role: str, tags: str) -> None:
        self._here.take_name(self._vm(which), role, tags)

    @rule(which=_which, role=st.sampled_from(sorted(KINDS)))
    def copy_tags(self, which: int, role: str) -> None:
        self._here.copy_tags(self._vm(which), role)

    @rule(which=_which, role=st.sampled_from([*ROLES, "network"]), tags=st.sampled_from(sorted(TAGS)))
    def retag(self, which: int, role: str, tags: str) -> None:
        self._here.retag(self._vm(which), role, tags)

    @rule(which=_which, place=st.sampled_from(PLACES), nth=st.integers(1, 4), times=st.sampled_from(_TIMES))
    def deny(self, which: int, place: str, nth: int, times: int) -> None:
        self._here.deny(self._vm(which), place, {"nth": nth, "times": times})

    @rule(which=_which, place=st.sampled_from(PLACES), nth=st.integers(1, 30), times=st.sampled_from(_TIMES))
    def deprovision_unseen(self, which: int, place: str, nth: int, times: int) -> None:
        self._here.deny(self._vm(which), place, {"nth": nth, "times": times})
        self._deploy(self._vm(which), "deprovision", PATIENT, None)

    @rule(
        which=_which, place=st.sampled_from([*ROLES, "network"]), nth=st.integers(1, 9), times=st.sampled_from(_TIMES)
    )
    def provision_unseen(self, which: int, place: str, nth: int, times: int) -> None:
        self._here.deny(self._vm(which), place, {"nth": nth, "times": times})
        self._deploy(self._vm(which), "provision", PATIENT, None)

    @rule(which=_which, share=st.sampled_from([0.3, 1.0]))
    def lag(self, which: int, share: float) -> None:
        self._here.lag(self._vm(which), share)

    @rule(page=st.sampled_from(sorted(PAGES)), methods=st.sampled_from(_METHODS), times=st.sampled_from([1, 2, 4]))
    def garble(self, page: str, methods: tuple[str, ...], times: int) -> None:
        self._here.garble(page, methods, times)

    @rule(which=_which, how=st.sampled_from(["upper", "lower", "title"]))
    def spell(self, which: int, how: str) -> None:
        self._here.spell(self._vm(which), how)

    @rule(which=_which, verb=st.sampled_from(["provision", "deprovision", *sorted(POWERED)]), from_here=st.booleans())
    def intrude(self, which: int, verb: str, from_here: bool) -> None:
        self._here.intrude(self._vm(which), verb, from_here=from_here)

    @rule(which=_which)
    def remove_elsewhere(self, which: int) -> None:
        self._here.remove_elsewhere(self._vm(which))

    @rule()
    def kill(self) -> None:
        self._here.kill()

    @rule(which=_which)
    def plant(self, which: int) -> None:
        self._here.plant(self._vm(which))

    @rule(which=_which, verb=st.sampled_from(["provision", "provision", "deprovision"]))
    def converge(self, which: int, verb: str) -> None:
        self._here.converge(self._vm(which), verb)

    @invariant()
    def as_it_must_be(self) -> None:
        if self.estate:
            self.counts["steps"] += 1
            self.failed = True
            self.estate.check()
            self.failed = False

    def teardown(self) -> None:
        if self.estate is None:
            return
        try:
            if not self.failed:
                self.estate.close()
            self.counts["lives"] += 1
        finally:
            self._opened.__exit__(None, None, None)
