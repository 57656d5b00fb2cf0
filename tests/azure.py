"""The local Azure of a test, and the processes of a state directory."""

import secrets
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import requests

from vmops.core import file_lock, processes
from vmops.core.polling import NotYet, poll_until
from vmops.core.state_dir import local_path
from vmops.jobs.worker import NAME
from vmops.local import daemon, endpoint, inspection
from vmops.local.endpoint import Endpoint

_LONGEST = 60
"""Seconds for an answer of the local Azure, which is immediate unless the machine is busy."""


class Azure:
    """The local Azure of a test: its resources, and every request that it received."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def get(self, path: str) -> Any:
        """GET a path with the daemon's token; None if the resource is absent; a throttled request is retried."""

        def look() -> requests.Response | NotYet:
            here = daemon.ensure(self._state_dir)
            headers = {"Authorization": f"Bearer {here.token}"}
            answer = requests.get(here.arm + path, headers=headers, timeout=_LONGEST)
            return NotYet(0.05) if answer.status_code == 429 else answer

        answer = poll_until(look, timeout=_LONGEST)
        assert answer is not None
        if answer.status_code == 404:
            return None
        answer.raise_for_status()
        return answer.json()

    def put(self, path: str, body: Any) -> Any:
        """PUT a body, as another client would."""
        return self._send("PUT", path, body)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH a resource, as another client would."""
        return self._send("PATCH", path, body)

    def post(self, path: str, body: Any) -> None:
        """POST a body, as another client would; at pace 0 its operation is done at the next poll."""
        self._send("POST", path, body)

    def delete(self, path: str) -> None:
        """DELETE a path, as another client would, and wait until it is absent."""
        here = daemon.ensure(self._state_dir)
        headers = {"Authorization": f"Bearer {here.token}"}
        requests.delete(here.arm + path, headers=headers, timeout=_LONGEST).raise_for_status()
        assert poll_until(lambda: self.get(path) is None or NotYet(0.05), timeout=_LONGEST)

    def tag(self, arm_id: str, tags: dict[str, str]) -> None:
        """Replace the tags of a resource, as another client would."""
        scope = f"{arm_id}/providers/Microsoft.Resources/tags/default?api-version=2021-04-01"
        self.put(scope, {"properties": {"tags": tags}})

    def _send(self, method: str, path: str, body: Any) -> Any:
        here = daemon.ensure(self._state_dir)
        headers = {"Authorization": f"Bearer {here.token}"}
        answer = requests.request(method, here.arm + path, json=body, headers=headers, timeout=_LONGEST)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def resources(self) -> list[dict[str, Any]]:
        """Give all existing resources."""
        found: list[dict[str, Any]] = self.get("/_local/resources")
        return found

    def ids(self) -> set[str]:
        """Give the ids of all existing resources."""
        return {each["id"] for each in self.resources()}

    def locations(self, group: str) -> set[str]:
        """Give the locations of all existing resources, except the group with this id."""
        return {each["location"] for each in self.resources() if each.get("location") and each["id"] != group}

    def journal(self) -> list[dict[str, Any]]:
        """Give every request so far."""
        found: list[dict[str, Any]] = self.get("/_local/journal")
        return found

    def writes(self) -> list[str]:
        """Give the writing requests so far, as METHOD and path."""
        return [f"{each['method']} {each['path']}" for each in self.journal() if each["method"] not in {"GET", "HEAD"}]

    def stick(self, verb: str, vm: str = "*") -> None:
        """Delay all operations of a verb (create, update, delete, start …) on a VM, or on any, until `let_go`."""
        self.fault({"path": f"*/virtualMachines/{vm}", "verbs": [verb], "effect": {"do": "stick"}})

    def fault(self, *rules: dict[str, Any]) -> None:
        """Replace the fault rules."""
        inspection.ask(self._state_dir, "PUT", "faults", list(rules))

    def let_go(self) -> None:
        """Clear all fault rules; operations that `stick` or a rule delayed continue."""
        self.fault()

    def kept(self) -> list[str]:
        """Give the calls that a rule delays, as METHOD and path."""
        found: list[str] = inspection.ask(self._state_dir, "GET", "kept")
        return found

    def vm(self, vm_id: str) -> dict[str, Any]:
        """Give a VM with its instance view."""
        found: dict[str, Any] = self.get(f"{vm_id}?$expand=instanceView&api-version=2024-07-01")
        return found

    def power(self, vm_id: str) -> str:
        """Give a VM's power state."""
        codes: list[str] = [status["code"] for status in self.vm(vm_id)["properties"]["instanceView"]["statuses"]]
        return next(code for code in codes if code.startswith("PowerState/")).partition("/")[2]


