"""What a test sees of the local Azure, and of the processes that work on it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import requests

from vmops import lock
from vmops.local import daemon, inspection
from vmops.waiting import Later
from vmops.worker import NAME


class Azure:
    """What the local Azure of a test knows: its resources, and every request that it was sent."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def get(self, path: str) -> Any:
        """GET a path with the daemon's token."""
        here = daemon.ensure(self._state_dir)
        answer = requests.get(here.arm + path, headers={"Authorization": f"Bearer {here.token}"}, timeout=60)
        return answer.json() if answer.ok else None

    def put(self, path: str, body: Any) -> Any:
        """PUT a body, as somebody else would."""
        here = daemon.ensure(self._state_dir)
        headers = {"Authorization": f"Bearer {here.token}"}
        answer = requests.put(here.arm + path, json=body, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def resources(self) -> list[dict[str, Any]]:
        """Give all that exists."""
        found: list[dict[str, Any]] = self.get("/_local/resources")
        return found

    def ids(self) -> set[str]:
        """Give the ids of all that exists."""
        return {each["id"] for each in self.resources()}

    def journal(self) -> list[dict[str, Any]]:
        """Give every request so far."""
        found: list[dict[str, Any]] = self.get("/_local/journal")
        return found

    def writes(self) -> list[str]:
        """Give the requests so far that ask for a change, as METHOD and path."""
        return [f"{each['method']} {each['path']}" for each in self.journal() if each["method"] not in {"GET", "HEAD"}]

    def stick(self, verb: str, vm: str = "*") -> None:
        """Let no operation of this verb (create, update, delete, start …) on a VM, or on any, end until `let_go`."""
        rule = {"path": f"*/virtualMachines/{vm}", "verbs": [verb], "effect": {"do": "stick"}}
        inspection.ask(self._state_dir, "PUT", "faults", [rule])

    def let_go(self) -> None:
        """Let what `stick` holds end now."""
        inspection.ask(self._state_dir, "PUT", "faults", [])

    def vm(self, vm_id: str) -> dict[str, Any]:
        """Give a VM with its instance view."""
        found: dict[str, Any] = self.get(f"{vm_id}?$expand=instanceView&api-version=2024-07-01")
        return found

    def power(self, vm_id: str) -> str:
        """Give a VM's power state."""
        codes = [status["code"] for status in self.vm(vm_id)["properties"]["instanceView"]["statuses"]]
        return next(code for code in codes if code.startswith("PowerState/")).partition("/")[2]


def begun(azure: Azure) -> bool | Later:
    """Tell whether ARM has taken the create of a VM on."""
    return any(each["method"] == "PUT" and "virtualMachines" in each["path"] for each in azure.journal()) or Later(0.01)


def living(state_dir: Path) -> list[tuple[str, psutil.Process]]:
    """Give the living workers and engines of a state directory, each with its kind."""
    return [(kind, process) for kind, process in all_of(state_dir) if kind != "forkserver"]


def held_locks(state_dir: Path) -> list[str]:
    """Name the locks of a state directory that somebody holds."""
    return [str(path) for path in (state_dir / "locks").rglob("*") if path.is_file() and lock.held(path)]


def all_of(state_dir: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Give the living workers, engines and fork servers of a state directory, each with its kind."""
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            ours = str(state_dir) in " ".join(command) or process.environ().get("VMOPS_STATE_DIR") == str(state_dir)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if ours and ("vmops.worker" in command or process.name() == NAME):
            yield "worker", process
        elif ours and "vmops.forkserver" in command:
            yield "forkserver", process
        elif ours and command and Path(command[0]).name == "pulumi":
            yield "engine", process


def processes_of(state_dir: Path) -> list[str]:
    """Name the kind and number of the living workers and engines that work on a state directory."""
    return [f"{kind} {process.pid}" for kind, process in living(state_dir)]
