"""The targets of a kill, and the kill itself: SIGKILL without warning, as when memory is short."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import psutil

from tests.azure import all_of
from tests.chaos.scene import Scene
from tests.chaos.script import Kill
from tests.chaos.spoiling import spoil
from vmops.core.polling import NotYet, poll_until
from vmops.local import daemon

_CALLER = """
import json, sys
from pathlib import Path
from vmops import Settings, VMOps
ops = VMOps(Settings(state_dir=Path(sys.argv[1]), owner="chaos", workers=1))
params = json.loads(sys.stdin.readline())
print("go", flush=True)
getattr(ops, "vm_" + sys.argv[2])(params)
print("called", flush=True)
if sys.argv[2] in ("start", "stop", "restart"):
    ops.wait_vm_operation(params)
print("over", flush=True)
sys.stdin.read()
"""


class Caller:
    """Another process that calls a verb: about to when this is made, and idle afterwards."""

    def __init__(self, scene: Scene, verb: str) -> None:
        command = [sys.executable, "-c", _CALLER, str(scene.state_dir), verb]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(scene.params).encode() + b"\n")
        assert self._process.stdout.readline() == b"go\n"  # and no more: nothing is read ahead without a buffer
        os.set_blocking(self._process.stdout.fileno(), False)
        self._said = b""

    def has_said(self, word: str) -> bool:
        """Tell whether its call has returned (called), or the process has ended too."""
        assert self._process.stdout
        with suppress(BlockingIOError):
            self._said += os.read(self._process.stdout.fileno(), 100)
        return word.encode() in self._said or self._process.poll() is not None

    @property
    def process(self) -> psutil.Process:
        return psutil.Process(self._process.pid)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(BrokenPipeError):
                if pipe:
                    pipe.close()


def kill_targets(scene: Scene, kill: Kill, caller: Caller | None) -> list[psutil.Process]:
    """Give the existing target processes of a kill."""
    if kill.target == "caller":
        return [caller.process] if caller else []
    if kill.target == "azure":
        here = daemon.find(scene.state_dir)
        return [psutil.Process(here.pid)] if here else []
    kinds = {"worker", "engine"} if kill.target in {"both", "state"} else {kill.target}
    return [process for kind, process in all_of(scene.state_dir) if kind in kinds]


def strike(scene: Scene, kill: Kill, meant: list[psutil.Process], come: Callable[[], bool]) -> bool:
    """Kill, if the moment still lasts once all targets are stopped; tell whether it did.

    The local Azure, which reports some moments, must not be stopped for the check.
    """
    if kill.target != "azure" and not _stand_still(meant, come):
        return False
    for process in meant:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    assert poll_until(lambda: not any(map(_lives, meant)) or NotYet(0.002), timeout=60)
    if kill.target == "state":
        spoil(scene.state_file, kill.spoilt)
    return True


def _lives(process: psutil.Process) -> bool:
    """Tell whether a process is alive, and not a zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _stand_still(processes: list[psutil.Process], come: Callable[[], bool]) -> bool:
    """Stop processes, and resume them if the moment has passed."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.suspend()
    if come():
        return True
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.resume()
    return False
