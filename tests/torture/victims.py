"""What is killed: without warning, as the kernel would when memory is short."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress

import psutil

from tests.azure import living
from tests.torture.scene import Scene
from tests.torture.script import Kill
from vmops.local import daemon

_CALLER = """
import json, sys
from pathlib import Path
from vmops import Settings, VMOps
ops = VMOps(Settings(state_dir=Path(sys.argv[1]), owner="torture"))
params = json.loads(sys.stdin.readline())
print("go", flush=True)
getattr(ops, "vm_" + sys.argv[2])(params)
print("called", flush=True)
sys.stdin.read()
"""


class Caller:
    """Another process that calls a verb: about to when this is made, and idle once it has."""

    def __init__(self, scene: Scene, verb: str) -> None:
        command = [sys.executable, "-c", _CALLER, str(scene.state_dir), verb]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(scene.params) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "go\n"
        os.set_blocking(self._process.stdout.fileno(), False)
        self._said = b""

    @property
    def called(self) -> bool:
        """Tell whether its call has come back, or has failed."""
        assert self._process.stdout
        with suppress(BlockingIOError):
            self._said += os.read(self._process.stdout.fileno(), 100)
        return b"called" in self._said or self._process.poll() is not None

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                if pipe:
                    pipe.close()


def strike(scene: Scene, kill: Kill, caller: Caller | None) -> bool:
    """Kill; tell whether there was anything to kill."""
    if caller:
        caller.kill()
        return True
    if kill.victim == "azure":
        return _kill_azure(scene)
    kinds = {"worker", "engine"} if kill.victim in {"both", "state"} else {kill.victim}
    victims = [process for kind, process in living(scene.state_dir) if kind in kinds]
    for process in victims:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    if kill.victim == "state":
        psutil.wait_procs(victims, timeout=10)
        _spoil(scene, kill.spoilt)
    return bool(victims)


def _kill_azure(scene: Scene) -> bool:
    here = daemon.find(scene.state_dir)
    if here is None:
        return False
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(here.pid)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
    return True


def _spoil(scene: Scene, how: str) -> None:
    """Leave the engine's state as a loss of power may."""
    path = scene.state_file
    if not path.exists():
        return
    match how:
        case "empty":
            path.write_bytes(b"")
        case "cut off":
            path.write_bytes(path.read_bytes()[:300])
        case "garbage":
            path.write_bytes(b"\x00garbage" * 40)
        case "lost":
            path.unlink()
