"""A cloud on a port of this machine, vmops' own client of it, and functions that create resources in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conformance import arm as azure
from tests.conformance.arm import COMPUTE, GROUP, LONG, NETWORK, SUBNET
from vmops.azure import vm_state
from vmops.azure.client import Arm
from vmops.azure.clouds import Cloud
from vmops.azure.ownership import Claim
from vmops.core.errors import OperationFailed
from vmops.core.failures import FailureKind
from vmops.local.arm.state.clock import ManualClock
from vmops.spec.names import OWNER_TAG, STACK_TAG
from vmops.spec.vm_spec import VmSpec

VM = f"{COMPUTE}/virtualMachines/vm"
DISK = f"{COMPUTE}/disks/vm-osdisk"
NIC = f"{NETWORK}/networkInterfaces/vm-nic"
NET = f"{NETWORK}/virtualNetworks/net"
NSG = f"{NETWORK}/networkSecurityGroups/nsg"
Tags = dict[str, str]


class Journal:
    """Records every request with its query; ``before`` is called first."""

    def __init__(self, app: ASGIApp) -> None:
        self.asked: list[str] = []
        self.before: Callable[[str], object] = str
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.asked.append(f"{scope['method']} {scope['path']}?{scope['query_string'].decode()}")
            self.before(self.asked[-1])
        await self._app(scope, receive, send)


class World:
    """One cloud, before it is served; its clock is the system's unless a manual one is given."""

    def __init__(self, served: azure.Served, clock: ManualClock | None) -> None:
        self.url, self.clock = served.url, clock
        self.cloud = Cloud("local", self.url, token=azure.TOKEN)
        self.arm = Arm(self.cloud, timeout=60)
        self.journal = Journal(served.config.app)  # type: ignore[arg-type]
        served.config.app = self.journal

    def send(self, method: str, path: str, body: Any = None) -> requests.Response:
        """Send a request, as somebody else would."""
        query = {} if path.startswith("/_local") else {"api-version": azure.API_VERSION}
        answer = requests.request(
            method, self.url + path, json=body, params=query, headers=azure.AUTHORIZED, timeout=60
        )
        answer.raise_for_status()
        return answer

    def pass_time(self) -> None:
        """Let every operation end."""
        if self.clock:
            self.clock.advance(LONG)

    def put(self, path: str, tags: Tags | None = None, **body: Any) -> requests.Response:
        """Create a resource, and wait until it exists."""
        answer = self.send("PUT", path, {"location": "westus2", "tags": tags or {}, **body})
        self.pass_time()
        return answer

    def put_network(self, tags: Tags | None = None) -> None:
        """Create a network with a subnet in the group."""
        self.put(NET, tags, properties={"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}})
        self.send("PUT", SUBNET, {"properties": {"addressPrefix": "10.0.0.0/24"}})
        self.pass_time()

    def put_nic(self, tags: Tags | None = None, path: str = NIC) -> None:
        """Create an interface in the subnet."""
        part = {"name": "ipconfig1", "properties": {"subnet": {"id": SUBNET}}}
        self.put(path, tags, properties={"ipConfigurations": [part]})

    def put_disk(self, name: str) -> None:
        """Create an empty, untagged disk in the group."""
        self.put(f"{COMPUTE}/disks/{name}", properties={"creationData": {"createOption": "Empty"}, "diskSizeGB": 30})

    def put_machine(self, tags: Tags | None = None) -> None:
        """Create a machine with its network."""
        self.put(GROUP, tags)
        self.put_network(tags)
        self.put_nic(tags)
        self.put(VM, tags, **machine_body("vm"))

    def machine(self) -> vm_state.VmState:
        """Read the machine, which must exist."""
        seen = vm_state.get_vm_state(self.arm, VM)
        assert seen is not None
        return seen

    def state(self) -> tuple[str, str]:
        """Give the machine's provisioning state and its power state."""
        seen = self.machine()
        return seen.provisioning, seen.power

    def left(self) -> set[str]:
        """Give the ids of all resources."""
        return {found["id"] for found in self.send("GET", "/_local/resources").json()}


def machine_body(name: str) -> dict[str, Any]:
    """Give the request for a machine whose disk has vmops' name for the machine ``vm``."""
    body = azure.machine(name)
    body["properties"]["storageProfile"]["osDisk"]["name"] = "vm-osdisk"
    return body


def spec_of(**params: object) -> VmSpec:
    """Give the spec of the machine."""
    return VmSpec.from_params({"vmName": "vm", "resourceGroup": "rg", **params})


def refused(kind: FailureKind, *words: str) -> Any:
    """Expect a failure of a kind whose text has all of these words."""
    return pytest.raises(OperationFailed, match="".join(f"(?=.*{word})" for word in (f"^{kind}: ", *words)))


@contextmanager
def slow_world(directory: Path, pace: float = 1) -> Iterator[World]:
    """Serve a cloud at Azure's own pace, on a manual clock; its pauses are of that pace."""
    clock = ManualClock()
    served = azure.Served(directory / "cloud.db", pace, clock)
    world = World(served, clock)
    with served:
        yield world


@contextmanager
def quick_world(directory: Path, pace: float = 0) -> Iterator[World]:
    """Serve a cloud with a ``pace``: at 0 every operation has ended at the first poll."""
    served = azure.Served(directory / "cloud.db", pace, None)
    world = World(served, None)
    with served:
        yield world


SPEC = spec_of()
CLAIM = Claim(SPEC.identity, "ada", dict.fromkeys(map(str.lower, SPEC.own_ids()), ""))
"""A deployment of the machine for its owner."""

OURS = {STACK_TAG: SPEC.stack, OWNER_TAG: "ada"}
HERS = {STACK_TAG: "exp2-00000000", OWNER_TAG: "grace"}
