"""The whole life of a VM at Azure's own pace, in a few seconds: ``python -m tests.functional.stepped DIRECTORY``.

With a number, the creation of a fleet of that size, or of one VM. The local Azure, the provider, the workers and the
caller share one clock in one process. It stops while any of them computes, and jumps to the next wake-up time when
all sleep. Computing takes no time, so requests are as dense as possible. The engine is the real one, in its own
process. The requests are written to ``wire.json``.
"""

import json
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.conformance import arm as azure
from vmops import Settings, Status, VMOps
from vmops.core import file_lock, keys
from vmops.core.errors import OperationFailed
from vmops.core.state_dir import local_path, lock_path
from vmops.deploy import removal, steps
from vmops.deploy.circumstances import Circumstances
from vmops.deploy.context import open_for_change
from vmops.jobs.stack_records import StackRecords
from vmops.jobs.store import Store
from vmops.local import endpoint
from vmops.local.arm.state.clock import ManualClock
from vmops.local.provider import arm as provider_arm
from vmops.local.provider.server import serve
from vmops.spec.target import Target
from vmops.spec.vm_spec import VmSpec

_LOOK = 0.005
_QUIET = 12
"""Consecutive polls without progress after which all processes count as sleeping."""


class SteppedClock(ManualClock):
    """A clock that advances when all its users sleep, unless it is ``held``; it replaces `time` in their modules."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = threading.Condition()
        self._sleepers: list[float] = []
        self.held: Callable[[], bool] = bool
        self.time = time.time
        threading.Thread(target=self._move, daemon=True).start()

    def monotonic(self) -> float:
        return self.now()

    def sleep(self, seconds: float) -> None:
        with self._changed:
            due = self.now() + seconds
            self._sleepers.append(due)
            self._changed.wait_for(lambda: self.now() >= due)
            self._sleepers.remove(due)

    def _move(self) -> None:
        quiet, before = 0, self._state()
        while True:
            time.sleep(_LOOK)
            now = self._state()
            quiet, before = (quiet + 1 if now == before else 0), now
            if quiet >= _QUIET and self._sleepers and not self.held():
                quiet = 0
                with self._changed:
                    self.advance(max(0.0, min(self._sleepers, default=self.now()) - self.now()))
                    self._changed.notify_all()

    def _state(self) -> tuple[object, ...]:
        """Give values that change during work: the sleeping threads, and the engine's CPU time."""
        used: list[object] = []
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                used.append((process.pid, sum(process.cpu_times()[:2])))
        return (tuple(self._sleepers), *used)


class Wire:
    """Records each request: its time, its status, and when and where its sender is to poll next."""

    def __init__(self, app: ASGIApp, clock: SteppedClock) -> None:
        self.calls: list[dict[str, Any]] = []
        self._app, self._clock = app, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/_local"):
            await self._app(scope, receive, send)
            return
        call = {"at": self._clock.now(), "method": scope["method"], "path": scope["path"]}
        self.calls.append(call)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = Headers(raw=message["headers"])
                url = headers.get("azure-asyncoperation") or headers.get("location") or ""
                call.update(status=message["status"], follow=urlsplit(url).path or scope["path"], pause=_pause(headers))
            await send(message)

        await self._app(scope, receive, noting)


def _pause(headers: Headers) -> float:
    """Give the pause in seconds that an answer requests."""
    return float(headers.get("retry-after") or float(headers.get("x-ms-retry-after-ms") or 0) / 1000)


def share(clock: SteppedClock) -> None:
    """Make every module of vmops that waits for the cloud use a clock, with each pause as one sleep."""
    for name, module in list(sys.modules.items()):
        if name.startswith("vmops.") and ".engine." not in name and getattr(module, "time", None) is time:
            module.time = clock  # type: ignore[attr-defined]
    provider_arm._GRAIN = math.inf