@contextmanager
def kept_ports(state_dir: Path) -> Iterator[None]:
    """Reserve ports for the local Azure of a state directory, before its first start.

    Only on Linux, where ports can be reserved.
    """
    with free_port() as arm, free_port() as provider:
        if sys.platform == "linux":
            before = Endpoint(f"http://127.0.0.1:{arm}", secrets.token_urlsafe(), provider, pid=0)
            local_path(state_dir).mkdir(mode=0o700)
            endpoint.write(state_dir, endpoint.Record(before, started=0, pace=daemon.DEFAULT_PACE))
        yield


@contextmanager
def free_port() -> Iterator[int]:
    """Reserve a port on loopback.

    A bound port is not assigned to others, and can be bound again by number until a socket listens there.
    Source: socket(7), SO_REUSEADDR; systems other than Linux do not allow it: there it is released at once.
    """
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        if sys.platform != "linux":
            bound.close()
        yield port


def kill_daemon(state_dir: Path) -> None:
    """Kill the local Azure, and wait until its last thread has closed its files, and so released its lock."""
    found = daemon.find(state_dir)
    assert found is not None
    psutil.Process(found.pid).kill()

    def look() -> bool | NotYet:
        left = file_lock.is_locked(state_dir / "local/lock") or processes.process_start_time(found.pid) is not None
        return NotYet(0.01) if left else True

    assert poll_until(look, timeout=60)


def begun(azure: Azure) -> bool | NotYet:
    """Tell whether ARM has accepted the create of a VM: a request is in the journal before it is carried out."""
    puts = [each for each in azure.journal() if each["method"] == "PUT" and "virtualMachines" in each["path"]]
    return any(each["status"] == 201 for each in puts) or NotYet(0.01)


def living(state_dir: Path) -> list[tuple[str, psutil.Process]]:
    """Give the running workers and engines of a state directory, each with its kind."""
    return [(kind, process) for kind, process in all_of(state_dir) if kind != "forkserver"]


def held_locks(state_dir: Path) -> list[str]:
    """Name the held locks of a state directory."""
    return [str(path) for path in (state_dir / "locks").rglob("*") if path.is_file() and file_lock.is_locked(path)]


def all_of(state_dir: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Give the running workers, engines and fork servers of a state directory, each with its kind."""
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):  # it may end between two reads
            if kind := _kind(process, str(state_dir)):
                yield kind, process


def _kind(process: psutil.Process, state_dir: str) -> str:
    command = process.cmdline()
    if state_dir not in " ".join(command) and process.environ().get("VMOPS_STATE_DIR") != state_dir:
        return ""
    if "vmops.jobs.worker" in command or process.name() == NAME:
        return "worker"
    if "vmops.jobs.fork_server" in command:
        return "forkserver"
    return "engine" if command and Path(command[0]).name == "pulumi" else ""


def files_with(text: str, directory: Path) -> list[Path]:
    """Give the files below a directory that contain a text; another process reads them.

    Closing SQLite's file would release this process's locks on it. Source: SQLite documentation, how to corrupt.
    """
    command = ["grep", "--recursive", "--files-with-matches", "--no-messages", "--fixed-strings", "-e", text]
    found = subprocess.run([*command, directory], capture_output=True, text=True, check=False)
    return [Path(line) for line in found.stdout.splitlines()]


def kill_all(state_dir: Path) -> None:
    """Kill the workers and engines of a state directory, including those started meanwhile, until none is left."""
    assert poll_until(lambda: NotYet(0.01) if killed(living(state_dir)) or held_locks(state_dir) else True, timeout=60)


def killed(found: Iterable[tuple[str, psutil.Process]]) -> bool:
    """Kill processes; tell whether there were any, because they may have started others meanwhile."""
    there = list(found)
    for _, process in there:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return bool(there)


def processes_of(state_dir: Path) -> list[str]:
    """Name the kind and process id of the running workers and engines of a state directory."""
    return [f"{kind} {process.pid}" for kind, process in living(state_dir)]
