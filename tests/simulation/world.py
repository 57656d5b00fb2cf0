"""The product in one process: workers are threads, the engine is simulated, and Azure is called directly.

Everything else is the product's own code. The outside worlds of each module are replaced by name: time, signals,
processes, the engine's command, the socket.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest.mock import patch

from tests.chaos.moments import that_comes
from tests.chaos.scene import Scene
from tests.chaos.script import Kill
from tests.chaos.spoiling import spoil
from tests.simulation import command, goals
from tests.simulation.clocked import CLOCKED
from tests.simulation.disk import Disk, disk
from tests.simulation.turns import Process, Signals, Turns, turns
from tests.simulation.wire import TOKEN, URL, Wire, wire
from vmops.core.errors import StoreError
from vmops.core.settings import Settings
from vmops.jobs import worker
from vmops.jobs.opened import open_store
from vmops.jobs.operation import Operation
from vmops.jobs.order import JobRequest
from vmops.local.endpoint import Endpoint
from vmops.local.provider.arm import Arm

_REST, _GRAIN = 60.0, 1.0
"""Seconds between polls of what is notified here: longer than in the product, because each poll costs a switch."""

_MOMENTS = {"carried-out": "answered", "lost": "answered"}
"""The names of moments here that differ from those of real processes."""

_COMM = Path("/proc/self/comm")


@dataclass
class World:
    """One process that simulates all processes; ``planned`` is the kill that may end a worker or an engine."""

    turns: Turns
    wire: Wire
    disk: Disk
    planned: "PlannedKill" = field(default_factory=lambda: PlannedKill())
    engines: dict[tuple[str, int], Process] = field(default_factory=dict)

    def moment(self, name: str) -> None:
        """Reach a moment at which a worker or an engine may die; callers never do."""
        if self.turns.current is self.turns.caller:
            return
        if self.planned.target == "engine" and self.turns.current not in self.engines.values():
            return
        if not self.planned.comes(name):
            return
        self.planned.struck = True
        if self.planned.target == "engine":
            raise command.Killed
        self.turns.kill(self.turns.current)

    async def keep(self, _rules: object, _call: str, seconds: float | None) -> None:
        """Let time pass for a delayed call."""
        assert seconds is not None, "nobody would take the fault back"
        self.turns.sleep(seconds)

    def kill(self, scene: Scene, verb: str, drawn: Kill) -> tuple[Kill, bool]:
        """Call a verb and kill its worker with the engine; replaces `tests.chaos.killing.kill`."""
        assert drawn.target in {"both", "state"}, f"the double cannot kill {drawn.target} from outside"
        met = replace(drawn, moment=that_comes(drawn.moment, scene, verb))
        self.planned = PlannedKill("worker", _MOMENTS.get(met.moment.name, met.moment.name), met.moment.number)
        getattr(scene.ops, f"vm_{verb}")(scene.params)
        scene.ops.wait_vm_deployment(verb == "provision", scene.params)
        struck, self.planned = self.planned.struck, PlannedKill()
        if struck and drawn.target == "state":
            spoil(scene.state_file, drawn.spoilt)
        return met, struck

    def start(self, settings: Settings, operation: Operation, order: JobRequest, held: int) -> None:
        """Start a worker; replaces `vmops.jobs.start.start_worker`."""
        lock, wire = os.dup(held), order.to_wire()
        process = self.turns.start(lambda: self._work(settings.state_dir, operation.id, lock, wire))
        process.locks.add(lock)
        process.died = lambda: _let_go(process)

    def _work(self, state_dir: Path, operation_id: str, lock: int, wire: bytes) -> None:
        """Act as a worker; one that cannot write dies, and its record is closed later."""
        try:
            settings = Settings(state_dir=state_dir)
            worker.run_job(open_store(settings), settings, operation_id, lock, wire)
        except (StoreError, OSError):
            if not self.disk.was_bad:
                raise


@dataclass
class PlannedKill:
    """The kill of a worker with its engine, or of an engine, at the ``number``-th moment of a name."""

    target: str = ""
    name: str = ""
    number: int = 0
    struck: bool = False

    def comes(self, name: str) -> bool:
        """Count a moment, and tell whether it is the planned one."""
        if self.target and name == self.name:
            self.number -= 1
            return self.number == 0
        return False


class _Os:
    """The ``os`` of a simulated module: process ids and descriptors are those of the running process."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def getpid(self) -> int:
        return self._turns.current.pid

    def open(self, *how: Any) -> int:
        descriptor = os.open(*how)
        for process in (self._turns.caller, *self._turns.workers):
            process.locks.discard(descriptor)
        self._turns.current.locks.add(descriptor)
        return descriptor


