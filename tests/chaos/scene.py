"""The scene of one life: a state directory, its local Azure, one VM, and foreign resources."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

from tests.azure import Azure, held_locks, processes_of
from vmops import Settings, VMOps
from vmops.core.polling import NotYet, poll_until
from vmops.engine.backend.notes import EngineNotes, notes_directory
from vmops.jobs.stack_records import StackRecords
from vmops.jobs.store import Store
from vmops.local import daemon
from vmops.protocol import Params
from vmops.spec.names import OWNER_TAG, STACK_TAG
from vmops.spec.vm_spec import VmSpec

_LONGEST = 60
"""Seconds within which quick changes must happen, also on a busy machine."""
_BELOW_ARMS_RATE = 0.05
"""Seconds between two polls of the VM: at pace 1 ARM permits 25 reads a second."""

_API = "api-version=2024-05-01"
_SUBSCRIPTION = "/subscriptions/00000000-0000-0000-0000-000000000000"
_NSG = "providers/Microsoft.Network/networkSecurityGroups"
_DISK = "providers/Microsoft.Compute/disks"
_TAGS: dict[str, dict[str, str]] = {
    "another": {OWNER_TAG: "somebody-else", STACK_TAG: "exp9-00000000"},
    "none": {},
    "team": {"team": "other"},
}
_NETWORK = {
    "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]},
    "subnets": [{"name": "theirs", "properties": {"addressPrefix": "10.0.9.0/24"}}],
}
_EMPTY_DISK = {"creationData": {"createOption": "Empty"}, "diskSizeGB": 32}

Around = Callable[[Path], AbstractContextManager[None]]
"""A context for the life of a state directory."""


def nothing(_state_dir: Path) -> AbstractContextManager[None]:
    """Add nothing to a life."""
    return nullcontext()


@dataclass
class Scene:
    """One VM in one state directory; ``planted`` are the foreign resources, by id, as ARM showed them first."""

    state_dir: Path
    params: Params
    azure: Azure
    ops: VMOps
    planted: dict[str, Any] = field(default_factory=dict)

    @property
    def spec(self) -> VmSpec:
        return VmSpec.from_params(self.params, self.ops.settings.defaults())

    @property
    def stack(self) -> str:
        return self.spec.stack

    @property
    def state_file(self) -> Path:
        return self.state_dir / "backend" / ".pulumi" / "stacks" / "vmops" / f"{self.stack}.json"

    def engine_locks(self) -> list[Path]:
        """Give the engine's locks of any stack."""
        return list((self.state_dir / "backend" / ".pulumi" / "locks").glob("**/*.json"))

    @property
    def notes(self) -> EngineNotes:
        """Give our notes of the engines that work on the VM's stack."""
        directory = notes_directory(self.ops.settings.backend(), self.state_dir)
        return EngineNotes(directory, self.stack, StackRecords(self.store, self.stack))

    @cached_property
    def store(self) -> Store:
        return Store(self.state_dir, self.ops.settings.database_url)

    def faults(self, *rules: dict[str, Any]) -> None:
        """Replace the faults of the local Azure."""

        def put() -> bool | NotYet:
            here = daemon.ensure(self.state_dir)
            headers = {"Authorization": f"Bearer {here.token}"}
            try:
                return requests.put(f"{here.arm}/_local/faults", json=list(rules), headers=headers, timeout=_LONGEST).ok
            except requests.ConnectionError:
                return NotYet(0.02)

        assert poll_until(put, timeout=_LONGEST)

    def kept(self) -> list[str]:
        """Give the calls that the local Azure delays, as METHOD and path; none while it is down."""
        here = daemon.find(self.state_dir)
        headers = {"Authorization": f"Bearer {here.token if here else ''}"}
        try:
            kept: list[str] = (
                requests.get(f"{here.arm}/_local/kept", headers=headers, timeout=_LONGEST).json() if here else []
            )
        except requests.ConnectionError:
            return []
        return kept

    def plant(self, group: str, network: str = "") -> None:
        """Create foreign resources in a group: another owner's, untagged ones, and one with a tag of its user."""
        place = f"{_SUBSCRIPTION}/resourceGroups/{group}"
        if self.azure.get(f"{place}?{_API}") is None:
            self._put(place, {"location": "westus2"})
        for whose, tags in _TAGS.items():
            self._put(f"{place}/{_NSG}/{whose}-nsg", {"location": "westus2", "tags": tags})
            disk = {"location": "westus2", "tags": tags, "properties": _EMPTY_DISK}
            self._put(f"{place}/{_DISK}/{whose}-{self.params['vmName']}-osdisk", disk)
        if network:
            path = f"{place}/providers/Microsoft.Network/virtualNetworks/{network}"
            self._put(path, {"location": "westus2", "properties": _NETWORK})
            self._keep(f"{path}/subnets/theirs")

    def _put(self, path: str, body: dict[str, Any]) -> None:
        self.azure.put(f"{path}?{_API}", body)
        assert poll_until(lambda: self._settled(path) or NotYet(_BELOW_ARMS_RATE), timeout=_LONGEST)
        self._keep(path)

    def _keep(self, path: str) -> None:
        self.planted[path.lower()] = _told(self.azure.get(f"{path}?{_API}"))

    def _settled(self, path: str) -> bool:
        found = self.azure.get(f"{path}?{_API}")
        return bool(found) and found["properties"].get("provisioningState", "Succeeded") == "Succeeded"

    def touched(self) -> list[str]:
        """Name foreign resources that have changed."""
        now = {path: self.azure.get(f"{path}?{_API}") for path in self.planted}
        return [path for path, was in self.planted.items() if now[path] is None or _told(now[path]) != was]

    def ours(self) -> set[str]:
        """Give the ids of all existing resources that are not foreign; a rule is a part of its security group."""
        return {each.lower() for each in self.azure.ids() if "/securityRules/" not in each} - self.planted.keys()

    def intended(self) -> set[str]:
        """Give the ids of all resources that the VM should have, without an external group."""
        return {each.lower() for each in self.spec.ids().values()} - self.planted.keys()

    def written(self) -> set[str]:
        """Give the ids of all resources with a request of their own for the VM; a disk is written with its VM."""
        return {each for each in self.intended() if "/disks/" not in each}

    def groups(self) -> set[str]:
        """Give the ids of all groups, also foreign ones."""
        return {each.lower() for each in self.azure.ids() if "/providers/" not in each}

    def vm(self) -> Any:
        """Give the VM, None if it does not exist."""
        return self.azure.get(f"{self.spec.vm_id}?api-version=2024-07-01")

    def come_to_rest(self, timeout: float) -> None:
        """Wait until the VM has no operation."""
        assert poll_until(lambda: self._at_rest() or NotYet(0.02), timeout=timeout)

    def _at_rest(self) -> bool:
        found = self.vm()
        return found is None or found["properties"]["provisioningState"] in {"Succeeded", "Failed"}

    def _alive(self) -> list[str]:
        """Name the processes of the VM's operations, and the held locks."""
        held = held_locks(self.state_dir)
        return processes_of(self.state_dir) + held

    def debris(self) -> list[str]:
        """Name what a removed VM has left on this host: processes, locks, scratch files, the engine's stack."""
        rested = poll_until(lambda: NotYet(0.02) if self._alive() else True, timeout=_LONGEST)
        left = [] if rested else self._alive()
        left += [str(path) for path in (*self.engine_locks(), *self.notes.all())]
        for place in (self.state_dir / "scratch", self.state_dir / "stacks", Path(tempfile.gettempdir())):
            left += [str(path) for path in place.glob("*")]
        left += [str(path) for path in self.state_file.parent.glob("*.json")]
        return left


