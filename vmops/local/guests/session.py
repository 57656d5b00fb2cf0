"""What a login runs: a command or a shell, with pipes or a terminal; it ends with the connection.

asyncssh's own redirection breaks off the whole connection when a client closes one stream first, so the streams are
read and written here.
"""

import asyncio
import fcntl
import os
import pwd
import signal
import struct
import termios
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import cast

import asyncssh

from vmops.local.guests.namespaces import PATH

_CHUNK = 1 << 16
_ACCEPTED = ("LANG", "LC_")
"""Variables that a client may set. Source: sshd_config(5) of Debian, AcceptEnv."""

_END_OF_INPUT = b"\x04"
"""The end of input at a terminal. Source: termios(3), VEOF."""

Client = asyncssh.SSHServerProcess[bytes]


async def run(client: Client) -> None:
    """Run what a client requests, and send it the result."""
    running = await (_with_terminal(client) if client.term_type is not None else _with_pipes(client))
    gone = asyncio.ensure_future(client.wait_closed())
    await asyncio.wait([running, gone], return_when=asyncio.FIRST_COMPLETED)
    if not running.done():
        running.cancel()
    elif not gone.done():
        _tell(client, running.result())


def _tell(client: Client, code: int) -> None:
    if code >= 0:
        client.exit(code)
    else:
        client.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))


async def _with_pipes(client: Client) -> "asyncio.Task[int]":
    command, environment = _command(client), _environment(client)
    child = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=PIPE, env=environment, start_new_session=True
    )
    return asyncio.create_task(_piped(client, child))


async def _piped(client: Client, child: Process) -> int:
    stdin = cast(asyncio.StreamWriter, child.stdin)
    stdout, stderr = cast(asyncio.StreamReader, child.stdout), cast(asyncio.StreamReader, child.stderr)
    heard = asyncio.create_task(_listen(client, child, _Ends(partial(_give, stdin), lambda *_: None, stdin.close)))
    try:
        await asyncio.gather(_say(stdout, client.stdout), _say(stderr, client.stderr))
        return await child.wait()
    finally:
        heard.cancel()
        _hang_up(child)


async def _with_terminal(client: Client) -> "asyncio.Task[int]":
    ours, theirs = os.openpty()
    _resize(ours, *client.term_size[:2])
    environment = {**_environment(client), "TERM": client.term_type or "dumb", "SSH_TTY": os.ttyname(theirs)}
    first, *others = _command(client, interactive=client.command is None)
    shell = pwd.getpwuid(0).pw_shell
    child = await asyncio.create_subprocess_exec(
        first, *others, executable=shell, stdin=theirs, stdout=theirs, stderr=theirs, env=environment,
        preexec_fn=lambda: os.login_tty(theirs),
    )  # fmt: skip
    os.close(theirs)
    return asyncio.create_task(_on_terminal(client, child, ours))


async def _on_terminal(client: Client, child: Process, ours: int) -> int:
    loop, said = asyncio.get_running_loop(), asyncio.StreamReader()
    taken = asyncio.StreamReaderProtocol(asyncio.StreamReader())
    reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(said), os.fdopen(ours, "rb", 0))
    writing, _ = await loop.connect_write_pipe(lambda: taken, os.fdopen(os.dup(ours), "wb", 0))
    writer = asyncio.StreamWriter(writing, taken, None, loop)
    give = partial(_give, writer)
    ends = _Ends(give, partial(_resize, ours), lambda: writer.write(_END_OF_INPUT))
    heard = asyncio.create_task(_listen(client, child, ends))
    try:
        await _say(said, client.stdout)
        return await child.wait()
    finally:
        heard.cancel()
        _hang_up(child)
        reading.close()
        writing.close()


@dataclass(frozen=True)
class _Ends:
    """The handlers for a client's input, the size of its window, and the end of its input."""

    give: Callable[[bytes], Awaitable[None]]
    resize: Callable[[int, int], None]
    at_end: Callable[[], None]


async def _give(writer: asyncio.StreamWriter, heard: bytes) -> None:
    writer.write(heard)
    await writer.drain()


async def _listen(client: Client, child: Process, ends: _Ends) -> None:
    """Pass on a client's input, and its signals."""
    while True:
        try:
            heard = await client.stdin.read(_CHUNK)
            if not heard:
                return ends.at_end()
            await ends.give(heard)
        except asyncssh.TerminalSizeChanged as changed:
            ends.resize(changed.width, changed.height)
        except asyncssh.BreakReceived:
            _send(child, signal.SIGINT)
        except asyncssh.SignalReceived as received:
            _send(child, getattr(signal, f"SIG{received.signal}", signal.SIGTERM))
        except (OSError, asyncssh.Error):  # who listens, or who speaks, is gone
            return ends.at_end()


async def _say(said: asyncio.StreamReader, client: "asyncssh.SSHWriter[bytes]") -> None:
    """Pass on the command's output, as fast as the client takes it."""
    with suppress(OSError, asyncssh.Error):  # of a terminal that closes, an error is all that is read
        while chunk := await said.read(_CHUNK):
            client.write(chunk)
            await client.drain()


def _command(client: Client, *, interactive: bool = False) -> list[str]:
    """Give the login shell with the command; an interactive one is started as a login shell."""
    shell = pwd.getpwuid(0).pw_shell
    if client.command is not None:
        return [shell, "-c", client.command]
    return [f"-{os.path.basename(shell)}"] if interactive else [shell]  # noqa: PTH119 - a name, and no path


def _environment(client: Client) -> dict[str, str]:
    account = pwd.getpwuid(0)
    asked = {name: value for name, value in client.env.items() if name.startswith(_ACCEPTED)}
    here, there = client.get_extra_info("sockname"), client.get_extra_info("peername")
    ends = f"{there[0]} {there[1]} {here[0]} {here[1]}" if here and there else ""
    named = {"USER": account.pw_name, "LOGNAME": account.pw_name, "HOME": account.pw_dir, "SHELL": account.pw_shell}
    return {**asked, **named, "PATH": PATH, "SSH_CONNECTION": ends}


def go_home() -> None:
    """Change to the user's home if it exists: a client's relative paths start there."""
    with suppress(OSError):
        os.chdir(pwd.getpwuid(0).pw_dir)


def _resize(terminal: int, width: int, height: int) -> None:
    """Set a terminal's size in characters. Source: ioctl_tty(2), TIOCSWINSZ."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", height, width, 0, 0))


def _hang_up(child: Process) -> None:
    """Send SIGHUP to all processes that the command has started, and that have not left it."""
    if child.returncode is None:
        _send(child, signal.SIGHUP)


def _send(child: Process, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, number)
