"""A stack's files in the engine's backend: its state with a copy, its locks, its history.

Source: layout and contents seen with engine 3.274.
"""

import getpass
import hashlib
import json
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pulumi.automation import CommandError, CommandResult
from pulumi.automation.errors import create_command_error

from tests.simulation.goals import PROJECT
from vmops.engine.install.locate import ENGINE_VERSION

ORGANIZATION = "organization"
SALT = "v1:ZG91YmxlMDA=:v1:ZG91YmxlMDAwMDA=:ZG91YmxlZG91YmxlZG91YmxlZG91Yg=="
_VERSION = f"v{ENGINE_VERSION}"
_NEWEST = 4
_MAGIC = hashlib.sha256(_VERSION.encode()).hexdigest()
_LOCKED = (
    "error: the stack is currently locked by {number} lock(s). Either wait for the other process(es) to end or delete "
    "the lock file with `pulumi cancel`.\n"
)


def refused(said: str, code: int = 1) -> CommandError:
    """Give the exception of an engine that ends with an error."""
    return create_command_error(CommandResult("", said, code))


def now() -> str:
    """Give the time as the engine writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


@dataclass
class Files:
    """The files of one stack; ``moment`` is called after each write, with its kind."""

    backend: Path
    stack: str
    moment: Callable[[str], object]
    _latest: dict[str, Any] = field(default_factory=dict)

    @property
    def _root(self) -> Path:
        return self.backend / ".pulumi"

    @property
    def state(self) -> Path:
        """Give the file of the state."""
        return self._root / "stacks" / PROJECT / f"{self.stack}.json"

    @property
    def _locks(self) -> Path:
        return self._root / "locks" / ORGANIZATION / PROJECT / self.stack

    @property
    def _history(self) -> Path:
        return self._root / "history" / PROJECT / self.stack

    def open(self) -> None:
        """Create a backend, or read its layout. Raises: CommandError, if it has none."""
        meta = self._root / "meta.yaml"
        if not meta.exists():
            self._root.mkdir(parents=True, exist_ok=True)
            meta.write_text("version: 1\n")
        elif not meta.read_bytes().startswith(b"version: "):
            raise refused('error: corrupt store: missing version in ".pulumi/meta.yaml"\n')

    def create(self) -> None:
        """Create a stack. Raises: CommandError, if there is one."""
        if self.state.exists():
            raise refused(f"error: stack '{ORGANIZATION}/{PROJECT}/{self.stack}' already exists\n")
        manifest = {"time": now(), "magic": _MAGIC, "version": _VERSION}
        secrets = {"type": "passphrase", "state": {"salt": SALT}}
        self._latest = {"manifest": manifest, "secrets_providers": secrets, "metadata": {}}
        self._write()

    def read(self) -> dict[str, Any]:
        """Read the deployment. Raises: CommandError, if there is none, or if it cannot be read."""
        try:
            found = json.loads(self.state.read_bytes())
        except FileNotFoundError:
            raise refused(f"error: no stack named '{self.stack}' found\n", 6) from None
        except ValueError as error:
            raise refused(f"error: failed to load checkpoint: {error}\n") from None
        if found["version"] > _NEWEST:
            raise refused(f"error: failed to load checkpoint: unsupported checkpoint version {found['version']}\n")
        self._latest = found["checkpoint"].get("latest") or {}
        return self._latest

    def write(self, entries: list[dict[str, Any]], pending: list[dict[str, Any]]) -> None:
        """Write the state, and keep the former one as a copy."""
        rest = {name: self._latest[name] for name in self._latest if name not in {"resources", "pending_operations"}}
        self._latest = {**rest, "resources": entries} | ({"pending_operations": pending} if pending else {})
        self._write()
        self.moment("checkpoint")

    def replace(self, deployment: dict[str, Any]) -> None:
        """Import a deployment that was exported."""
        self._latest = deployment
        self._write()
        self.moment("checkpoint")

    def _write(self) -> None:
        self.state.parent.mkdir(parents=True, exist_ok=True)
        if self.state.exists():
            self.state.replace(self.state.with_name(f"{self.state.name}.bak"))
        name = f"{ORGANIZATION}/{PROJECT}/{self.stack}"
        draft = self.state.with_name(f".{self.state.name}.draft")
        draft.write_text(json.dumps({"version": 3, "checkpoint": {"stack": name, "latest": self._latest}}))
        draft.replace(self.state)

    def note(self, number: int) -> None:
        """Add the state to the history, as the end of an update does."""
        self._history.mkdir(parents=True, exist_ok=True)
        entry = self._history / f"{self.stack}-{number:019d}.history.json"
        entry.write_text("{}")
        entry.with_name(f"{self.stack}-{number:019d}.checkpoint.json").write_bytes(self.state.read_bytes())

    def remove(self) -> None:
        """Remove the stack; its state stays as a copy, its history does not. Raises: CommandError."""
        self.read()
        self.state.replace(self.state.with_name(f"{self.state.name}.bak"))
        self.moment("removed")
        for entry in self._history.glob("*"):
            entry.unlink()

    def lock(self, pid: int) -> Path:
        """Take the engine's lock. Raises: CommandError, naming all holders."""
        holders = sorted(self._locks.glob("*"))
        if any(not holder.read_bytes() for holder in holders):
            raise refused("error: unexpected end of JSON input\n")
        if holders:
            said = [_LOCKED.format(number=len(holders)), *map(_holder, holders)]
            raise refused("".join(said))
        self._locks.mkdir(parents=True, exist_ok=True)
        lock = self._locks / f"{uuid.uuid4()}.json"
        holder = {"pid": pid, "username": getpass.getuser(), "hostname": socket.gethostname(), "timestamp": now()}
        lock.write_text(json.dumps(holder))
        self.moment("locked")
        return lock

    def unlock(self) -> None:
        """Delete every lock, as ``cancel`` does."""
        for lock in self._locks.glob("*"):
            lock.unlink()


def _holder(lock: Path) -> str:
    try:
        who = json.loads(lock.read_bytes())
    except ValueError:
        return f"  file://{lock}: cannot be read\n"
    where = f"{who['username']}@{who['hostname']} (pid {who['pid']})"
    return f"  file://{lock}: created by {where} at {who['timestamp'].partition('.')[0]}Z\n"
