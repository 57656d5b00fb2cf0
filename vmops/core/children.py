"""Starts child processes, and kills them with their process groups."""

import os
import signal
import subprocess
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path
from typing import IO, TypeAlias

Child: TypeAlias = "subprocess.Popen[bytes]"
"""A process that this one has started; its streams carry bytes."""

Completed: TypeAlias = "subprocess.CompletedProcess[bytes]"
"""A process that has ended: its arguments, exit code and output."""

completed = subprocess.CompletedProcess
"""Makes a `Completed` from ``args``, ``returncode``, ``stdout`` and ``stderr``."""

StillRunning = subprocess.TimeoutExpired
"""Raised by `Child.communicate` when its timeout has passed; ``output`` is the output so far."""

NOTHING, PIPE, WITH_OUTPUT, OURS = subprocess.DEVNULL, subprocess.PIPE, subprocess.STDOUT, None
"""What a standard stream may be: nothing, a pipe to this process, the child's stdout, or the parent's own stream."""

Stream: TypeAlias = int | IO[bytes] | None


class Apart(Enum):
    """How far a child is detached: in its parent's process group, in a group of its own, or in its own session."""

    NOT = "not"
    GROUP = "group"
    SESSION = "session"


def start(
    command: Sequence[str],
    *,
    apart: Apart,
    stdin: Stream = NOTHING,
    stdout: Stream = OURS,
    stderr: Stream = OURS,
    cwd: Path | str | None = None,
    env: Mapping[str, str] | None = None,
    inherits: Collection[int] = (),
) -> Child:
    """Start a program. It inherits its standard streams and the descriptors in ``inherits``, no others.

    Raises: OSError if it cannot be run.
    """
    return subprocess.Popen(
        command,
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        cwd=cwd,
        env=env,
        pass_fds=tuple(inherits),
        process_group=0 if apart is Apart.GROUP else None,
        start_new_session=apart is Apart.SESSION,
    )


def answer(command: Sequence[str], *, env: Mapping[str, str], timeout: float) -> str:
    """Run a program and give its output: empty if it cannot be run, fails, or takes longer than ``timeout`` seconds."""
    try:
        ran = subprocess.run(command, env=env, capture_output=True, timeout=timeout, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return ran.stdout.decode(errors="replace").strip()


def kill_group(child: Child) -> None:
    """Kill a detached child with its process group, unless it was reaped before. It is dead when this returns."""
    if child.returncode is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
