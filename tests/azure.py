"""What a test sees of the local Azure, and of the processes that work on it."""

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
"""Seconds for an answer of the local Azure, which comes at once unless the machine is busy."""


class Azure:
    """What the local Azure of a test knows: its resources, and every request that it was sent."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir

    def get(self, path: str) -> Any:
        """GET a path with the daemon's token, None if nothing is there; what is one request too many is sent again."""

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
        """PUT a body, as somebody else would."""
        return self._send("PUT", path, body)

    def patch(self, path: str, body: Any) -> Any:
        """PATCH a resource, as somebody else would."""
        return self._send("PATCH", path, body)

    def post(self, path: str, body: Any) -> None:
        """POST a body, as somebody else would; what it begins is over by the next look at pace 0."""
        self._send("POST", path, body)

    def delete(self, path: str) -> None:
        """DELETE a path, as somebody else would, and wait until nothing is there."""
        here = daemon.ensure(self._state_dir)
        headers = {"Authorization": f"Bearer {here.token}"}
        requests.delete(here.arm + path, headers=headers, timeout=_LONGEST).raise_for_status()
        assert poll_until(lambda: self.get(path) is None or NotYet(0.05), timeout=_LONGEST)

    def tag(self, arm_id: str, tags: dict[str, str]) -> None:
        """Replace the tags of a resource, as somebody else would."""
        scope = f"{arm_id}/providers/Microsoft.Resources/tags/default?api-version=2021-04-01"
        self.put(scope, {"properties": {"tags": tags}})

    def _send(self, method: str, path: str, body: Any) -> Any:
        here = daemon.ensure(self._state_dir)
        headers = {"Authorization": f"Bearer {here.token}"}
        answer = requests.request(method, here.arm + path, json=body, headers=headers, timeout=_LONGEST)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def resources(self) -> list[dict[str, Any]]:
        """Give all that exists."""
        found: list[dict[str, Any]] = self.get("/_local/resources")
        return found

    def ids(self) -> set[str]:
        """Give the ids of all that exists."""
        return {each["id"] for each in self.resources()}

    def locations(self, group: str) -> set[str]:
        """Give where what exists is, but the group of that id."""
        return {each["location"] for each in self.resources() if each.get("location") and each["id"] != group}

    def journal(self) -> list[dict[str, Any]]:
        """Give every request so far."""
        found: list[dict[str, Any]] = self.get("/_local/journal")
        return found

    def writes(self) -> list[str]:
        """Give the requests so far that ask for a change, as METHOD and path."""
        return [f"{each['method']} {each['path']}" for each in self.journal() if each["method"] not in {"GET", "HEAD"}]

    def stick(self, verb: str, vm: str = "*") -> None:
        """Let no operation of this verb (create, update, delete, start …) on a VM, or on any, end until `let_go`."""
        self.fault({"path": f"*/virtualMachines/{vm}", "verbs": [verb], "effect": {"do": "stick"}})

    def fault(self, *rules: dict[str, Any]) -> None:
        """Let the calls that rules are about go wrong, or wait, and no more those that other rules were about."""
        inspection.ask(self._state_dir, "PUT", "faults", list(rules))

    def let_go(self) -> None:
        """Let all go well again, and what `stick` or a rule holds go on now."""
        self.fault()

    def kept(self) -> list[str]:
        """Give the calls that are kept waiting by a rule, as METHOD and path."""
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
    """Let the local Azure of a state directory, which has not run yet, have ports that nobody else is given meanwhile.

    Only on Linux, where they can be kept.
    """
    with free_port() as arm, free_port() as provider:
        if sys.platform == "linux":
            before = Endpoint(f"http://127.0.0.1:{arm}", secrets.token_urlsafe(), provider, pid=0)
            local_path(state_dir).mkdir(mode=0o700)
            endpoint.write(state_dir, endpoint.Record(before, started=0, pace=daemon.DEFAULT_PACE))
        yield


@contextmanager
def free_port() -> Iterator[int]:
    """Give a port on loopback that nobody else is given meanwhile.

    A port that is bound is given to nobody who asks for any, and may be bound again by name until somebody listens
    there. Source: socket(7), SO_REUSEADDR; other systems than Linux do not allow it: there it is let go at once.
    """
    with socket.socket() as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        if sys.platform != "linux":
            bound.close()
        yield port


def kill_daemon(state_dir: Path) -> None:
    """Kill the local Azure; its last thread takes its files, and so its lock, with it, and is seen to be dead later."""
    found = daemon.find(state_dir)
    assert found is not None
    psutil.Process(found.pid).kill()

    def look() -> bool | NotYet:
        left = file_lock.is_locked(state_dir / "local/lock") or processes.process_start_time(found.pid) is not None
        return NotYet(0.01) if left else True

    assert poll_until(look, timeout=60)


def begun(azure: Azure) -> bool | NotYet:
    """Tell whether ARM has taken the create of a VM on: a request is in the journal before it is carried out."""
    puts = [each for each in azure.journal() if each["method"] == "PUT" and "virtualMachines" in each["path"]]
    return any(each["status"] == 201 for each in puts) or NotYet(0.01)


def living(state_dir: Path) -> list[tuple[str, psutil.Process]]:
    """Give the living workers and engines of a state directory, each with its kind."""
    return [(kind, process) for kind, process in all_of(state_dir) if kind != "forkserver"]


def held_locks(state_dir: Path) -> list[str]:
    """Name the locks of a state directory that somebody holds."""
    return [str(path) for path in (state_dir / "locks").rglob("*") if path.is_file() and file_lock.is_locked(path)]


def all_of(state_dir: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Give the living workers, engines and fork servers of a state directory, each with its kind."""
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
    """Give the files below a directory that hold a text; another process reads them.

    Whoever closes SQLite's file gives up his own process's locks on it. Source: SQLite documentation, how to corrupt.
    """
    command = ["grep", "--recursive", "--files-with-matches", "--no-messages", "--fixed-strings", "-e", text]
    found = subprocess.run([*command, directory], capture_output=True, text=True, check=False)
    return [Path(line) for line in found.stdout.splitlines()]


def kill_all(state_dir: Path) -> None:
    """Kill the workers and engines of a state directory, what they start meanwhile too, until none is left."""
    assert poll_until(lambda: NotYet(0.01) if killed(living(state_dir)) or held_locks(state_dir) else True, timeout=60)


def killed(found: Iterable[tuple[str, psutil.Process]]) -> bool:
    """Kill processes; tell whether there were any: they may have started others meanwhile."""
    there = list(found)
    for _, process in there:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    return bool(there)


def processes_of(state_dir: Path) -> list[str]:
    """Name the kind and number of the living workers and engines that work on a state directory."""
    return [f"{kind} {process.pid}" for kind, process in living(state_dir)]
