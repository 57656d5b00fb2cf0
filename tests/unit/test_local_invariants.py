"""Invariants of the simulated cloud, after any sequence of requests."""

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tests.conformance.arm import COMPUTE, GROUP, NETWORK, SUBNET, Arm
from vmops.local.arm.models.compute.power import TRANSITIONS
from vmops.local.arm.state.clock import ManualClock

NAMES = st.sampled_from(["a", "b"])
OPTIONS = st.sampled_from(["Delete", "Detach"])
VERBS = st.sampled_from([verb for verb in TRANSITIONS if verb != "evict"])
TERMINAL = {"Succeeded", "Failed"}


class AnyOrder(RuleBasedStateMachine):
    """Two machines on two interfaces, written, moved and deleted while time passes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.arm = Arm(Path(self.folder.name) / "cloud.db", ManualClock()).__enter__()

    def send(self, method: str, path: str, body: Any = None) -> None:
        """Send a request that may be refused, but must not break anything."""
        answer = self.arm(method, path, body)
        assert answer.status_code < 500, answer.text

    @initialize()
    def begin(self) -> None:
        """Start with a network."""
        self.arm.make_network()

    @rule(name=NAMES)
    def put_interface(self, name: str) -> None:
        """Write an interface."""
        part = {"name": "a", "properties": {"subnet": {"id": SUBNET}}}
        body = {"location": "westus2", "properties": {"ipConfigurations": [part]}}
        self.send("PUT", f"{NETWORK}/networkInterfaces/{name}-nic", body)

    @rule(name=NAMES, disk=OPTIONS, nic=OPTIONS, size=st.sampled_from(["Standard_B2s", "Standard_D2s_v5"]))
    def put_machine(self, name: str, disk: str, nic: str, size: str) -> None:
        """Write a machine."""
        slot = {"id": f"{NETWORK}/networkInterfaces/{name}-nic", "properties": {"deleteOption": nic}}
        os_disk = {"createOption": "FromImage", "name": f"{name}-os", "deleteOption": disk}
        answer = self.arm.put_machine(
            name,
            hardwareProfile__vmSize=size,
            storageProfile__osDisk=os_disk,
            networkProfile__networkInterfaces=[slot],
        )
        assert answer.status_code < 500, answer.text

    @rule(name=NAMES, verb=VERBS)
    def act(self, name: str, verb: str) -> None:
        """Send a power verb."""
        self.send("POST", f"{COMPUTE}/virtualMachines/{name}/{verb}")

    @rule(name=NAMES, kind=st.sampled_from(["Compute/virtualMachines/{}", "Compute/disks/{}-os"]))
    def delete_compute(self, name: str, kind: str) -> None:
        """Delete a machine or its disk."""
        self.send("DELETE", f"{GROUP}/providers/Microsoft.{kind.format(name)}")

    @rule(name=NAMES)
    def delete_interface(self, name: str) -> None:
        """Delete an interface."""
        self.send("DELETE", f"{NETWORK}/networkInterfaces/{name}-nic")

    @rule()
    def delete_group_and_begin_again(self) -> None:
        """Delete the group during whatever is in progress."""
        self.arm.done(self.arm("DELETE", GROUP))
        assert self.arm("GET", "/_local/resources").json() == []
        self.arm.make_network()

    @rule(seconds=st.sampled_from([1, 10, 60, 600]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.arm.clock.advance(seconds)

    @invariant()
    def every_reference_leads_somewhere(self) -> None:
        """Every resource that another one refers to exists."""
        found = self.arm("GET", "/_local/resources").json()
        ids = {entry["id"].lower() for entry in found}
        for entry in found:
            for named in references(entry):
                assert named.lower() in ids, (entry["id"], named)

    @invariant()
    def addresses_are_nobody_elses(self) -> None:
        """No two interfaces share an address."""
        nics = [
            entry for entry in self.arm("GET", "/_local/resources").json() if "ipConfigurations" in entry["properties"]
        ]
        taken = [nic["properties"]["ipConfigurations"][0]["properties"]["privateIPAddress"] for nic in nics]
        assert len(taken) == len(set(taken))

    def teardown(self) -> None:
        """After the last request all operations finish."""
        self.arm.clock.advance(10_000)
        states = {
            entry["id"]: entry["properties"]["provisioningState"]
            for entry in self.arm("GET", "/_local/resources").json()
        }
        assert set(states.values()) <= TERMINAL, states
        self.arm.__exit__(None, None, None)
        self.folder.cleanup()


def references(entry: dict[str, Any]) -> list[str]:
    """Return the ids that a resource names."""
    properties = entry["properties"]
    storage = properties.get("storageProfile", {})
    disks = [storage["osDisk"], *storage["dataDisks"]] if storage else []
    named = [disk["managedDisk"]["id"] for disk in disks if "id" in disk["managedDisk"]]
    named += [slot["id"] for slot in properties.get("networkProfile", {}).get("networkInterfaces", [])]
    named += [part["properties"]["subnet"]["id"] for part in properties.get("ipConfigurations", [])]
    return [*named, *([entry["managedBy"]] if "managedBy" in entry else [])]


AnyOrder.TestCase.settings = settings(max_examples=25, stateful_step_count=30)
TestAnyOrder = AnyOrder.TestCase
