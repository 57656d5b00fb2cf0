"""The provider as a process of its own, beside the daemon: an engine that works with it outlives the daemon's death.

On Azure too the provider is the engine's neighbour, and Resource Manager is far away and may fail for a while.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from vmops.core import children, interpreter, processes
from vmops.core.children import Apart
from vmops.core.errors import StartFailed
from vmops.local.endpoint import Record


@dataclass(frozen=True)
class Running:
    """A provider that answers: its port, its pid, and when its process started, by the clock and in ticks."""

    port: int
    pid: int
    started: float
    ticks: int


class Starting:
    """A provider on its way; it is told what is secret over a pipe."""

    def __init__(self, state_dir: Path, arm: str, token: str, port: int) -> None:
        """Start one that speaks to the ARM at a URL; it takes the port if it is free."""
        command = interpreter.command("vmops.local.provider_process", str(state_dir))
        found, pipe = interpreter.environment(os.environ), children.PIPE
        self._process = children.start(command, apart=Apart.SESSION, stdin=pipe, stdout=pipe, env=found)
        with cast(IO[bytes], self._process.stdin) as told:
            told.write(json.dumps({"arm": arm, "token": token, "port": port}).encode())

    def running(self) -> Running:
        """Wait until it answers.

        Raises: StartFailed when it dies instead.
        """
        with cast(IO[bytes], self._process.stdout) as said:
            port = said.readline()
        pid = self._process.pid
        started, ticks = processes.process_start_time(pid), processes.start_ticks(pid)
        if not port or started is None or ticks is None:
            raise StartFailed("the local Azure's provider did not start", "read what it said in the log")
        return Running(int(port), pid, started, ticks)

    def end(self) -> None:
        """End it at once; it is gone when this returns."""
        self._process.kill()
        self._process.wait()


@contextmanager
def beside(state_dir: Path, arm: str, token: str, last: Record | None) -> Iterator[Running | Starting]:
    """Give the provider that the last daemon left behind, or start one where its was; it ends if the work inside fails.

    So are the last words in the log those of the daemon, not of a provider that nobody listens to.
    """
    if last and last.provider_alive:
        ticks = last.provider_ticks or processes.start_ticks(last.provider_pid) or 0
        yield Running(last.endpoint.provider, last.provider_pid, last.provider_started, ticks)
        return
    starting = Starting(state_dir, arm, token, last.endpoint.provider if last else 0)
    try:
        yield starting
    except BaseException:
        starting.end()
        raise
