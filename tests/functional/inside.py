"""A local Azure with one VM and a plain SSH server as its guest."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from tests.conformance import arm as azure
from tests.functional.world import OURS, SPEC, VM, World, machine_body
from tests.ssh_server import USER, Sshd, ssh_server
from vmops import Settings
from vmops.azure.client import Arm
from vmops.azure.clouds import connect
from vmops.core import host, keys, private
from vmops.core.processes import process_start_time, start_ticks
from vmops.core.state_dir import local_path
from vmops.local import endpoint
from vmops.local.endpoint import Endpoint, Record
from vmops.ops.api import VMOps

PARAMS = {"vmName": "vm", "resourceGroup": "rg"}
CLI = [sys.executable, "-c", "from vmops.cli import main; main()"]
WHICH = ["-p", "resourceGroup=rg"]
NOTHING = {"kind": "none", "reason": "no namespaces here", "guests": []}


class Guests:
    """Middleware that answers what runs inside the cloud's VMs."""

    def __init__(self, app: ASGIApp) -> None:
        self.told: dict[str, Any] = NOTHING
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope["path"] == "/_local/guests"
        await (JSONResponse(self.told) if ours else self._app)(scope, receive, send)


class Inside:
    """A state directory whose local Azure has the VM, and the SSH server."""

    def __init__(self, state_dir: Path, world: World, guests: Guests, server: Sshd) -> None:
        self.state_dir, self.world, self.guests, self.server = state_dir, world, guests, server
        self.ops = VMOps(Settings(state_dir=state_dir, owner="ada"))
        self.arm = Arm(connect("local", state_dir), timeout=60)
        self.home = server.home
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("VMOPS_")}
        self.environment |= {"VMOPS_STATE_DIR": str(state_dir), "VMOPS_OWNER": "ada", "HOME": str(state_dir.parent)}
        self.say({})

    @property
    def vm_id(self) -> str:
        """Give Azure's own id of the VM."""
        return self.world.machine().vm_id

    @contextmanager
    def saying(self, guest: dict[str, object] | None) -> Iterator[None]:
        """During a block, answer differently about the VM's guest, or that there is none."""
        self.say(guest)
        try:
            yield
        finally:
            self.say({})

    def say(self, guest: dict[str, object] | None) -> None:
        """Answer that the server is the VM's guest, with changes; or that there is none."""
        known = {"id": VM, "vmId": self.vm_id, "name": "vm", "state": "up", "ready": True, "why": ""}
        known |= {"host": "127.0.0.1", "port": self.server.port, "user": USER, "hostKey": self.server.public}
        told = {"kind": "namespaces", "reason": "", "guests": [known | (guest or {})]}
        self.guests.told = NOTHING if guest is None else told

    def __call__(self, verb: str, *words: str, given: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        """Call vmops from a shell; a traceback fails the test."""
        command = [*CLI, verb, *words]
        done = subprocess.run(command, input=given, capture_output=True, env=self.environment, timeout=60)
        assert b"Traceback" not in done.stderr, done.stderr.decode()
        return done

    def json(self, verb: str, *words: str) -> Any:
        """Parse what a call prints as one JSON value."""
        return json.loads(self(verb, "--json", *words).stdout)


@contextmanager
def inside(directory: Path) -> Iterator[Inside]:
    """Serve a cloud with the VM, whose key vmops has made, and its SSH server."""
    private.make_directory(directory)
    state_dir = directory / "state"
    served = azure.Served(directory / "cloud.db", 0, None)
    world = World(served, None)
    guests = Guests(world.journal)
    served.config.app = guests
    private.make_directory(local_path(state_dir))
    public_key = keys.ssh_public_key(state_dir, SPEC.stack)
    with served, ssh_server(directory / "home", public_key) as server, _found(state_dir, world):
        world.put_machine(OURS)
        yield Inside(state_dir, world, guests, server)


@contextmanager
def _found(state_dir: Path, world: World) -> Iterator[None]:
    """Make vmops use this process's cloud as its local Azure, and never end this process."""
    pid = os.getpid()
    told = Endpoint(world.url, azure.TOKEN, 1, pid)
    known = {"host_id": host.identity(), "ticks": start_ticks(pid) or 0}
    endpoint.write(state_dir, Record(told, process_start_time(pid) or 0.0, 0, **known))  # type: ignore[arg-type]
    try:
        yield
    finally:
        endpoint.path_of(state_dir).unlink()


def put_key(world: World, public_line: str) -> None:
    """Replace the VM by one with another login key."""
    world.send("DELETE", VM)
    world.pass_time()
    body = machine_body("vm")
    body["properties"]["osProfile"]["linuxConfiguration"]["ssh"]["publicKeys"][0]["keyData"] = public_line
    world.put(VM, OURS, **body)
