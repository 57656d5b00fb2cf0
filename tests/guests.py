"""Guests without an Azure: their process, the requests for guests, and the ways to log in."""

import json
import os
import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from vmops.core import processes
from vmops.core.polling import NotYet, poll_until
from vmops.core.state_dir import local_path
from vmops.local.guests import end, place, protocol
from vmops.local.guests.protocol import Seen, Wanted

LONG = 60.0
"""Seconds of patience for an operation that takes a tenth of a second."""

ROOT = Path(__file__).parents[1]


class Lab:
    """A state directory with guests; ``key`` is the private key for all of them."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir, self.key = state_dir, state_dir / "id"
        local_path(state_dir).mkdir(mode=0o700, parents=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)
        self.wanted: dict[str, Wanted] = {}
        self._errors = state_dir / "errors"

    def start(self, module: str = "tests.guest_host") -> None:
        """Start the guests' process; the test is skipped with a reason if this host does not support guests."""
        with self._errors.open("ab") as errors:
            command = [sys.executable, "-m", module, str(self.state_dir)]
            process = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
                start_new_session=True,
            )  # fmt: skip
        assert process.stdout
        with process.stdout as said:
            told = json.loads(said.readline() or b"null")
        assert told, self.errors()
        if told["reason"]:
            process.wait()
            pytest.skip(told["reason"])
        self.process = process
        self.connect()

    def connect(self) -> None:
        """Connect to the guests' process as the daemon does."""
        self._leave()
        self._socket = socket.socket(socket.AF_UNIX)
        with place.address(self.state_dir) as address:
            self._socket.connect(address)
        self._answers = self._socket.makefile("rb")

    def kill(self) -> None:
        """Kill the guests' process only."""
        self.process.kill()
        self.process.wait()
        self._leave()

    def _leave(self) -> None:
        if hasattr(self, "_socket"):
            self._answers.close()
            self._socket.close()

    def say(self, *wanted: Wanted) -> None:
        """Request these guests, without waiting for an answer."""
        self.wanted = {each.vm_id: each for each in wanted}
        self._socket.sendall(protocol.wanted_line(wanted))

    def sync(self, *wanted: Wanted) -> dict[str, Seen]:
        """Request these guests, and give the reported ones."""
        self.say(*wanted)
        while (line := self._answers.readline()) == protocol.CHANGED:
            pass
        return {each.vm_id: each for each in protocol.read_seen(line)}

    def until(self, looked_for: Callable[[Seen], bool], wanted: Wanted) -> Seen:
        """Request a guest beside the existing ones, and wait until it has these values."""
        all_wanted = {**self.wanted, wanted.vm_id: wanted}

        def look() -> Seen | NotYet:
            seen = self.sync(*all_wanted.values()).get(wanted.vm_id)
            return seen if seen and looked_for(seen) else NotYet(0.02)

        found = poll_until(look, timeout=LONG)
        assert found, (self.sync(*all_wanted.values()), self.errors(), self.console(wanted.vm_id))
        return found

    def up(self, name: str, **how: object) -> Seen:
        """Request a guest, and wait until it is up and ready."""
        return self.until(lambda seen: seen.ready and seen.boot == self.wanted[name].boot, self.guest(name, **how))

    def gone(self) -> None:
        """Remove all guests, and wait until nothing of them is left."""
        self.sync()
        assert poll_until(lambda: True if not self.directories() else NotYet(0.02), timeout=LONG), self.directories()

    def directories(self) -> list[str]:
        """Name the remains of guests."""
        return [each.name for each in place.guests_path(self.state_dir).iterdir()]

    def guest(self, name: str, **how: object) -> Wanted:
        """Describe a requested guest."""
        plain = Wanted(name, True, 1, name, "mlos", (self.key.with_suffix(".pub").read_text(),))
        return replace(self.wanted.get(name, plain), **how)  # type: ignore[arg-type]

    def options(self, port: int) -> list[str]:
        """Give OpenSSH's options for the guest at a port; the same for ssh, scp and sftp."""
        told = {"Port": port, "IdentityFile": self.key, "StrictHostKeyChecking": "no", "LogLevel": "ERROR"}
        told |= {"UserKnownHostsFile": "/dev/null", "IdentitiesOnly": "yes", "BatchMode": "yes"}
        return ["-F", "none", *(word for name, value in told.items() for word in ("-o", f"{name}={value}"))]

    def ssh(
        self, port: int, command: str, given: bytes = b"", user: str = "mlos"
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command in a guest."""
        line = ["ssh", *self.options(port), f"{user}@127.0.0.1", command]
        return subprocess.run(line, input=given, capture_output=True, timeout=LONG, check=False)

    def said(self, port: int, command: str) -> str:
        """Run a command in a guest, which must succeed, and give its output."""
        ran = self.ssh(port, command)
        assert ran.returncode == 0, (ran, self.errors())
        return ran.stdout.decode().strip()

    def waiting(self, vm_id: str) -> list[int]:
        """Give the processes that hold a guest's directory: one, once the guest has started."""
        lock = place.guests_path(self.state_dir) / vm_id / "lock"
        return [pid for pid in psutil.pids() if pid != self.process.pid and processes.has_open(pid, lock)]

    def beside(self) -> list[psutil.Process]:
        """Give the processes that belong to no guest, in order: the zygote, and the porter if it runs."""
        own, found = psutil.Process(self.process.pid), []
        for each in own.children():
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                if os.getsid(each.pid) == own.pid and each.status() != psutil.STATUS_ZOMBIE:
                    found.append(each)
        return sorted(found, key=lambda each: each.create_time())

    def lives(self, vm_id: str) -> int:
        """Count the sessions of a guest's directory: a guest and its starter are in one session."""
        sessions = set()
        for pid in self.waiting(vm_id):
            with suppress(ProcessLookupError):
                sessions.add(os.getsid(pid))
        return len(sessions)

    def errors(self) -> str:
        """Give the log of the guests' process."""
        return self._errors.read_text()

    def console(self, vm_id: str) -> str:
        """Give the console's output of a guest."""
        return (place.guests_path(self.state_dir) / vm_id / "console.log").read_text()

    def close(self) -> None:
        """End all processes."""
        self._leave()
        end.end(self.state_dir)
        if hasattr(self, "process"):
            self.process.wait()


@contextmanager
def lab(within: Path) -> Iterator[Lab]:
    """Give guests below a directory that other users cannot enter."""
    closed = within / f"closed-{secrets.token_hex(4)}"
    closed.mkdir(mode=0o700)
    made = Lab(closed / "state")
    try:
        made.start()
        yield made
        late = [line for line in made.errors().splitlines() if "imported too late" in line or "Traceback" in line]
        assert late == [], made.errors()
    finally:
        made.close()