def _has_open(process: Process | None, path: Path) -> bool:
    """Tell whether a process has a lock's file open, even if it is deleted."""
    return process is not None and any(_path_of(each).removesuffix(" (deleted)") == str(path) for each in process.locks)


def _let_go(process: Process) -> None:
    """Close the locks of a process, as its end does."""
    for descriptor in process.locks:
        if "/locks/" in _path_of(descriptor):
            os.close(descriptor)
    process.locks.clear()


def _path_of(descriptor: int) -> str:
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:
        return ""


@contextmanager
def world(directory: Path, pace: float) -> Iterator[World]:
    """Run the product in this process, with the cloud in a file of a directory, during a block."""
    with ExitStack() as stack:
        time = stack.enter_context(turns())
        azure = stack.enter_context(wire(directory / "cloud.db", pace, _Clock(time)))
        made = World(time, azure, stack.enter_context(disk(directory / "state")))
        made.wire.before = lambda method, path: _passed(made, "sent", method)
        made.wire.after = lambda method, path: _passed(made, "answered", method)
        for target, value in _replacements(made).items():
            stack.enter_context(patch(f"vmops.{target}", value))
        stack.enter_context(patch("tests.chaos.killing.kill", made.kill))
        try:
            yield made
        finally:
            time.end()


def _passed(made: World, when: str, method: str) -> None:
    if method not in {"GET", "HEAD"}:
        made.moment(when)


def _replacements(made: World) -> dict[str, Any]:
    time, system = made.turns, _Os(made.turns)
    host = command.Host(time, Arm(URL, TOKEN), made.moment, made.engines)
    here = Endpoint(URL, TOKEN, 1, time.caller.pid)
    return {
        **{f"{name}.time": time for name in CLOCKED},
        "core.polling._pause": time.sleep,
        "ops.deployments._WATCHED_POLL_INTERVAL": _REST,
        "local.provider.arm._GRAIN": _GRAIN,
        "engine.deadline.signal": Signals(time),
        "core.file_lock.os": system,
        "jobs.worker.os": system,
        "jobs.worker.NAME": _COMM.read_text().strip() if _COMM.exists() else "",
        "jobs.worker._logging": lambda *_: nullcontext(),
        "jobs.start.start_worker": made.start,
        "local.arm.faults.rules.Rules.delay": lambda rules, call, seconds: made.keep(rules, call, seconds),
        "jobs.worker.start_ticks": time.start_ticks,
        "jobs.fence.start_ticks": time.start_ticks,
        "jobs.fence.process": lambda pid: _Known(time, pid) if time.process(pid) else None,
        "jobs.fence.has_open": lambda pid, path: _has_open(time.process(pid), path),
        "jobs.fence.session": lambda leader: [],
        "core.host.identity": lambda: sha256(time.current.host.encode()).hexdigest()[:32],
        "engine.backend.notes.start_ticks": host.start_ticks,
        "engine.program.program": goals.program,
        "engine.workspace.FastStack": command.DoubleStack,
        "engine.install.locate.path": lambda choice=None: Path("/double/pulumi"),
        "deploy.context.EngineCommand": command.command_of(host),
        "local.daemon.ensure": lambda state_dir, pace=None, tls=None: here,
        "local.daemon.find": lambda state_dir: here,
        "local.daemon.stop": lambda state_dir: True,
    }


@dataclass(frozen=True)
class _Known:
    """A worker as `psutil` shows it."""

    turns: Turns
    pid: int

    def send_signal(self, number: int) -> None:
        process = self.turns.process(self.pid)
        if process:
            self.turns.send(process, number)


@dataclass(frozen=True)
class _Clock:
    turns: Turns

    def now(self) -> float:
        return self.turns.now
