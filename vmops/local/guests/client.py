"""The daemon's connection to the guests' process, which is started when it is needed.

Like the provider, that is a separate process: a kill of the daemon leaves the guests, and the logins to them, running.
"""

import asyncio
import json
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

from vmops.core import children, interpreter
from vmops.core.children import Apart, Child
from vmops.core.environment import filtered_environment
from vmops.local.guests import place, protocol
from vmops.local.guests.protocol import Seen, Wanted

_MAX_LINE = 1 << 24
"""Bytes of one answer at most: enough for some thousands of guests."""


class NoGuests(Exception):
    """The host cannot run guests; the text is the reason."""


class GuestsClient:
    """The guests of a state directory; ``on_change`` is called when the state of one has changed."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._process: Child | None = None
        self._connecting = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.on_change: Callable[[], None] = lambda: None

    @property
    def is_needed(self) -> bool:
        """Tell whether any guests exist: their process runs, or an earlier one has left some."""
        return bool(self._writer or place.find(self._state_dir) or place.are_left(self._state_dir))

    async def connect(self) -> None:
        """Connect to the process, and start it if there is none.

        Raises: NoGuests if there can be none; OSError if it does not answer now.
        """
        async with self._connecting:
            if self._writer is None:
                await self._open()

    async def sync(self, wanted: Sequence[Wanted]) -> list[Seen]:
        """Send the complete list of wanted guests, and give their present states.

        Raises: as `connect`.
        """
        await self.connect()
        if self._writer is None:
            raise ConnectionResetError
        self._writer.write(protocol.wanted_line(wanted))
        await self._writer.drain()
        line = await self._answers.get()
        if not line:
            raise ConnectionResetError
        return protocol.read_seen(line)

    def log(self, vm_id: str) -> str:
        """Give the console output of a guest; empty if there is none."""
        path = place.guests_path(self._state_dir) / vm_id / "console.log"
        with suppress(OSError), os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            return file.read().decode(errors="replace")
        return ""

    def disconnect(self) -> None:
        """Disconnect from the process, and leave it running."""
        if self._writer:
            self._reading.cancel()
            self._writer.close()
        self._writer = None

    async def _open(self) -> None:
        if place.find(self._state_dir) is None:
            self._process = await asyncio.to_thread(start, self._state_dir)
        with place.address(self._state_dir) as address:
            reader, self._writer = await asyncio.open_unix_connection(address, limit=_MAX_LINE)
        self._answers = asyncio.Queue()
        self._reading = asyncio.create_task(self._read(reader, self._answers))

    async def _read(self, reader: asyncio.StreamReader, answers: "asyncio.Queue[bytes]") -> None:
        """Give answers to the waiting caller, and report changes; the end of the connection is an empty answer."""
        with suppress(OSError):
            while line := await reader.readline():
                if line == protocol.CHANGED:
                    self.on_change()
                else:
                    answers.put_nowait(line)
        self._writer = None
        answers.put_nowait(b"")
        self.on_change()


def start(state_dir: Path) -> Child:
    """Start the process, and wait until it reports whether this host can run guests.

    Raises: NoGuests if it cannot; OSError if another process that is about to end still has the guests.
    """
    environment = filtered_environment(os.environ, cloud="local", backend="")
    process = children.start(
        interpreter.command("vmops.local.guests.process", str(state_dir)),
        apart=Apart.SESSION,
        stdout=children.PIPE,
        env=interpreter.environment(environment),
    )
    with cast(IO[bytes], process.stdout) as stdout:
        report = json.loads(stdout.readline() or b'{"reason": "their process did not start: see daemon.log"}')
    if report.get("busy"):
        process.wait()
        raise BlockingIOError(report["reason"])
    if report["reason"]:
        process.wait()
        raise NoGuests(report["reason"])
    return process