@contextmanager
def stage(directory: Path) -> Iterator[tuple[VMOps, Wire, SteppedClock]]:
    """Give a local Azure at Azure's own pace, and the clock of all its users."""
    clock, state_dir = SteppedClock(), directory / "state"
    local_path(state_dir).mkdir(parents=True)
    served = azure.Served(directory / "cloud.db", 1, clock)
    wire = Wire(served.config.app, clock)  # type: ignore[arg-type]
    served.config.app = wire
    with served, closing(_Provider(served.url)) as provider:
        here = endpoint.Endpoint(served.url, azure.TOKEN, provider.port, os.getpid())
        endpoint.write(state_dir, endpoint.Record(here, psutil.Process().create_time(), 1))
        ops = VMOps(Settings(state_dir=state_dir, owner="tester"))
        share(clock)
        yield ops, wire, clock


def live(directory: Path) -> list[dict[str, Any]]:
    """Run a life, and give all its requests."""
    with stage(directory) as (ops, wire, clock):
        _live(ops, wire, clock)
    return wire.calls


def make(directory: Path, number: int) -> list[dict[str, Any]]:
    """Make so many VMs, and give all requests until they run."""
    size = {"vmName": "vm", "vmSize": "Standard_D2s_v5"}
    with stage(directory) as (ops, wire, _):
        spec = VmSpec.from_params(size | ({"vmCount": number} if number > 1 else {}))
        spec = spec.with_key(keys.ssh_public_key(ops.settings.state_dir, spec.stack))
        _deploy(ops, spec, lambda site: steps.provision(site, spec, Circumstances()))
    return wire.calls


class _Provider:
    def __init__(self, url: str) -> None:
        self._served = serve(provider_arm.Arm(url, azure.TOKEN))
        self.port = self._served.port

    def close(self) -> None:
        self._served.stop()


def _live(ops: VMOps, wire: Wire, clock: SteppedClock) -> None:
    """Provision a VM with one kill of the engine, stop, start, restart, resize and deprovision it."""
    spec = VmSpec.from_params(
        {"vmName": "vm", "adminPasswordOrKey": "Secret-5ecret-x", "authenticationType": "password"}
    )
    killer = threading.Thread(target=_kill_engine, args=(wire,))
    clock.held = lambda: _is_made(wire) and killer.is_alive()
    killer.start()
    with suppress(OperationFailed):
        _deploy(ops, spec, lambda site: steps.provision(site, spec, Circumstances(interrupted=False)))
    killer.join()
    _deploy(ops, spec, lambda site: steps.provision(site, spec, Circumstances(interrupted=True)))
    for verb in (ops.vm_stop, ops.vm_start, ops.vm_restart):
        params = {"vmName": "vm", "pollTimeout": 3600}
        assert verb(params)[0] is Status.PENDING, ops.last_failure(params)
        assert ops.wait_vm_operation(params)[0] is Status.SUCCEEDED, ops.last_failure(params)
    bigger = spec.model_copy(update={"vm_size": "Standard_D2s_v5", "os_disk_size_gb": 64})
    _deploy(ops, bigger, lambda site: steps.provision(site, bigger, Circumstances(interrupted=False)))
    _deploy(ops, spec, lambda site: removal.deprovision(site, spec, interrupted=False))


def _deploy(ops: VMOps, target: Target, steps: Callable[[Any], Any]) -> None:
    """Act as a worker, with the VM's lock."""
    held = file_lock.acquire(lock_path(ops.settings.state_dir, target.stack))
    assert held is not None
    records = StackRecords(Store(ops.settings.state_dir), target.stack)
    try:
        with open_for_change(ops.settings, target, records, (held,), longest=None) as site:
            steps(site)
    finally:
        os.close(held)


def _kill_engine(wire: Wire) -> None:
    """Kill the engine once the create of the VM has begun; the clock stops until it is dead."""
    while not _is_made(wire):
        time.sleep(_LOOK)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def _is_made(wire: Wire) -> bool:
    return any(call["method"] == "PUT" and "/virtualMachines/" in call["path"] for call in wire.calls)


if __name__ == "__main__":
    place, *number = sys.argv[1:]
    told = make(Path(place), int(number[0])) if number else live(Path(place))
    Path(place, "wire.json").write_text(json.dumps(told))
    os._exit(0)  # a killed engine leaves threads of the Automation API