def _told(resource: dict[str, Any]) -> dict[str, Any]:
    """Leave out counters of ARM, and children, which are separate resources."""
    told = {name: value for name, value in resource.items() if name not in {"etag", "systemData"}}
    return {**told, "properties": {**told.get("properties", {}), "subnets": []}}


@contextmanager
def scene(params: Params, pace: float, workers: int | None = None, around: Around = nothing) -> Iterator[Scene]:
    """Create a scene in a new directory, with a directory for temporary files; both are deleted afterwards."""
    before, tempfile.tempdir = os.environ.get("TMPDIR"), None
    with tempfile.TemporaryDirectory(prefix="chaos-") as place:
        state_dir, temporary = Path(place) / "state", Path(place) / "tmp"
        for directory in (state_dir, temporary):
            directory.mkdir(mode=0o700)
        os.environ["TMPDIR"] = tempfile.tempdir = str(temporary)
        daemon.ensure(state_dir, pace)
        try:
            with around(state_dir):
                settings = Settings(state_dir=state_dir, owner="chaos", workers=workers)
                yield Scene(state_dir, params, Azure(state_dir), VMOps(settings))
        finally:
            daemon.stop(state_dir)
            os.environ.pop("TMPDIR")
            if before:
                os.environ["TMPDIR"] = before
            tempfile.tempdir = None
