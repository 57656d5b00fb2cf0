"""Starts the provider as a separate process: an engine that uses it survives the daemon's death.

It is so with the real Azure too: the provider runs beside the engine, and Resource Manager is remote and may fail.
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
    """A provider that answers: its port, its pid, and its process's start, in seconds since the epoch and in ticks."""

    port: int
    pid: int
    started: float
    ticks: int


class Starting:
    """A provider that is starting; secrets reach it over a pipe."""

    def __init__(self, state_dir: Path, arm: str, token: str, port: int) -> None:
        """Start a provider that uses the ARM at a URL; it serves at ``port`` if that is free."""
        command = interpreter.command("vmops.local.provider_process", str(state_dir))
        found, pipe = interpreter.environment(os.environ), children.PIPE
        self._process = children.start(command, apart=Apart.SESSION, stdin=pipe, stdout=pipe, env=found)
        with cast(IO[bytes], self._process.stdin) as stdin:
            stdin.write(json.dumps({"arm": arm, "token": token, "port": port}).encode())

    def running(self) -> Running:
        """Wait until it answers.

        Raises: StartFailed when it dies instead.
        """
        with cast(IO[bytes], self._process.stdout) as stdout:
            port = stdout.readline()
        pid = self._process.pid
        started, ticks = processes.process_start_time(pid), processes.start_ticks(pid)
        if not port or started is None or ticks is None:
            raise StartFailed("the local Azure's provider did not start", "read its log")
        return Running(int(port), pid, started, ticks)

    def end(self) -> None:
        """End it at once; it is gone when this returns."""
        self._process.kill()
        self._process.wait()


@contextmanager
def provider_process(state_dir: Path, arm: str, token: str, last: Record | None) -> Iterator[Running | Starting]:
    """Give the provider that the last daemon left, or start one at its port.

    A started one is ended if the block fails, so that the last line of the log is the daemon's error.
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
